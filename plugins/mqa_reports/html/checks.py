"""Checks as the page shows them: one record each, with every text and table that the templates write down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from mqa_registry import (
    Verdict,
    counted,
    describe_bounds,
    describe_lost_rows,
    format_number,
    name_family,
    verdict_on,
)
from mqa_reports.html.details import Details, arrange_details
from mqa_reports.html.examples import ExampleTable, make_example_tables
from mqa_reports.html.parts import PartTable, format_once, last_part, make_groups, make_series
from mqa_reports.html.plots import IntervalPlot, Scale
from mqa_reports.html.sharing import share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry import CheckResults, NumberBounds, Result

VALUE = "value"  # the measure's main number


class NumberRow(NamedTuple):
    """One number of a check on one backend, with the small plot of its interval, if it has one."""

    backend: str
    name: str
    estimate: str
    interval: str
    bounds: str
    rows: str
    verdict: Verdict | None
    plot: IntervalPlot | None


class Cell(NamedTuple):
    """What the matrix says of a check on one backend: the number that decides it, and its interval."""

    verdict: Verdict
    estimate: str
    interval: str


class MatrixRow(NamedTuple):
    """The row of a check in the matrix: `cells` are by its columns, and `anchor` is what links to the check."""

    anchor: str
    title: str
    family: str
    verdict: Verdict
    expectation: str
    cells: Sequence[Cell | None]


@dataclass(frozen=True)
class CheckView:
    """One check, whose title and verdict are those of its row in the matrix. `settings` say what it asks.

    Sentences, details and tracebacks come with the names of the backends that have the same.
    """

    row: MatrixRow
    remarks: Sequence[str]
    settings: Sequence[tuple[str, str]]
    numbers: Sequence[NumberRow]
    severity: str  # of these numbers, in a sweep
    series: PartTable | None
    groups: PartTable | None
    sentences: Sequence[tuple[str, Sequence[str]]]
    details: Sequence[tuple[str, Details]]
    tracebacks: Sequence[tuple[str, Sequence[str]]]
    examples: Sequence[ExampleTable]
    data: str = ""  # whose predictions are shown with it


def make_matrix_row(check: CheckResults, anchor: str) -> MatrixRow:
    """The row of one check."""
    bounds = _describe_bounds(check)
    return MatrixRow(
        anchor=anchor,
        title=check.title,
        family=name_family(check.first_result),
        verdict=check.verdict,
        expectation="; ".join(one.text for one in bounds),
        cells=[None if result is None else _make_cell(result, bounds) for result in check.aligned_results],
    )


def make_check_view(check: CheckResults, row: MatrixRow, view_rows: Mapping[tuple[str, str], int]) -> CheckView:
    """The record of one check.

    `view_rows` are how many rows a summary of predictions is of, by data set and backend: it is shown with the checks that
    count all of them.
    """
    first, results, bounds = check.first_result, list(check.results.values()), _describe_bounds(check)
    return CheckView(
        row=row,
        remarks=list(_describe_standing(check)),
        settings=list(_list_settings(first)),
        numbers=_make_numbers(results, bounds),
        severity=f"{first.series[-1].severity:g}" if first.series else "",
        series=make_series(results, bounds),
        groups=make_groups(results, bounds),
        sentences=share([(result.backend, _write_sentences(result)) for result in results]),
        details=[
            (backends, arrange_details(details))
            for backends, details in share([(result.backend, result.evidence.details) for result in results])
        ],
        tracebacks=share([(result.backend, result.evidence.traceback.splitlines()) for result in results]),
        examples=make_example_tables(results),
        data=first.data if any(_counts_all_rows(result, view_rows) for result in results) else "",
    )


def _describe_bounds(check: CheckResults) -> tuple[NumberBounds, ...]:
    return describe_bounds(
        check.first_result.expect, grouped=any(one.by or one.groups for one in check.results.values())
    )


def _counts_all_rows(result: Result, view_rows: Mapping[tuple[str, str], int]) -> bool:
    rows = view_rows.get((result.data, result.backend))
    is_whole = not (result.perturb or result.by)
    return is_whole and any(number.rows == rows for number in result.numbers.values())


def _describe_standing(check: CheckResults) -> Iterator[str]:
    """Whether it counts, and its waiver."""
    if not check.is_critical:
        yield "not critical"
    if check.is_waived:
        yield "waived"
    if check.is_overdue:
        yield "waiver overdue"


def _list_settings(result: Result) -> Iterator[tuple[str, str]]:
    yield "measure", describe_use(result.measure)
    if result.definition:
        yield "definition", result.definition
    for name in ("perturb", "by", "against"):
        if value := getattr(result, name):
            yield name, describe_use(value)
    yield "data", result.data
    if result.tags:
        yield "tags", ", ".join(result.tags)
    if result.waiver:
        waiver = result.waiver
        yield "waiver", f"{waiver.state} until {waiver.until}: {waiver.reason}"


def describe_use(value: Any) -> str:
    """A contribution with its options as `plugin/name (rate 0.2)`; several of them one after the other."""
    if isinstance(value, list | tuple):
        return ", then ".join(describe_use(one) for one in value)
    if not isinstance(value, Mapping):
        return str(value)
    options = [
        f"{key} {json.dumps(inner, ensure_ascii=False, default=str)}" for key, inner in value.items() if key != "use"
    ]
    name = str(value.get("use", ""))
    return f"{name} ({', '.join(options)})" if name and options else name or ", ".join(options)


def _deciding_bounds(result: Result, bounds: Sequence[NumberBounds]) -> NumberBounds | None:
    """The bounds on the number that the verdict comes from, else the first."""
    present = [one for one in bounds if one.number in last_part(result).numbers]
    decisive = (one for one in present if verdict_on(result, one.number) is result.verdict)
    return next(decisive, present[0] if present else None)


def _make_cell(result: Result, bounds: Sequence[NumberBounds]) -> Cell:
    numbers = last_part(result).numbers
    decisive = _deciding_bounds(result, bounds)
    number = numbers.get(decisive.number if decisive else VALUE) or next(iter(numbers.values()), None)
    if number is None:
        return Cell(result.verdict, "", "")
    return Cell(result.verdict, *format_once(number, decisive.limits if decisive else ()))


def _make_numbers(results: Sequence[Result], bounds: Sequence[NumberBounds]) -> list[NumberRow]:
    """Every number, of one name after the other: those with bounds first."""
    by_name = {one.number: one for one in bounds}
    parts = [(result, last_part(result)) for result in results]
    names = dict.fromkeys([*by_name, *(name for _, part in parts for name in part.numbers)])
    rows = []
    for name in names:
        limits = by_name[name].limits if name in by_name else ()
        text = by_name[name].text if name in by_name else ""
        numbers = [(result, part.numbers[name]) for result, part in parts if name in part.numbers]
        scale = Scale.of((number for _, number in numbers), limits)
        for result, number in numbers:
            estimate, interval = format_once(number, limits)
            verdict = verdict_on(result, name) if text else None
            plot = scale.draw(number, limits) if scale is not None else None
            rows.append(NumberRow(result.backend, name, estimate, interval, text, f"{number.rows:,}", verdict, plot))
    return rows


def _write_sentences(result: Result) -> list[str]:
    """The reason of a verdict, remarks where the check does not hold, notes, and the counts of the evidence."""
    evidence = result.evidence
    sentences = [result.note] if result.note else []
    if result.verdict is not Verdict.PASS:
        sentences += evidence.remarks
    return [*sentences, *evidence.notes, *_describe_evidence(result)]


def _describe_evidence(result: Result) -> Iterator[str]:
    """The counts of the evidence in words."""
    evidence = result.evidence
    if evidence.mcnemar is not None:
        flips = evidence.mcnemar
        p_value = "" if flips.p_value is None else f" (McNemar's exact test: p = {flips.p_value:.3g})"
        yield f"newly wrong: {flips.negative_flips:,}, newly right: {flips.positive_flips:,}{p_value}"
    if evidence.changed is not None:
        edits = "" if evidence.mean_edits is None else f", by {evidence.mean_edits:.1f} characters on average"
        yield f"{counted(evidence.changed, 'row')} changed by the perturbation{edits}"
    for count, what in (
        (evidence.declined, "declined by the perturbation"),
        (evidence.missing_predictions, "without a finite prediction"),
        (evidence.missing_targets, "without a target"),
    ):
        if count:
            yield f"{counted(count, 'row')} {what}"
    yield from describe_lost_rows(result)
    if evidence.clusters is not None:
        yield f"{counted(evidence.clusters, 'cluster')} of rows"
    if evidence.unpaired:
        yield "the reference has other rows"
    if evidence.absent_classes:
        yield f"classes without a row: {', '.join(evidence.absent_classes)}"
    if evidence.never_settles:
        yield "no number of rows would settle it"
    yield from _describe_sweep(result)


def _describe_sweep(result: Result) -> Iterator[str]:
    sweep = result.evidence.sweep
    if sweep is None:
        return
    if sweep.passes_through is not None:
        yield f"holds through severity {sweep.passes_through:g}"
    if sweep.break_point is not None:
        yield f"breaks at severity {sweep.break_point:g}"
    if sweep.corruption_error is not None:
        yield f"mean corruption error {format_number(sweep.corruption_error)}"
    if sweep.non_monotonic_at:
        yield f"better than at the severity before: {', '.join(f'{one:g}' for one in sweep.non_monotonic_at)}"
