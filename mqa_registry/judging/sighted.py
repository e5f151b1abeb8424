"""What probes saw, judged: their numbers, with intervals where they have any, and the claims on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mqa_registry.boundary import calling, checked_evidence, checked_numbers
from mqa_registry.judging.claims import Claim
from mqa_registry.judging.conclusion import Judged, Ruling, beyond_rows, ruled, whole_part
from mqa_registry.judging.estimates import ANYWHERE
from mqa_registry.judging.finding import Finding
from mqa_registry.judging.measured import Measured, estimate
from mqa_registry.judging.resampling import Resampling
from mqa_registry.judging.result import Step as JudgedStep
from mqa_registry.judging.result import Verdict
from mqa_registry.judging.sweeps import curve, validity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from mqa_registry.judging.estimates import Estimate
    from mqa_registry.plan import Case, Plan, Sight
    from mqa_registry.predict import Sighted
    from mqa_registry.suite import Check


def of_sights(plan: Plan, case: Case, seen: Sequence[Sighted]) -> dict[str, Any]:
    """What a result says of a probe's case, by the names of its fields."""
    tables = [one.table for one in seen if one.table is not None]
    pairs = list(zip(case.sights, tables, strict=True))
    judged = [Judged(_found(plan, case.check, sight, table)) for sight, table in pairs]
    unit = "rows" if case.sights[0].probe.reused else "repetitions"  # more of what is timed, not of the data
    ruling = Ruling.on(judged, plan.suite.confidence, point=case.check.gate == "point", unit=unit)
    verdict, note, needed = ruled(judged, ruling)
    if case.steps[-1].view.rows.perturb and not any(one.changed for one in seen):
        verdict, note = Verdict.NOT_RUN, "the perturbation changed no row, so nothing was tested"
    parts = [whole_part(one, ruling) for one in judged]
    swept = case.steps[0].severity is not None
    steps = [
        JudgedStep(part.verdict, part.numbers, "", step.severity or 0.0, {}, validity(one.rows, one))
        for step, part, one in zip(case.steps, parts, seen, strict=True)
    ]
    telling = next((place for place, part in enumerate(parts) if part.verdict is not Verdict.PASS), -1)
    return {
        "verdict": verdict,
        "note": note,
        "numbers": {} if swept else parts[0].numbers,
        "series": tuple(steps) if swept else (),
        "evidence": _evidence(*pairs[telling], seen[telling])
        | ({"sweep": curve(steps, case.expect, math.nan)} if swept else {})
        | ({"rows_to_settle": needed} if needed else {})
        | ({"settled_by": unit} if verdict is Verdict.INCONCLUSIVE and unit != "rows" else {})
        | ({"beyond_rows": True} if verdict is Verdict.INCONCLUSIVE and beyond_rows(judged, ruling) else {}),
    }


def bounds_of(check: Check) -> dict[str, Any]:
    """The bounds of a probe's check as the suite spells them: of `value` flat, of other numbers by name."""
    named = {name: expect.bounds() for name, expect in check.expect.items() if name != "value"}
    return (check.expect["value"].bounds() if "value" in check.expect else {}) | named


def _found(plan: Plan, check: Check, sight: Sight, table: pa.Table) -> Finding:
    """A probe's numbers, and what has to be true of them."""
    purpose = f"{sight.use.key} {sight.view.rows.name}"
    numbers = {
        name: estimate(
            Measured.of(answer, sight.probe.ranges.get(name, ANYWHERE)),
            table.num_rows,
            Resampling(plan.suite.seed, f"{purpose} {name}"),
        )
        for name, answer in _numbers(sight, table).items()
    }
    return Finding(None, numbers, [_claim(name, numbers[name], check) for name in check.expect])


def _numbers(sight: Sight, table: pa.Table) -> Mapping[str, Any]:
    """The numbers that a probe makes of what it saw, in the order in which it names them."""
    with calling(sight.use.who):
        given = sight.probe.numbers(table)
    return checked_numbers(sight.use.who, given, sight.probe.gives)


def _claim(name: str, number: Estimate, check: Check) -> Claim:
    expect = check.expect[name]
    low = -math.inf if expect.min is None else expect.min
    high = math.inf if expect.max is None else expect.max
    return Claim(name, number, low, high)


def _evidence(sight: Sight, table: pa.Table, seen: Sighted) -> dict[str, Any]:
    """What the probe shows, with the counts of rows that a perturbation left out or changed."""
    shown: dict[str, Any] = {}
    if sight.probe.evidence:
        with calling(sight.use.who):
            given = sight.probe.evidence(table)
        shown = checked_evidence(sight.use.who, given)
    if sight.view.rows.perturb:
        shown |= {"changed": seen.changed} | ({"declined": seen.declined} if seen.declined else {})
    return shown
