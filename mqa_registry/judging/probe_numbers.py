"""The numbers of probes: what a probe computes of its table, as estimates of all it observed or of each of its groups."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mqa_registry.boundary import ContributionCall, check_evidence, check_grouped_numbers, check_probe_numbers
from mqa_registry.contributions import Shortfall
from mqa_registry.expect import VALUE
from mqa_registry.judging.claims import Evaluation, StepEvaluation, claim_range
from mqa_registry.judging.measurements import MeasureOutput, estimate
from mqa_registry.judging.result import ResultEvidence
from mqa_registry.judging.samples import clusters_of
from mqa_registry.stats.estimates import UNBOUNDED, ShortfallEstimate
from mqa_registry.stats.resampling import IntervalOptions

if TYPE_CHECKING:
    import pyarrow as pa

    from mqa_registry.boundary.measures import ProbeNumbers
    from mqa_registry.observations import ProbeResult
    from mqa_registry.plan import Plan, ProbeRequest
    from mqa_registry.stats.estimates import Claim, Estimate
    from mqa_registry.suite import Check


def evaluate_probe(plan: Plan, check: Check, request: ProbeRequest, table: pa.Table) -> StepEvaluation:
    """A probe's numbers, and what has to be true of them: of each group where it makes groups.

    The numbers of a check whose probe makes groups are those of its worst group, by the bounds on `value`.
    """
    purpose, clusters = f"{request.use.key} {request.view.rows.name}", clusters_of(table)
    options = IntervalOptions(plan.suite.seed, purpose, proportion_interval=check.interval, clusters=clusters)
    evaluate = partial(_evaluate_numbers, check, request, table.num_rows)
    contributor, outputs = request.use.contributor, request.probe.outputs
    with ContributionCall(contributor):
        given = request.probe.numbers(table)
    if not request.probe.grouped:
        return StepEvaluation(evaluate(check_probe_numbers(contributor, given, outputs), options))
    groups = {
        name: evaluate(numbers, replace(options, purpose=f"{purpose} {name}"))
        for name, numbers in check_grouped_numbers(contributor, given, outputs).items()
    }
    worst = max(groups.values(), key=partial(_rate_badness, check))
    return StepEvaluation(Evaluation(None, worst.numbers), groups, gaps=Evaluation(None, {}))


def gather_probe_evidence(request: ProbeRequest, table: pa.Table, observed: ProbeResult) -> ResultEvidence:
    """What the probe shows, with the counts of rows that a perturbation left out or changed."""
    with ContributionCall(request.use.contributor):
        given = request.probe.evidence(table)
    evidence = check_evidence(request.use.contributor, given)
    is_perturbed = bool(request.view.rows.perturb)
    return ResultEvidence(
        declined=observed.declined if is_perturbed else 0,
        changed=observed.changed if is_perturbed else None,
        remarks=tuple(evidence.remarks),
        notes=tuple(evidence.notes),
        examples=tuple(evidence.examples),
        details=evidence.details,
    )


def _evaluate_numbers(
    check: Check, request: ProbeRequest, rows: int, numbers: ProbeNumbers, options: IntervalOptions
) -> Evaluation:
    """The estimates of a probe's numbers, in the order of its outputs, and the claims of a check on them."""
    measured: dict[str, Estimate] = {
        name: estimate(
            MeasureOutput.of(number, request.probe.ranges.get(name, UNBOUNDED)),
            rows,
            replace(options, purpose=f"{options.purpose} {name}"),
        )
        for name, number in numbers.items()
        if not isinstance(number, Shortfall)
    }
    shortfalls: dict[str, Estimate] = {
        name: ShortfallEstimate(measured[number.number], number.claimed, number.less_is_better)
        for name, number in numbers.items()
        if isinstance(number, Shortfall)
    }
    estimates = {name: (measured | shortfalls)[name] for name in numbers}
    claims = [claim_range(name, estimates[name], one) for name, one in check.expect.items()]
    return Evaluation(None, estimates, [_fail_beyond_zero(one) if one.text in shortfalls else one for one in claims])


def _fail_beyond_zero(claim: Claim) -> Claim:
    """The claim that a shortfall lies within bounds, such that it fails where what was claimed of the number is refuted.

    That is where the whole interval lies on one side of 0, and so what was claimed outside of the measured interval. Bounds
    that leave no room for 0 stay what they are.
    """
    if not claim.low <= 0 <= claim.high:
        return claim
    low, high = (0.0 if math.isfinite(end) else end for end in (claim.low, claim.high))
    return replace(claim, failing=(low, high))


def _rate_badness(check: Check, group: Evaluation) -> float:
    """How bad the number `value` of a group is; least where it has none, or it is undefined."""
    number = group.numbers.get(VALUE.name)
    if number is None or math.isnan(number.value):
        return -math.inf
    return -number.value if check.value.slope > 0 else number.value
