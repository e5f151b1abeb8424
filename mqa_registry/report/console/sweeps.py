"""Sweeps: one compact line of estimates for each backend, a column for each severity, and what they come to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from mqa_registry.report.bounds import VALUE
from mqa_registry.report.console.layout import Note
from mqa_registry.report.console.marks import verdict_on
from mqa_registry.report.numbers import level, plain, spelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.judging.result import Result, Step
    from mqa_registry.report.bounds import Bound
    from mqa_registry.report.console.families import Row
    from mqa_registry.report.console.pen import Pen

_INDENT = 2
_GAP = 2


def sweep(row: Row, bound: Bound, pen: Pen, *, first: bool) -> Iterator[Note]:
    """The estimates of a check over its severities; nothing for a check that is no sweep.

    Under the `first` of its bounds, how far the rows were really perturbed, and what the severities come to together.
    """
    swept = {name: result for name, result in row.results.items() if result.series}
    if not swept:
        return
    steps = max((result.series for result in swept.values()), key=len)
    lines = [(pen.own("severity", "dim"), [Text("  " + level(step.severity), "dim") for step in steps])]
    lines += [(pen.data(name, "dim", cells=20), _estimates(one.series, bound, pen)) for name, one in swept.items()]
    if first:
        lines += _validity(steps, pen)
    yield from _table(lines, pen)
    if first:
        yield from _sums(swept, pen)


def _table(lines: Sequence[tuple[Text, list[Text]]], pen: Pen) -> Iterator[Note]:
    """The lines, broken where there are more severities than fit."""
    left = max(name.cell_len for name, _ in lines)
    column = max(text.cell_len for _, texts in lines for text in texts)
    each = max((pen.width - _INDENT - left) // (column + _GAP), 1)
    for start in range(0, len(lines[0][1]), each):
        for name, texts in lines:
            yield _line(name, texts[start : start + each], left, column)


def _estimates(steps: Sequence[Step], bound: Bound, pen: Pen) -> list[Text]:
    found = []
    for step in steps:
        number = step.numbers.get(bound.number) or step.numbers.get(VALUE)
        words = spelled(number, bound.limits)[0] if number else ""
        found.append(pen.line(pen.mark(verdict_on(step, bound.number)), f" {words}"))
    return found


def _validity(steps: Sequence[Step], pen: Pen) -> Iterator[tuple[Text, list[Text]]]:
    """How many rows of each severity changed, by how many characters, and how many were declined."""
    told = {
        "changed": [_share(step.evidence.get("changed"), step.evidence.get("rows")) for step in steps],
        "edits a row": [_spelled(step.evidence.get("edits"), "{:.1f}") for step in steps],
        "declined": [_spelled(step.evidence.get("declined") or None, "{:,.0f}") for step in steps],
    }
    for name, words in told.items():
        if any(words):
            yield pen.own(name, "dim"), [Text(f"  {word}", "dim") for word in words]


def _sums(swept: Mapping[str, Result], pen: Pen) -> Iterator[Note]:
    """What the severities come to together, for each backend; once where that is the same for all."""
    said: dict[str, tuple[Text, list[str]]] = {}
    for name, result in swept.items():
        if words := _sum(result.evidence.get("sweep"), pen):
            said.setdefault(words.plain, (words, []))[1].append(name)
    for words, names in said.values():
        where = Text(", ").join([pen.data(name, "dim", cells=20) for name in names])
        lead = pen.line(where, ": ", style="dim") if len(names) < len(swept) else Text()
        yield Note(pen.line(lead, words, style="dim"), Text(" " * _INDENT))


def _sum(sweep: Any, pen: Pen) -> Text:
    if not isinstance(sweep, Mapping):
        return Text()
    turns = [level(turn) for turn in sweep.get("turns") or () if _known(turn)]
    parts = [
        pen.own(f"holds to {level(sweep['holds_to'])}" if _known(sweep.get("holds_to")) else ""),
        pen.own(f"breaks at {level(sweep['break_point'])}" if _known(sweep.get("break_point")) else ""),
        _error(sweep, pen),
        pen.own(f"not monotone: better again at {', '.join(turns)}" if turns else ""),
    ]
    return Text("; ").join([part for part in parts if part])


def _error(sweep: Mapping[str, Any], pen: Pen) -> Text:
    """The mean error, beside that of the unperturbed rows, and of the reference backend where that differs."""
    if not _known(sweep.get("error")):
        return Text()
    words = pen.own(f"mean error {plain(sweep['error'])}")
    if _known(sweep.get("area")):
        words += pen.own(f", {sweep['area']:.2f} times the clean one")
    for name, ratio in _items(sweep.get("area_beside")):
        if _known(ratio) and f"{ratio:.2f}" != "1.00":
            words += pen.line(f", {ratio:.2f} times that of ", pen.data(name, cells=20))
    return words


def _share(part: Any, whole: Any) -> str:
    """A share of rows in percent, never rounded to none or all."""
    if not _known(part) or not _known(whole) or not whole:
        return ""
    percent = 100 * part / whole
    return f"{percent:.1f} %" if 0 < percent < 1 or 99 < percent < 100 else f"{percent:.0f} %"


def _spelled(number: Any, form: str) -> str:
    return form.format(number) if _known(number) else ""


def _items(table: Any) -> list[tuple[str, Any]]:
    return list(table.items()) if isinstance(table, Mapping) else []


def _known(number: Any) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)


def _line(name: Text, columns: Sequence[Text], left: int, column: int) -> Note:
    line = name + Text(" " * (left - name.cell_len))
    for text in columns:
        line += Text(" " * _GAP) + text + Text(" " * (column - text.cell_len))
    line.rstrip()
    return Note(line, Text(" " * _INDENT))
