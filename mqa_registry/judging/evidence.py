"""Evidence: what a person needs to believe a verdict, besides its numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.boundary import calling, check_picks, checked_evidence, checked_right
from mqa_registry.contributions import Comparison, Statistic
from mqa_registry.judging.examples import select_examples
from mqa_registry.judging.sweeps import perturbation_counts
from mqa_registry.stats.paired import PairedProportions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mqa_registry.judging.claims import Evaluation, StepEvaluation
    from mqa_registry.judging.samples import MeasureInputs, Sample
    from mqa_registry.observations import Observations
    from mqa_registry.plan import Step
    from mqa_registry.stats.estimates import Bools
    from mqa_registry.suite import Use


def gather_evidence(
    step: Step, evaluation: StepEvaluation, observations: Observations, *, with_examples: bool
) -> dict[str, Any]:
    """Counts that a reader needs, what a comparison shows, and the rows that speak most against the check.

    `step` is the last severity of a sweep. Rows, which are those of the worst group where there are groups, are left out
    of a check that holds, without `with_examples`.
    """
    observed, inputs = observations.views[step.view], evaluation.inputs
    assert observed.seen is not None
    counts = {"missing": inputs.sample.missing, "unlabelled": inputs.sample.unlabelled}
    if step.view.rows.perturb:
        counts |= {"declined": observed.seen.declined}
    evidence: dict[str, Any] = {name: count for name, count in counts.items() if count}
    if step.view.rows.perturb:
        perturbed = perturbation_counts(len(observed.seen.rows), observed.seen)
        evidence |= {key: perturbed[key] for key in ("changed", "edits") if key in perturbed}
    if not inputs.is_paired:
        evidence["unpaired"] = True
    if inputs.sample.clusters is not None:
        evidence["clusters"] = len(np.unique(inputs.sample.clusters))
    evidence |= _absent_classes(evaluation.whole) | _mcnemar_of(evaluation.whole) | compare_predictions(step, inputs)
    picked = evidence.pop("examples", None)
    if with_examples:
        rows = observations.rows[step.view.rows.data]
        evidence["examples"] = select_examples(_worst_inputs(evaluation), observed.seen.rows, rows, picked)
    return evidence


def compare_predictions(step: Step, inputs: MeasureInputs) -> dict[str, Any]:
    """What a comparison shows of all the rows that it compared.

    Nothing for a metric, where there are no rows, or where predictions are held against those before a perturbation that
    ought to change them. Remarks name the severity, and with targets the last of them says how many rows are newly wrong
    and newly right.
    """
    comparison = inputs.measure.contribution
    if not isinstance(comparison, Comparison) or inputs.reference is None or not len(inputs.sample):
        return {}
    assert step.reference is not None
    if step.view.rows.changes_answers and not step.reference.rows.changes_answers:
        return {}
    evidence: dict[str, Any] = {}
    if comparison.evidence is not None:
        pair = inputs.reference.predictions, inputs.sample.predictions
        measure = inputs.measure
        evidence |= checked_evidence(measure.who, measure.call_part(comparison.evidence, *pair))
        check_picks(measure.who, evidence)
    if comparison.right is not None:
        pairs = _count_flips(inputs.measure, comparison.right, inputs.reference, inputs.sample)
        if pairs is not None:
            evidence["mcnemar"] = mcnemar_evidence(pairs, is_clustered=inputs.sample.clusters is not None)
    if remarks := _remarks(evidence):
        at = "" if step.severity is None else f"at severity {step.severity:g}: "
        evidence["remarks"] = [at + remark for remark in remarks]
    return evidence


def mcnemar_evidence(
    pairs: PairedProportions, *, is_swapped: bool = False, is_clustered: bool = False
) -> dict[str, Any]:
    """How many rows were lost and won, and McNemar's p, which is none of rows in clusters: they are not drawn one by one.

    Where the pairs were counted from candidate to reference they are swapped.
    """
    lost, won = pairs.negative_flips, pairs.positive_flips
    if is_swapped:
        lost, won = won, lost
    return {"lost": lost, "won": won} | ({} if is_clustered else {"p": pairs.mcnemar})


def _absent_classes(evaluation: Evaluation) -> dict[str, Any]:
    """The classes that a statistic is about and no row has."""
    value = evaluation.measurement.output.value if evaluation.measurement is not None else None
    return {"absent": list(value.absent)} if isinstance(value, Statistic) and value.absent else {}


def _mcnemar_of(evaluation: Evaluation) -> dict[str, Any]:
    """McNemar's exact test, which many know, for the rows of the score interval."""
    for pairs in evaluation.numbers.values():
        if isinstance(pairs, PairedProportions) and pairs.rows and pairs.design is None:
            return {"mcnemar": mcnemar_evidence(pairs, is_swapped="rise" in evaluation.numbers)}
    return {}


def _worst_inputs(evaluation: StepEvaluation) -> MeasureInputs:
    """The rows to look at: those of the group that is worst off, where there are groups."""
    large = list(evaluation.large_groups.values())
    if not large or not all("value" in group.numbers for group in large):
        return evaluation.inputs
    is_bounded_above = any(math.isfinite(claim.high) and math.isinf(claim.low) for claim in large[0].claims)
    sign = -1 if is_bounded_above else 1
    finite = [group for group in large if math.isfinite(group.numbers["value"].value)] or large
    worst = min(finite, key=lambda group: sign * group.numbers["value"].value)
    assert worst.measurement is not None
    return worst.measurement.selected_inputs


def _count_flips(measure: Use, right: Callable[..., Any], before: Sample, now: Sample) -> PairedProportions | None:
    """The rows that were right and are wrong, and the other way round, of those with a target on both sides."""
    if before.targets is None or now.targets is None:
        return None
    labelled = np.flatnonzero(~(before.targets.missing | now.targets.missing))
    if not len(labelled):
        return None
    was, stays = (_is_right(measure, right, side.take(labelled)) for side in (before, now))
    return PairedProportions(int((was & ~stays).sum()), int((stays & ~was).sum()), len(labelled))


def _is_right(measure: Use, right: Callable[..., Any], sample: Sample) -> Bools:
    with calling(measure.who):
        given = right(sample.targets, sample.predictions)
    return checked_right(measure.who, given, len(sample))


def _remarks(evidence: Mapping[str, Any]) -> Sequence[str]:
    remarks = [str(remark) for remark in evidence.get("remarks", ())]
    counts = evidence.get("mcnemar", {"lost": 0, "won": 0})
    if not counts["lost"] + counts["won"]:
        return remarks
    p = f", McNemar p = {counts['p']:.2g}" if "p" in counts else ""
    flips = f"{counts['lost']:,} newly wrong, {counts['won']:,} newly right{p}"
    return [*remarks[:-1], "; ".join([*remarks[-1:], flips])]
