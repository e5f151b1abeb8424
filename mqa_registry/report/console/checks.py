"""Checks: the rows and remarks that one check makes in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from mqa_registry.judging.result import Verdict
from mqa_registry.report.bounds import VALUE, Bound, bounds
from mqa_registry.report.console.cells import across, cell
from mqa_registry.report.console.families import groups_of
from mqa_registry.report.console.groups import groups
from mqa_registry.report.console.layout import Cell, Entry, Item
from mqa_registry.report.console.marks import verdict_on
from mqa_registry.report.console.reasons import reasons
from mqa_registry.report.console.sweeps import sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.report.console.families import Row
    from mqa_registry.report.console.pen import Pen

_NOTHING = Bound(VALUE, "", (), None)  # a check that never got as far as an expectation


def items(row: Row, pen: Pen, told: set[str]) -> Iterator[Item]:
    """A row for each number that is judged, then its severities, its groups, and why it does not hold.

    `told` are the examples that the report has shown so far.
    """
    grouped = any(VALUE in part.numbers for result in row.results.values() for part in groups_of(result).values())
    judged = bounds(row.first.expect, grouped=grouped) or (_NOTHING,)
    for position, bound in enumerate(judged):
        yield _entry(row, bound, pen, first=position == 0)
        yield from sweep(row, bound, pen, first=position == 0)
    telling = next((bound for bound in judged if not bound.between_groups and not _holds(row, bound)), judged[0])
    yield from groups(row, telling, pen, named=telling is not judged[0])
    yield from reasons(row, pen, told)


def _holds(row: Row, bound: Bound) -> bool:
    return all(verdict_on(result, bound.number) is Verdict.PASS for result in row.results.values())


def _entry(row: Row, bound: Bound, pen: Pen, *, first: bool) -> Entry:
    cells = [
        cell(result, bound, verdict_on(result, bound.number), pen) if result else _reference(row, backend, pen)
        for backend, result in zip(row.backends, row.across, strict=True)
    ]
    label = _name(row, pen) if first else Text()
    return Entry(label, pen.own(bound.text), across(cells), indent=0 if first else 2)


def _reference(row: Row, backend: str, pen: Pen) -> Cell | None:
    """A backend that the others are held against has no result of its own, and says why."""
    against = (row.first.against or {}).get("backend")
    return Cell(pen.own("  reference", "dim"), Text(), Text()) if against == backend else None


def _name(row: Row, pen: Pen) -> Text:
    if row.critical:
        return pen.data(row.title, cells=200)
    return pen.line(pen.data(row.title, "dim", cells=200), pen.own(" (not critical)", "dim italic"))
