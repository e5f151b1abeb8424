"""Groups: of a check's many groups the worst and the best, and which are too small to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from mqa_registry.judging.result import Verdict
from mqa_registry.report.bounds import VALUE, Bound
from mqa_registry.report.console.cells import across, cell
from mqa_registry.report.console.families import groups_of
from mqa_registry.report.console.layout import Entry, Item, Note
from mqa_registry.report.numbers import count, counted, level

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.judging.result import Part
    from mqa_registry.report.console.families import Row
    from mqa_registry.report.console.pen import Pen

_NAMED = 3  # groups that a remark lists by name
_LEAD = Text("  ")
_SMALL = 30  # the suite's own default for `min_rows`


def groups(row: Row, bound: Bound, pen: Pen) -> Iterator[Item]:
    """The worst and the best group of each backend, or all of them, then what is left out."""
    per_group = _of_groups(bound, row)
    ranks = {name: ranked(row, name, per_group) for name, result in row.results.items() if groups_of(result)}
    if not ranks:
        return
    if row.first.series:
        yield Note(pen.own(f"at severity {level(row.first.series[-1].severity)}:", "dim"), _LEAD)
    roles = _all_roles(ranks) if pen.verbose > 0 else _folded_roles(ranks, per_group)
    for group, role in roles.items():
        yield _entry(group, role, row, per_group, pen, marked=not bound.between_groups)
    yield from _remarks(row, ranks, set(roles), pen)


def ranked(row: Row, backend: str, bound: Bound) -> list[str]:
    """The groups that were large enough to judge, the worst first; the lowest where the bound does not tell."""
    least = row.first.expect.get("min_rows", _SMALL)
    found = []
    for name, part in groups_of(row.results[backend]).items():
        number = part.numbers.get(bound.number)
        if number is None or number.estimate is None:
            continue
        if part.verdict is not Verdict.INCONCLUSIVE or number.rows >= least:
            found.append((number.estimate, name))
    return [name for _, name in sorted(found, reverse=bound.better == "low")]


def _of_groups(bound: Bound, row: Row) -> Bound:
    """What a single group shows of a check: the judged number, or for a gap between groups the plain one."""
    parts = [part for result in row.results.values() for part in groups_of(result).values()]
    if not bound.between_groups and any(bound.number in part.numbers for part in parts):
        return bound
    return Bound(VALUE, "", (), None)


def _all_roles(ranks: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return dict.fromkeys((group for order in ranks.values() for group in order), "")


def _folded_roles(ranks: Mapping[str, Sequence[str]], bound: Bound) -> dict[str, str]:
    """For each group to show, what it is: `worst`, `best`, or `worst on onnx` where the backends do not agree."""
    found: dict[str, list[str]] = {}
    for word, place in zip(("worst", "best") if bound.better else ("lowest", "highest"), (0, -1), strict=True):
        ends = {backend: order[place] for backend, order in ranks.items() if len(order) > -place}
        agreed = len(set(ends.values())) == 1
        for backend, group in ends.items():
            roles = found.setdefault(group, [])
            role = word if agreed else f"{word} on {backend}"
            roles += [role] * (role not in roles)
    return {group: ", ".join(roles) for group, roles in found.items()}


def _entry(group: str, role: str, row: Row, bound: Bound, pen: Pen, *, marked: bool) -> Entry:
    parts = [groups_of(result).get(group) if result else None for result in row.across]
    cells = across([cell(part, bound, pen, marked=marked) if part else None for part in parts])
    label = pen.line(pen.data(f"{role} " if role else "", "dim"), pen.data(group))
    return Entry(label, pen.own(_size(parts, bound), "dim"), cells, indent=2)


def _size(parts: Sequence[Part | None], bound: Bound) -> str:
    rows = [part.numbers[bound.number].rows for part in parts if part and bound.number in part.numbers]
    return f"n={count(rows[0])}" if rows else ""


def _remarks(row: Row, ranks: Mapping[str, Sequence[str]], shown: set[str], pen: Pen) -> Iterator[Note]:
    """What the fold hides: by name the groups that one has to know of, by their number the others."""
    parts = {name: part for result in row.results.values() for name, part in groups_of(result).items()}
    judged = {group for order in ranks.values() for group in order}
    hidden = {name: _worst(name, row) for name in parts if name in judged - shown}
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        names = [pen.data(name) for name, found in hidden.items() if found is verdict]
        if names:
            yield Note(pen.line(f"{verdict.value} too: ", _listed(names), style="dim"), _LEAD)
    left = [pen.line(pen.data(name), _why(part, pen)) for name, part in parts.items() if name not in judged]
    if left:
        yield Note(pen.line("not judged: ", _listed(left), style="dim"), _LEAD)
    between = sum(verdict is Verdict.PASS for verdict in hidden.values())
    if between:
        yield Note(pen.own(f"{counted(between, 'group')} in between", "dim"), _LEAD)


def _worst(group: str, row: Row) -> Verdict:
    """The group's verdict, where it holds on every backend PASS."""
    parts = (groups_of(result).get(group) for result in row.results.values())
    verdicts = {part.verdict for part in parts if part}
    return next((verdict for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE) if verdict in verdicts), Verdict.PASS)


def _why(part: Part, pen: Pen) -> Text:
    return pen.line(" (", pen.data(part.note), ")") if part.note else Text()


def _listed(names: Sequence[Text]) -> Text:
    more = Text(f" and {count(len(names) - _NAMED)} more" if len(names) > _NAMED else "")
    return Text(", ").join(names[:_NAMED]) + more
