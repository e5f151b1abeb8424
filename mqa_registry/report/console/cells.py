"""Cells: what one backend answered to a check, or to a part of one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from mqa_registry.judging.result import Result, Verdict
from mqa_registry.report.bounds import VALUE
from mqa_registry.report.console.layout import Cell
from mqa_registry.report.console.marks import verdict_on
from mqa_registry.report.numbers import level, spelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.judging.result import Part
    from mqa_registry.report.bounds import Bound
    from mqa_registry.report.console.pen import Pen

_SWEEPS = {  # what a sweep comes to; `{}` is the first severity of that verdict
    Verdict.PASS: "holds throughout",
    Verdict.FAIL: "breaks at {}",
    Verdict.INCONCLUSIVE: "unsettled at {}",
}


def cell(part: Part, bound: Bound, verdict: Verdict | None, pen: Pen) -> Cell:
    """The judged number of a part with its interval, and the plain value behind a derived one.

    The `verdict` is the mark; without one there is room for it.
    """
    mark = pen.line(pen.mark(verdict), " ") if verdict else Text(" " * (pen.mark(Verdict.PASS).cell_len + 1))
    number = part.numbers.get(bound.number)
    if number is None:
        return Cell(pen.line(mark, _words(part, bound, verdict, pen)), Text(), Text())
    estimate, interval = spelled(number, bound.limits)
    value = part.numbers.get(VALUE) if bound.number != VALUE else None
    beside = pen.own(f"value {spelled(value)[0]}", "dim") if value else Text()
    return Cell(pen.line(mark, estimate), pen.own(interval, "dim"), beside)


def across(cells: Sequence[Cell | None]) -> tuple[Cell | None, ...]:
    """The cells of one row: those that repeat the first are held back, so that those which differ stand out."""
    first = next((cell for cell in cells if cell), None)
    return tuple(
        _pale(cell) if cell and first and cell is not first and cell.plain == first.plain else cell for cell in cells
    )


def _pale(cell: Cell) -> Cell:
    """The mark keeps its colour."""
    head = cell.head.copy()
    head.stylize("dim", head.plain.find(" ") + 1)
    return replace(cell, head=head)


def _words(part: Part, bound: Bound, verdict: Verdict | None, pen: Pen) -> str:
    """What to say where there is no number: how far a sweep holds, or the verdict where the mark does not say it."""
    if isinstance(part, Result) and verdict in _SWEEPS and part.series:
        steps = [step.severity for step in part.series if verdict_on(step, bound.number) is verdict]
        return _SWEEPS[verdict].format(level(steps[0] if steps else part.series[0].severity))
    verdict = verdict or part.verdict
    return "" if pen.mark(verdict).plain == verdict else verdict.value
