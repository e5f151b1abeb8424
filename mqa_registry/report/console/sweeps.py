"""Sweeps: one compact line of estimates for each backend, a column for each severity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from mqa_registry.report.bounds import VALUE
from mqa_registry.report.console.layout import Note
from mqa_registry.report.numbers import level, spelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.judging.result import Step
    from mqa_registry.report.bounds import Bound
    from mqa_registry.report.console.families import Row
    from mqa_registry.report.console.pen import Pen

_INDENT = 2
_GAP = 2


def sweep(row: Row, bound: Bound, pen: Pen) -> Iterator[Note]:
    """The estimates of a check over its severities; nothing for a check that is no sweep."""
    lines = {name: _estimates(result.series, bound, pen) for name, result in row.results.items() if result.series}
    if not lines:
        return
    severities = [level(step.severity) for step in max((r.series for r in row.results.values()), key=len)]
    names = {name: pen.data(name, "dim", cells=20) for name in lines}
    left = max(len("severity"), *(name.cell_len for name in names.values()))
    column = max(text.cell_len for text in [*(Text(s) for s in severities), *(t for ts in lines.values() for t in ts)])
    each = max((pen.width - _INDENT - left) // (column + _GAP), 1)
    for start in range(0, len(severities), each):
        part = slice(start, start + each)
        heads = [Text("  " + severity, "dim") for severity in severities[part]]
        yield _line(pen.own("severity", "dim"), heads, left, column)
        for name, estimates in lines.items():
            yield _line(names[name], estimates[part], left, column)


def _estimates(steps: Sequence[Step], bound: Bound, pen: Pen) -> list[Text]:
    found = []
    for step in steps:
        number = step.numbers.get(bound.number) or step.numbers.get(VALUE)
        words = spelled(number, bound.limits)[0] if number else ""
        found.append(pen.line(pen.mark(step.verdict), f" {words}"))
    return found


def _line(name: Text, columns: Sequence[Text], left: int, column: int) -> Note:
    line = name + Text(" " * (left - name.cell_len))
    for text in columns:
        line += Text(" " * _GAP) + text + Text(" " * (column - text.cell_len))
    line.rstrip()
    return Note(line, Text(" " * _INDENT))
