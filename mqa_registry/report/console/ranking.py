"""Ranking: which of a check's many groups are worth a row of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from mqa_registry.bounds import MIN_ROWS
from mqa_registry.judging.result import Verdict
from mqa_registry.report.console.families import groups_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judging.result import Number
    from mqa_registry.report.bounds import Bound
    from mqa_registry.report.console.families import Row

    Ranks: TypeAlias = Mapping[str, Sequence[tuple[str, Number]]]  # by backend: groups with their numbers

BROKEN = 3  # groups that do not hold, of which each gets a row


def ranked(row: Row, backend: str, bound: Bound) -> list[tuple[str, Number]]:
    """The groups that were large enough to judge, the worst first; the lowest where the bound does not tell.

    Of equal ones, the smallest and so least certain comes first.
    """
    least = row.first.expect.get("min_rows", MIN_ROWS)
    sign = -1 if bound.better == "low" else 1
    found = []
    for name, part in groups_of(row.results[backend]).items():
        number = part.numbers.get(bound.number)
        if number is None or number.estimate is None:
            continue
        if part.verdict is not Verdict.INCONCLUSIVE or number.rows >= least:
            found.append((sign * number.estimate, number.rows, name, number))
    return [(name, number) for _, _, name, number in sorted(found, key=lambda one: one[:3])]


def judged(ranks: Ranks) -> list[str]:
    """Every group that some backend has in its ranking."""
    return list(dict.fromkeys(name for order in ranks.values() for name, _ in order))


def roles(row: Row, ranks: Ranks, bound: Bound) -> dict[str, str]:
    """The groups to show, with what they are: those that do not hold, then the worst and the best.

    A role is empty, or `worst`, or `worst on onnx` where the backends do not agree.
    """
    broken = [name for name in judged(ranks) if worst_verdict(row, name) is not Verdict.PASS]
    words = ("worst", "best") if bound.better else ("lowest", "highest")
    first = _roles(words[0], {backend: order[0][0] for backend, order in ranks.items() if order})
    last = _roles(words[1], {backend: order[-1][0] for backend, order in ranks.items() if _spread(order)})
    ends = {name: ", ".join(role[name] for role in (first, last) if name in role) for name in first | last}
    return dict.fromkeys(broken[:BROKEN], "") | ends


def worst_verdict(row: Row, group: str) -> Verdict:
    """The group's verdict on the backend where it is worst."""
    parts = (groups_of(result).get(group) for result in row.results.values())
    verdicts = {part.verdict for part in parts if part}
    return next((verdict for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE) if verdict in verdicts), Verdict.PASS)


def _spread(order: Sequence[tuple[str, Number]]) -> bool:
    """Whether the groups differ at all; where they do not, none is the best."""
    return bool(order) and order[0][1].estimate != order[-1][1].estimate


def _roles(word: str, groups: Mapping[str, str]) -> dict[str, str]:
    """What each group is, from the group that every backend has in that place."""
    if len(set(groups.values())) == 1:
        return dict.fromkeys(groups.values(), word)
    found: dict[str, list[str]] = {}
    for backend, group in groups.items():
        found.setdefault(group, []).append(backend)
    return {group: f"{word} on {' and '.join(backends)}" for group, backends in found.items()}
