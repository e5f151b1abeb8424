"""Probe results: the numbers of what a probe saw, with intervals where they have any, and the verdict on them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mqa_registry.boundary import calling, checked_evidence, checked_numbers
from mqa_registry.judging.claims import Evaluation, StepEvaluation, range_claim
from mqa_registry.judging.measurements import MeasureOutput, estimate
from mqa_registry.judging.result import Result, Verdict
from mqa_registry.judging.result import Step as StepResult
from mqa_registry.judging.sweeps import perturbation_counts, summarize_sweep
from mqa_registry.judging.verdicts import decide, never_settles, rule_for, whole_part
from mqa_registry.stats.estimates import UNBOUNDED
from mqa_registry.stats.resampling import IntervalOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from mqa_registry.observations import Sighted
    from mqa_registry.plan import Case, Plan, Sight
    from mqa_registry.suite import Check


def judge_probe(plan: Plan, case: Case, blank: Result, seen: Sequence[Sighted]) -> Result:
    """The result of a probe's case, from what it saw at each severity."""
    tables = [one.table for one in seen if one.table is not None]
    pairs = list(zip(case.sights, tables, strict=True))
    steps = [StepEvaluation(_evaluate(plan, case.check, sight, table)) for sight, table in pairs]
    unit = "rows" if case.sights[0].probe.cacheable else "repetitions"  # more of what is timed, not of the data
    rule = rule_for(steps, plan.suite.confidence, by_point=case.check.gate == "point", unit=unit)
    decision = decide(steps, rule)
    verdict, note = decision.verdict, decision.note
    if case.steps[-1].view.rows.perturb and not any(one.changed for one in seen):
        verdict, note = Verdict.NOT_RUN, "the perturbation changed no row, so nothing was tested"
    parts = [whole_part(one, rule) for one in steps]
    series = [
        StepResult(part.verdict, part.numbers, "", step.severity or 0.0, {}, perturbation_counts(one.rows, one))
        for step, part, one in zip(case.steps, parts, seen, strict=True)
    ]
    is_sweep = case.steps[0].severity is not None
    worst = next((number for number, part in enumerate(parts) if part.verdict is not Verdict.PASS), -1)
    evidence = _gather_evidence(*pairs[worst], seen[worst])
    if is_sweep:
        evidence["sweep"] = summarize_sweep(series, case.expect, math.nan)
    if decision.rows_to_settle:
        evidence["rows_to_settle"] = decision.rows_to_settle
    if verdict is Verdict.INCONCLUSIVE and unit != "rows":
        evidence["settled_by"] = unit
    if verdict is Verdict.INCONCLUSIVE and never_settles(steps, rule):
        evidence["beyond_rows"] = True
    return replace(
        blank,
        verdict=verdict,
        note=note,
        numbers={} if is_sweep else parts[0].numbers,
        series=tuple(series) if is_sweep else (),
        evidence=evidence,
    )


def bounds_of(check: Check) -> dict[str, Any]:
    """The bounds of a probe's check as the suite file has them: of `value` flat, of other numbers by name."""
    named = {name: expect.bounds() for name, expect in check.expect.items() if name != "value"}
    return (check.expect["value"].bounds() if "value" in check.expect else {}) | named


def _evaluate(plan: Plan, check: Check, sight: Sight, table: pa.Table) -> Evaluation:
    """A probe's numbers, and what has to be true of them."""
    purpose = f"{sight.use.key} {sight.view.rows.name}"
    numbers = {
        name: estimate(
            MeasureOutput.of(raw, sight.probe.ranges.get(name, UNBOUNDED)),
            table.num_rows,
            IntervalOptions(plan.suite.seed, f"{purpose} {name}"),
        )
        for name, raw in _compute_numbers(sight, table).items()
    }
    return Evaluation(None, numbers, [range_claim(name, numbers[name], one) for name, one in check.expect.items()])


def _compute_numbers(sight: Sight, table: pa.Table) -> Mapping[str, Any]:
    """The numbers that a probe makes of what it saw, in the order in which it names them."""
    with calling(sight.use.who):
        given = sight.probe.numbers(table)
    return checked_numbers(sight.use.who, given, sight.probe.outputs)


def _gather_evidence(sight: Sight, table: pa.Table, seen: Sighted) -> dict[str, Any]:
    """What the probe shows, with the counts of rows that a perturbation left out or changed."""
    with calling(sight.use.who):
        given = sight.probe.evidence(table)
    evidence = checked_evidence(sight.use.who, given)
    if sight.view.rows.perturb:
        evidence |= {"changed": seen.changed} | ({"declined": seen.declined} if seen.declined else {})
    return evidence
