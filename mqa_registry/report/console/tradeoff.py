"""The trade-off: what each backend costs against what it damages, a row for each, so that one can be chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from mqa_registry.report.bounds import VALUE, Bound, bounds
from mqa_registry.report.console.families import backends_of, groups_of, rows, whole
from mqa_registry.report.console.ranking import ranked
from mqa_registry.report.numbers import spelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.report.console.families import Row
    from mqa_registry.report.console.pen import Pen
    from mqa_registry.report.model import Report

COST, DAMAGE = "cost", "damage"  # tags of the checks that are its columns
_NOTHING = Bound(VALUE, "", (), None)


def tradeoff(report: Report, pen: Pen) -> Iterator[Text]:
    """A column for each check with the tag `cost`, then one for each with `damage`; nothing without both."""
    sides = [[row for row in rows(report) if side in row.first.tags] for side in (COST, DAMAGE)]
    backends = backends_of(report)
    if not all(sides) or len(backends) < 2:
        return
    yield pen.own("")
    yield pen.own("cost against damage", "bold")
    asked = [row for side in sides for row in side]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    for row in asked:
        table.add_column(pen.line(pen.data(row.title), *_what(row, pen)), justify="right", overflow="fold")
    for backend in backends:
        table.add_row(pen.data(backend), *(_cell(row, backend, pen) for row in asked))
    yield from _drawn(table, pen)


def _what(row: Row, pen: Pen) -> Sequence[Text]:
    """Which of a check's numbers it is, where that is not its value."""
    name = _bound(row).number
    words = [] if name == VALUE else [name]
    words += ["worst group"] if groups_of(row.first) else []
    return [pen.own("\n" + ", ".join(words), "dim")] if words else []


def _bound(row: Row) -> Bound:
    """The number that is shown: the first that the check bounds, or the plain one behind a derived one."""
    found = next(iter(bounds(row.first.expect, grouped=False)), _NOTHING)
    return found if found.number in whole(row.first).numbers else _NOTHING


def _cell(row: Row, backend: str, pen: Pen) -> Text:
    result = row.results.get(backend)
    if result is None:
        return pen.own("reference" if (row.first.against or {}).get("backend") == backend else "", "dim")
    bound = _bound(row)
    number = whole(result).numbers.get(bound.number)
    group = Text()
    if groups_of(result) and (order := ranked(row, backend, _NOTHING)):
        name, number = order[0]
        group = pen.line("\n", pen.data(name, "dim"))
    if number is None:
        return pen.own(result.verdict.value, "dim")
    return pen.line(pen.mark(result.verdict), " ", spelled(number, bound.limits)[0], group)


def _drawn(table: Table, pen: Pen) -> Iterator[Text]:
    with pen.console.capture() as drawn:
        pen.console.print(table)
    for line in drawn.get().splitlines():
        yield Text.from_ansi(line.rstrip())
