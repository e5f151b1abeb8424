"""Groups: of a check's many groups those that do not hold, the worst and the best, and what else there is to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from mqa_registry.judging.result import Verdict
from mqa_registry.naming import counted
from mqa_registry.report.bounds import VALUE, Bound
from mqa_registry.report.console.cells import across, cell
from mqa_registry.report.console.families import groups_of
from mqa_registry.report.console.layout import Entry, Item, Note
from mqa_registry.report.console.ranking import judged, ranked, roles, worst_verdict
from mqa_registry.report.numbers import count, level

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.judging.result import Part
    from mqa_registry.report.console.families import Row
    from mqa_registry.report.console.pen import Pen

_NAMED = 3  # groups that a remark lists by name
_LEAD = Text("  ")


def groups(row: Row, bound: Bound, pen: Pen, *, named: bool) -> Iterator[Item]:
    """The groups that do not hold, the worst and the best of each backend, or all of them; then what is left out.

    They are shown by the number of one bound, which is `named` where one would take it for another.
    """
    per_group = _of_groups(bound, row)
    ranks = {name: ranked(row, name, per_group) for name, result in row.results.items() if groups_of(result)}
    if not ranks:
        return
    if row.first.series:
        yield Note(pen.own(f"at severity {level(row.first.series[-1].severity)}:", "dim"), _LEAD)
    shown = dict.fromkeys(judged(ranks), "") if pen.verbose > 0 else roles(row, ranks, per_group)
    marked = not bound.between_groups and per_group.number in {bound.number, VALUE}
    if named or per_group.number not in {bound.number, VALUE}:
        yield Note(pen.line(pen.data(per_group.number.replace("_", " ")), ":", style="dim"), _LEAD)
    for group, role in shown.items():
        yield _entry(group, role, row, per_group, pen, marked=marked)
    yield from _remarks(row, judged(ranks), set(shown), pen)


def _of_groups(bound: Bound, row: Row) -> Bound:
    """What a single group shows of a check: the judged number, for a gap between groups the plain one.

    Where one number was made of all groups it is the one, of those that were shown of each, in which they differ most.
    """
    parts = [part for result in row.results.values() for part in groups_of(result).values()]
    if not bound.between_groups and any(bound.number in part.numbers for part in parts):
        return bound
    names = dict.fromkeys(name for part in parts for name in part.numbers)
    if VALUE in names or not names:
        return Bound(VALUE, "", (), None)
    widest = max(names, key=lambda name: _spread(parts, name))
    return Bound(widest, "", (), None)


def _spread(parts: Sequence[Part], name: str) -> float:
    """How far the groups lie apart in a number."""
    numbers = [part.numbers[name] for part in parts if name in part.numbers and part.verdict is Verdict.PASS]
    estimates = [number.estimate for number in numbers if number.estimate is not None]
    return max(estimates, default=0.0) - min(estimates, default=0.0)


def _entry(group: str, role: str, row: Row, bound: Bound, pen: Pen, *, marked: bool) -> Entry:
    parts = [groups_of(result).get(group) if result else None for result in row.across]
    cells = across([cell(part, bound, part.verdict if marked else None, pen) if part else None for part in parts])
    label = pen.line(pen.data(f"{role} " if role else "", "dim"), pen.data(group))
    return Entry(label, pen.own(_size(parts, bound), "dim"), cells, indent=2)


def _size(parts: Sequence[Part | None], bound: Bound) -> str:
    rows = [part.numbers[bound.number].rows for part in parts if part and bound.number in part.numbers]
    return f"n={count(rows[0])}" if rows else ""


def _remarks(row: Row, judged: Sequence[str], shown: set[str], pen: Pen) -> Iterator[Note]:
    """What the fold hides: by name the groups that one has to know of, by their number the others."""
    hidden = {name: worst_verdict(row, name) for name in judged if name not in shown}
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        names = [pen.data(name) for name, found in hidden.items() if found is verdict]
        if names:
            yield Note(pen.line(f"{verdict.value} too: ", _listed(names), style="dim"), _LEAD)
    rest = sum(verdict is Verdict.PASS for verdict in hidden.values())
    if rest:
        yield Note(pen.own(counted(rest, "more group"), "dim"), _LEAD)
    parts = {name: part for result in row.results.values() for name, part in groups_of(result).items()}
    for name in judged:
        del parts[name]
    left = [pen.line(pen.data(name), _why(part, pen)) for name, part in parts.items()]
    if left:
        yield Note(pen.line("not judged: ", _listed(left), style="dim"), _LEAD)


def _why(part: Part, pen: Pen) -> Text:
    return pen.line(" (", pen.data(part.note), ")") if part.note else Text()


def _listed(names: Sequence[Text]) -> Text:
    more = Text(f" and {count(len(names) - _NAMED)} more" if len(names) > _NAMED else "")
    return Text(", ").join(names[:_NAMED]) + more
