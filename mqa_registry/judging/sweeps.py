"""Sweeps: what the severities of one check come to together, and how far the rows of each were really perturbed."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import Metric
from mqa_registry.judging.measurements import Measurement
from mqa_registry.judging.result import Verdict
from mqa_registry.judging.samples import load_inputs, select_groups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judging.result import Result, Step
    from mqa_registry.judging.samples import SampleCache
    from mqa_registry.observations import PerturbedRows, ProbeResult
    from mqa_registry.plan import Case
    from mqa_registry.suite import Expect

DIGITS = 6  # of what a sweep comes to


def perturbation_counts(rows: int, seen: PerturbedRows | ProbeResult) -> dict[str, Any]:
    """How far rows were really perturbed: how many changed, by how many edits, and how many were declined."""
    counts = {"rows": rows, "changed": seen.changed, "declined": seen.declined}
    return counts if seen.edits is None else counts | {"edits": round(seen.edits, DIGITS)}


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


def summarize_sweep(steps: Sequence[Step], expect: Expect, clean: float) -> dict[str, Any]:
    """What a sweep comes to, as reports have it.

    `holds_to` is the highest severity up to which every one was shown to hold, `break_point` the lowest that was shown
    not to. `error` is the mean over severities of one less the value, or of the value where less is better; `area` is
    that by the error of the unperturbed rows, after Hendrycks and Dietterich (2019, https://arxiv.org/abs/1903.12261).
    `turns` are the severities at which the value is better than at the one before. What is unknown is None.
    """
    ordered = sorted(steps, key=lambda step: step.severity)
    values = [_value(step) for step in ordered]
    sign = expect.slope
    error = _mean_error(values, sign)
    clean_error = _mean_error([clean], sign)
    return {
        "holds_to": _holds_to(ordered),
        "break_point": next((step.severity for step in ordered if step.verdict is Verdict.FAIL), None),
        "clean": _rounded(clean),
        "error": _rounded(error),
        "area": _rounded(error / clean_error) if clean_error > 0 else None,
        "turns": _non_monotonic_at([clean, *values], [math.nan, *(step.severity for step in ordered)], sign),
    }


def compare_with_reference(results: Sequence[Result], reference: str) -> tuple[Result, ...]:
    """The results, a sweep's error also by that of the same check on the reference backend, as `area_beside`."""
    errors = {one.check: _sweep_of(one).get("error") for one in results if one.backend == reference}
    return tuple(
        one if one.backend == reference else _with_relative_error(one, reference, errors.get(one.check))
        for one in results
    )


def _with_relative_error(result: Result, reference: str, error: float | None) -> Result:
    sweep = _sweep_of(result)
    if not error or sweep.get("error") is None:
        return result
    relative = {"area_beside": {reference: round(sweep["error"] / error, DIGITS)}}
    return replace(result, evidence={**result.evidence, "sweep": {**sweep, **relative}})


def _sweep_of(result: Result) -> Mapping[str, Any]:
    sweep: Mapping[str, Any] = result.evidence.get("sweep", {})
    return sweep


def _value(step: Step) -> float:
    number = step.numbers.get("value")
    return math.nan if number is None or number.estimate is None else number.estimate


def _mean_error(values: Sequence[float], sign: int) -> float:
    """The mean distance from the best; NaN where there is no best, as of a value that can be above 1."""
    errors = [1 - value if sign > 0 else value for value in values]
    return sum(errors) / len(errors) if sign and min(errors) >= 0 else math.nan


def _holds_to(ordered: Sequence[Step]) -> float | None:
    highest = None
    for step in ordered:
        if step.verdict is not Verdict.PASS:
            break
        highest = step.severity
    return highest


def _non_monotonic_at(values: Sequence[float], severities: Sequence[float], sign: int) -> list[float]:
    """Where the value is better than before; where neither direction is better, where it turns against its trend."""
    points = [(value, severity) for value, severity in zip(values, severities, strict=True) if not math.isnan(value)]
    if len(points) < 2:
        return []
    better = sign or (1 if points[-1][0] < points[0][0] else -1)
    return [severity for (before, _), (value, severity) in pairwise(points) if better * (value - before) > 0]


def _rounded(number: float) -> float | None:
    return round(number, DIGITS) if math.isfinite(number) else None
