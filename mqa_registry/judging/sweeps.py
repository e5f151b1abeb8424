"""Sweeps: what the severities of one check come to together, and how far the rows of each were really perturbed."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from mqa_registry.contributions import Metric
from mqa_registry.judging.measurements import Measurement
from mqa_registry.judging.result import StepEvidence, SweepSummary, Verdict
from mqa_registry.judging.samples import load_inputs, select_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.judging.result import Result, Step
    from mqa_registry.judging.samples import SampleCache
    from mqa_registry.observations import PerturbedRows, ProbeResult
    from mqa_registry.plan import Case
    from mqa_registry.suite import Expect

DIGITS = 6  # of what a sweep comes to


def count_perturbed(rows: int, perturbed: PerturbedRows | ProbeResult, *, lost: int = 0) -> StepEvidence:
    """How far rows were really perturbed, and how many others were lost, which may be among those that changed."""
    edits = None if perturbed.edits is None else round(perturbed.edits, DIGITS)
    return StepEvidence(rows, min(perturbed.changed, rows), perturbed.declined, edits, lost)


def clean_value(case: Case, cache: SampleCache) -> float:
    """The measure of the unperturbed rows; NaN for a check that is no sweep, or where they were not predicted.

    A comparison that has no other reference there compares the view with itself.
    """
    if case.clean is None:
        return math.nan
    views = [view for view in (case.clean.view, case.clean.reference) if view is not None]
    if any(cache.observations.views[view].predictions is None for view in views):
        return math.nan
    inputs = load_inputs(case, case.clean, cache)
    if case.check.by is not None:
        groups = select_groups(inputs, case.check.by, case.clean, cache)
        large = {name: rows for name, rows in groups if len(rows.view) >= case.expect.min_rows}
        metric = case.check.measure.contribution
        if len(large) < 2 and isinstance(metric, Metric) and metric.takes_groups:
            return math.nan
        inputs = replace(inputs, groups=large)
    return Measurement.of(inputs, case.expect.without("reference")).output.point(len(inputs.sample))


def summarize_sweep(steps: Sequence[Step], expect: Expect, clean: float) -> SweepSummary:
    """What a sweep comes to, by its severities and the `clean` value of the unperturbed rows, which may be NaN."""
    ordered = sorted(steps, key=lambda step: step.severity)
    values = [_value(step) for step in ordered]
    sign = expect.slope
    error = _mean_error(values, sign)
    clean_error = _mean_error([clean], sign)
    return SweepSummary(
        passes_through=_passes_through(ordered),
        break_point=next((step.severity for step in ordered if step.verdict is Verdict.FAIL), None),
        clean_value=_rounded(clean),
        corruption_error=_rounded(error),
        clean_error_ratio=_rounded(error / clean_error) if clean_error > 0 else None,
        non_monotonic_at=_non_monotonic_at([clean, *values], [math.nan, *(step.severity for step in ordered)], sign),
    )


def compare_with_reference(results: Sequence[Result], reference: str) -> tuple[Result, ...]:
    """The results, a sweep's error also relative to that of the same check on the reference backend."""
    errors = {one.check: _corruption_error(one) for one in results if one.backend == reference}
    return tuple(
        one if one.backend == reference else _with_relative_error(one, reference, errors.get(one.check))
        for one in results
    )


def _with_relative_error(result: Result, reference: str, reference_error: float | None) -> Result:
    error, summary = _corruption_error(result), result.evidence.sweep
    if not reference_error or error is None or summary is None:
        return result
    relative = {reference: round(error / reference_error, DIGITS)}
    sweep = replace(summary, relative_corruption_error=relative)
    return replace(result, evidence=replace(result.evidence, sweep=sweep))


def _corruption_error(result: Result) -> float | None:
    return result.evidence.sweep.corruption_error if result.evidence.sweep else None


def _value(step: Step) -> float:
    number = step.numbers.get("value")
    return math.nan if number is None or number.estimate is None else number.estimate


def _mean_error(values: Sequence[float], sign: int) -> float:
    """The mean distance from the best; NaN where there is no best, as of a value that can be above 1."""
    errors = [1 - value if sign > 0 else value for value in values]
    return sum(errors) / len(errors) if sign and min(errors) >= 0 else math.nan


def _passes_through(ordered: Sequence[Step]) -> float | None:
    highest = None
    for step in ordered:
        if step.verdict is not Verdict.PASS:
            break
        highest = step.severity
    return highest


def _non_monotonic_at(values: Sequence[float], severities: Sequence[float], sign: int) -> tuple[float, ...]:
    """Where the value is better than before; where neither direction is better, where it turns against its trend."""
    points = [(value, severity) for value, severity in zip(values, severities, strict=True) if not math.isnan(value)]
    if len(points) < 2:
        return ()
    better = sign or (1 if points[-1][0] < points[0][0] else -1)
    return tuple(severity for (before, _), (value, severity) in pairwise(points) if better * (value - before) > 0)


def _rounded(number: float) -> float | None:
    return round(number, DIGITS) if math.isfinite(number) else None
