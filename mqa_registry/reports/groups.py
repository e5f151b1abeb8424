"""Groups: which of a check's many groups a report shows, by which number, and what it says of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mqa_registry.expect import MIN_ROWS
from mqa_registry.judging.result import Number, Verdict
from mqa_registry.reports.expectations import UNBOUNDED_VALUE, VALUE, NumberBounds
from mqa_registry.reports.report import groups_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judging.result import Part
    from mqa_registry.reports.report import CheckResults

MAX_BROKEN = 3  # groups that do not hold and are shown for that alone


class RankedGroup(NamedTuple):
    """A group with the number that it is ranked by; the number's estimate is defined."""

    name: str
    number: Number


Rankings: TypeAlias = "Mapping[str, Sequence[RankedGroup]]"  # by backend


@dataclass(frozen=True)
class GroupBreakdown:
    """The groups of a check.

    `bounds` name the number that they are shown by. `roles` are the groups to show: `worst` and the like, or nothing.
    `has_verdicts` says whether a group's verdict is about that number. Of the groups that are left out, `failed` and
    `inconclusive` are named and the others counted in `passed`. `unjudged` are those too small to judge, with the reason.
    """

    bounds: NumberBounds
    roles: Mapping[str, str]
    has_verdicts: bool
    failed: tuple[str, ...]
    inconclusive: tuple[str, ...]
    passed: int
    unjudged: Mapping[str, str]


def break_down_groups(check: CheckResults, bounds: NumberBounds, *, show_all: bool) -> GroupBreakdown | None:
    """The groups of a check by the number of one of its bounds; None where it has no groups.

    Shown are those that do not hold, the worst and the best of each backend, or all of them.
    """
    shown_by = _choose_number(check, bounds)
    rankings = {name: rank_groups(check, name, shown_by) for name, result in check.results.items() if groups_of(result)}
    if not rankings:
        return None
    ranked = list(dict.fromkeys(group.name for ranking in rankings.values() for group in ranking))
    verdicts = {name: _worst_verdict_of_group(check, name) for name in ranked}
    roles = dict.fromkeys(ranked, "") if show_all else _assign_roles(verdicts, rankings, shown_by)
    hidden = {name: verdict for name, verdict in verdicts.items() if name not in roles}
    parts = {name: part for result in check.results.values() for name, part in groups_of(result).items()}
    return GroupBreakdown(
        bounds=shown_by,
        roles=roles,
        has_verdicts=not bounds.is_between_groups and shown_by.number in {bounds.number, VALUE},
        failed=tuple(name for name, verdict in hidden.items() if verdict is Verdict.FAIL),
        inconclusive=tuple(name for name, verdict in hidden.items() if verdict is Verdict.INCONCLUSIVE),
        passed=sum(verdict is Verdict.PASS for verdict in hidden.values()),
        unjudged={name: part.note for name, part in parts.items() if name not in verdicts},
    )


def rank_groups(check: CheckResults, backend: str, bounds: NumberBounds) -> list[RankedGroup]:
    """The groups that were large enough to judge, the worst first; the lowest where the bounds do not say what is worse.

    Of equal ones, the smallest and so least certain comes first.
    """
    min_rows = check.first_result.expect.get("min_rows", MIN_ROWS)
    sign = -1 if bounds.better == "low" else 1
    keyed = []
    for name, part in groups_of(check.results[backend]).items():
        number = part.numbers.get(bounds.number)
        if number is None or number.estimate is None:
            continue
        if part.verdict is not Verdict.INCONCLUSIVE or number.rows >= min_rows:
            keyed.append(((sign * number.estimate, number.rows, name), RankedGroup(name, number)))
    return [group for _, group in sorted(keyed, key=lambda pair: pair[0])]


def _choose_number(check: CheckResults, bounds: NumberBounds) -> NumberBounds:
    """What is shown of a single group: the judged number; for a gap between groups, the value.

    Where one number was made of all groups, it is that number of each group in which they differ most.
    """
    parts = [part for result in check.results.values() for part in groups_of(result).values()]
    if not bounds.is_between_groups and any(bounds.number in part.numbers for part in parts):
        return bounds
    names = dict.fromkeys(name for part in parts for name in part.numbers)
    if VALUE in names or not names:
        return UNBOUNDED_VALUE
    return NumberBounds(max(names, key=lambda name: _range_of(parts, name)), "", (), None)


def _range_of(parts: Sequence[Part], name: str) -> float:
    """The difference between the highest and the lowest estimate of a number, of the groups that hold."""
    numbers = [part.numbers[name] for part in parts if name in part.numbers and part.verdict is Verdict.PASS]
    estimates = [number.estimate for number in numbers if number.estimate is not None]
    return max(estimates, default=0.0) - min(estimates, default=0.0)


def _assign_roles(verdicts: Mapping[str, Verdict], rankings: Rankings, bounds: NumberBounds) -> dict[str, str]:
    """The groups to show, with what they are: those that do not hold, then the worst and the best.

    A role is empty, or `worst`, or `worst on onnx` where the backends do not agree.
    """
    broken = [name for name, verdict in verdicts.items() if verdict is not Verdict.PASS]
    worst, best = ("worst", "best") if bounds.better else ("lowest", "highest")
    first = _name_roles(worst, {backend: ranking[0].name for backend, ranking in rankings.items() if ranking})
    last = _name_roles(best, {backend: ranking[-1].name for backend, ranking in rankings.items() if _differ(ranking)})
    ends = {name: ", ".join(role[name] for role in (first, last) if name in role) for name in first | last}
    return dict.fromkeys(broken[:MAX_BROKEN], "") | ends


def _worst_verdict_of_group(check: CheckResults, group: str) -> Verdict:
    """The group's verdict on the backend where it is worst; PASS for one whose number no bound is on."""
    parts = (groups_of(result).get(group) for result in check.results.values())
    verdicts = {part.verdict for part in parts if part}
    return next((verdict for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE) if verdict in verdicts), Verdict.PASS)


def _differ(ranking: Sequence[RankedGroup]) -> bool:
    """Whether the groups differ at all; where they do not, none is the best."""
    return bool(ranking) and ranking[0].number.estimate != ranking[-1].number.estimate


def _name_roles(role: str, groups: Mapping[str, str]) -> dict[str, str]:
    """The role of each group, from the group that has it on every backend."""
    if len(set(groups.values())) == 1:
        return dict.fromkeys(groups.values(), role)
    backends_by_group: dict[str, list[str]] = {}
    for backend, group in groups.items():
        backends_by_group.setdefault(group, []).append(backend)
    return {group: f"{role} on {' and '.join(backends)}" for group, backends in backends_by_group.items()}
