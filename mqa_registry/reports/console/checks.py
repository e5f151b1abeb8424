"""Checks: the rows and remarks that one check has in the report's table, with its severities and its groups."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from mqa_registry.judging.result import Result, Verdict
from mqa_registry.naming import counted
from mqa_registry.reports.console.failure_reasons import explain_check
from mqa_registry.reports.console.layout import Cell, Entry, Item, Note
from mqa_registry.reports.console.text import MAX_NOTE_CELLS
from mqa_registry.reports.expectations import UNBOUNDED_VALUE, VALUE, NumberBounds, describe_bounds, verdict_on
from mqa_registry.reports.groups import break_down_groups
from mqa_registry.reports.number_format import format_as_in_suite, format_count, format_estimate, format_number
from mqa_registry.reports.report import CheckResults, groups_of
from mqa_registry.reports.sweeps import describe_perturbation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.judging.result import Part, Step, SweepSummary
    from mqa_registry.reports.console.text import TextBuilder
    from mqa_registry.reports.groups import GroupBreakdown

_INDENT = "  "
_GAP = 2  # cells between the columns of a sweep
_MAX_TITLE_CELLS = 200
_MAX_BACKEND_CELLS = 20
_MAX_NAMED_GROUPS = 3  # in one remark
_SWEEP_RESULTS = {  # `{}` is the first severity of that verdict
    Verdict.PASS: "holds throughout",
    Verdict.FAIL: "breaks at {}",
    Verdict.INCONCLUSIVE: "unsettled at {}",
}


def list_items(check: CheckResults, builder: TextBuilder, printed: set[str]) -> Iterator[Item]:
    """A row for each number that is judged, with its severities; then the groups, and why the check does not hold.

    `printed` are the reasons and examples that the report has given before; those of this check are added.
    """
    grouped = any(VALUE in part.numbers for result in check.results.values() for part in groups_of(result).values())
    judged = describe_bounds(check.first_result.expect, grouped=grouped) or (UNBOUNDED_VALUE,)
    for bounds in judged:
        yield _make_entry(check, bounds, builder, is_first=bounds is judged[0])
        yield from _list_severities(check, bounds, builder, is_first=bounds is judged[0])
    broken = (bounds for bounds in judged if not bounds.is_between_groups and not _holds(check, bounds))
    yield from _list_groups(check, judged, next(broken, judged[0]), builder)
    yield from explain_check(check, builder, printed)


def _holds(check: CheckResults, bounds: NumberBounds) -> bool:
    return all(verdict_on(result, bounds.number) is Verdict.PASS for result in check.results.values())


def _make_entry(check: CheckResults, bounds: NumberBounds, builder: TextBuilder, *, is_first: bool) -> Entry:
    cells = [
        _make_cell(result, bounds, verdict_on(result, bounds.number), builder)
        if result
        else _make_reference_cell(check, backend, builder)
        for backend, result in zip(check.backends, check.aligned_results, strict=True)
    ]
    label = _make_label(check, builder) if is_first else Text()
    bound = builder.quote(bounds.text, cells=MAX_NOTE_CELLS)  # it may name a number of a plugin or a file
    return Entry(label, bound, _dim_repetitions(cells), indent=0 if is_first else len(_INDENT))


def _make_label(check: CheckResults, builder: TextBuilder) -> Text:
    if check.is_critical:
        return builder.quote(check.title, cells=_MAX_TITLE_CELLS)
    title = builder.quote(check.title, "dim", cells=_MAX_TITLE_CELLS)
    return builder.join(title, builder.literal(" (not critical)", "dim italic"))


def _make_reference_cell(check: CheckResults, backend: str, builder: TextBuilder) -> Cell | None:
    """The cell of a backend that the others are compared with: it has no result."""
    return Cell(builder.literal("  reference", "dim"), Text(), Text()) if check.reference_backend == backend else None


def _make_cell(part: Part, bounds: NumberBounds, verdict: Verdict | None, builder: TextBuilder) -> Cell:
    """The judged number of a part with its interval; of a derived number, the value it was derived from.

    Its symbol is that of the `verdict`; without a verdict there are blanks in its stead.
    """
    symbol = builder.symbol(verdict) if verdict else Text(" " * builder.symbol(Verdict.PASS).cell_len)
    number = part.numbers.get(bounds.number)
    if number is None:
        words = _describe_missing_number(part, bounds, verdict, builder)
        return Cell(builder.join(symbol, " ", words), Text(), Text())
    estimate, interval = format_estimate(number, bounds.limits)
    value = part.numbers.get(VALUE) if bounds.number != VALUE else None
    derived_from = builder.literal(f"value {format_estimate(value)[0]}", "dim") if value else Text()
    return Cell(builder.join(symbol, " ", estimate), builder.literal(interval, "dim"), derived_from)


def _describe_missing_number(part: Part, bounds: NumberBounds, verdict: Verdict | None, builder: TextBuilder) -> str:
    """How far a sweep holds, or the verdict where its symbol is not the same word."""
    if isinstance(part, Result) and verdict in _SWEEP_RESULTS and part.series:
        severities = [step.severity for step in part.series if verdict_on(step, bounds.number) is verdict]
        first = severities[0] if severities else part.series[0].severity
        return _SWEEP_RESULTS[verdict].format(format_as_in_suite(first))
    verdict = verdict or part.verdict
    return "" if builder.symbol(verdict).plain == verdict else verdict.value


def _dim_repetitions(cells: Sequence[Cell | None]) -> tuple[Cell | None, ...]:
    """The cells of one row: those that repeat the first are dim, so that those which differ are seen."""
    first = next((cell for cell in cells if cell), None)
    return tuple(
        _dim(cell) if cell and first and cell is not first and cell.plain == first.plain else cell for cell in cells
    )


def _dim(cell: Cell) -> Cell:
    """A dim cell, whose symbol keeps its colour."""
    head = cell.head.copy()
    head.stylize("dim", head.plain.find(" ") + 1)
    return replace(cell, head=head)


def _list_severities(
    check: CheckResults, bounds: NumberBounds, builder: TextBuilder, *, is_first: bool
) -> Iterator[Note]:
    """The estimates of a sweep, a line for each backend and a column for each severity.

    Under the first of its bounds, how far the rows were perturbed, and what the severities come to together.
    """
    swept = {name: result for name, result in check.results.items() if result.series}
    if not swept:
        return
    steps = max((result.series for result in swept.values()), key=len)
    severities = [Text(f"  {format_as_in_suite(step.severity)}", "dim") for step in steps]
    lines = [(builder.literal("severity", "dim"), severities)]
    for backend, result in swept.items():
        name = builder.quote(backend, "dim", cells=_MAX_BACKEND_CELLS)
        lines.append((name, [_make_estimate(step, bounds, builder) for step in result.series]))
    if is_first:
        for row, texts in describe_perturbation(steps).items():
            lines.append((builder.literal(row, "dim"), [Text(f"  {text}", "dim") for text in texts]))
    yield from _fold_columns(lines, builder)
    if is_first:
        yield from _list_sweep_summaries(swept, builder)


def _make_estimate(step: Step, bounds: NumberBounds, builder: TextBuilder) -> Text:
    number = step.numbers.get(bounds.number) or step.numbers.get(VALUE)
    estimate = format_estimate(number, bounds.limits)[0] if number else ""
    return builder.join(builder.symbol(verdict_on(step, bounds.number)), f" {estimate}")


def _fold_columns(lines: Sequence[tuple[Text, list[Text]]], builder: TextBuilder) -> Iterator[Note]:
    """Lines of columns with a name before each, in several blocks where there are more columns than fit."""
    name_width = max(name.cell_len for name, _ in lines)
    width = max(text.cell_len for _, texts in lines for text in texts)
    per_block = max((builder.width - len(_INDENT) - name_width) // (width + _GAP), 1)
    for start in range(0, len(lines[0][1]), per_block):
        for name, texts in lines:
            line = name + Text(" " * (name_width - name.cell_len))
            for text in texts[start : start + per_block]:
                line += Text(" " * _GAP) + text + Text(" " * (width - text.cell_len))
            line.rstrip()
            yield Note(line, Text(_INDENT))


def _list_sweep_summaries(swept: Mapping[str, Result], builder: TextBuilder) -> Iterator[Note]:
    """What the severities come to together on each backend, once where that is the same for all."""
    by_words: dict[str, tuple[Text, list[str]]] = {}
    for name, result in swept.items():
        summary = result.evidence.sweep
        if summary and (words := _describe_sweep(summary, builder)):
            by_words.setdefault(words.plain, (words, []))[1].append(name)
    for words, names in by_words.values():
        backends = Text(", ").join([builder.quote(name, "dim", cells=_MAX_BACKEND_CELLS) for name in names])
        lead = builder.join(backends, ": ", style="dim") if len(names) < len(swept) else Text()
        yield Note(builder.join(lead, words, style="dim"), Text(_INDENT))


def _describe_sweep(summary: SweepSummary, builder: TextBuilder) -> Text:
    parts = []
    if summary.passes_through is not None:
        parts.append(builder.literal(f"holds to {format_as_in_suite(summary.passes_through)}"))
    if summary.break_point is not None:
        parts.append(builder.literal(f"breaks at {format_as_in_suite(summary.break_point)}"))
    if summary.corruption_error is not None:
        parts.append(_describe_error(summary.corruption_error, summary, builder))
    if summary.non_monotonic_at:
        severities = ", ".join(map(format_as_in_suite, summary.non_monotonic_at))
        parts.append(builder.literal(f"not monotone: better again at {severities}"))
    return Text("; ").join(parts)


def _describe_error(error: float, summary: SweepSummary, builder: TextBuilder) -> Text:
    """The mean error, also by that of the unperturbed rows, and by that of the reference backend where they differ."""
    words = builder.literal(f"mean error {format_number(error)}")
    if summary.clean_error_ratio is not None:
        words += builder.literal(f", {summary.clean_error_ratio:.2f} times the clean one")
    for name, ratio in summary.relative_corruption_error.items():
        if f"{ratio:.2f}" != "1.00":
            words += builder.join(f", {ratio:.2f} times that of ", builder.quote(name, cells=_MAX_BACKEND_CELLS))
    return words


def _list_groups(
    check: CheckResults, judged: Sequence[NumberBounds], bounds: NumberBounds, builder: TextBuilder
) -> Iterator[Item]:
    """The groups that do not hold, the worst and the best of each backend, or all of them; then what is left out.

    The number that they are shown by is named where it is not that of the check's first bounds, or was not judged.
    """
    groups = break_down_groups(check, bounds, show_all=builder.verbose > 0)
    if groups is None:
        return
    if check.first_result.series:
        severity = format_as_in_suite(check.first_result.series[-1].severity)
        yield Note(builder.literal(f"at severity {severity}:", "dim"), Text(_INDENT))
    if bounds is not judged[0] or groups.bounds.number not in {bounds.number, VALUE}:
        name = builder.quote(groups.bounds.number.replace("_", " "))
        yield Note(builder.join(name, ":", style="dim"), Text(_INDENT))
    for group, role in groups.roles.items():
        yield _make_group_entry(group, role, check, groups, builder)
    yield from _list_hidden_groups(groups, builder)


def _make_group_entry(
    group: str, role: str, check: CheckResults, groups: GroupBreakdown, builder: TextBuilder
) -> Entry:
    parts = [groups_of(result).get(group) if result else None for result in check.aligned_results]
    cells = [
        _make_cell(part, groups.bounds, part.verdict if groups.has_verdicts else None, builder) if part else None
        for part in parts
    ]
    label = builder.join(builder.quote(f"{role} " if role else "", "dim"), builder.quote(group))
    rows = [part.numbers[groups.bounds.number].rows for part in parts if part and groups.bounds.number in part.numbers]
    size = f"n={format_count(rows[0])}" if rows else ""
    return Entry(label, builder.literal(size, "dim"), _dim_repetitions(cells), indent=len(_INDENT))


def _list_hidden_groups(groups: GroupBreakdown, builder: TextBuilder) -> Iterator[Note]:
    """The groups without a row: by name those that do not hold or were not judged, and the number of the others."""
    for verdict, hidden in ((Verdict.FAIL, groups.failed), (Verdict.INCONCLUSIVE, groups.inconclusive)):
        if hidden:
            names = [builder.quote(name) for name in hidden]
            yield Note(builder.join(f"{verdict.value} too: ", _join_names(names), style="dim"), Text(_INDENT))
    if groups.passed:
        yield Note(builder.literal(counted(groups.passed, "more group"), "dim"), Text(_INDENT))
    if groups.unjudged:
        names = [
            builder.join(builder.quote(name), *((" (", builder.quote(note), ")") if note else ()))
            for name, note in groups.unjudged.items()
        ]
        yield Note(builder.join("not judged: ", _join_names(names), style="dim"), Text(_INDENT))


def _join_names(names: Sequence[Text]) -> Text:
    rest = len(names) - _MAX_NAMED_GROUPS
    return Text(", ").join(names[:_MAX_NAMED_GROUPS]) + Text(f" and {format_count(rest)} more" if rest > 0 else "")
