"""Rows needed: the least number of rows with which a check can pass at all, known before anything is predicted.

It is the number for the best case, which every need names: with fewer rows a check is INCONCLUSIVE however good the
model is. With as many it may still be, where the model is not that good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.contributions import Metric, Quantile
from mqa_registry.judging.bounded import BoundedMean
from mqa_registry.judging.claims import MOST_ROWS, Claim
from mqa_registry.judging.form import Bounded, Form, form_of
from mqa_registry.judging.groups import sees_answers
from mqa_registry.judging.quantiles import OrderStatistic
from mqa_registry.judging.shares import PairedProportions, Proportion, UnpairedProportions
from mqa_registry.naming import counted
from mqa_registry.options import takes_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mqa_registry.judging.counts import Counts
    from mqa_registry.plan import Case, Plan

WITHOUT_NUMBER = {
    Form.MEAN: "depends on how far the rows' scores lie apart",
    Form.SCORES: "depends on how sure the answers are",
    Form.STATISTIC: "resampled: depends on the rows",
    Form.WHOLE: "no interval: the number itself is held",
    Form.UNKNOWN: "not known before it is measured",
}


@dataclass(frozen=True)
class Need:
    """One bound of a check: how many rows are `at_hand`, of all or in the smallest `group` that is judged.

    `needed` is the least number with which it can pass in the case `best`; None where there is no such number.
    `enough` says whether those at hand are as many.
    """

    check: str
    expect: Mapping[str, float]
    at_hand: int
    needed: int | None
    best: str
    enough: bool = True
    group: str = ""
    grouped: bool = False


def needs(plan: Plan, counts: Counts) -> tuple[Need, ...]:
    """The needs of every check, one for each of its bounds; pure."""
    found: dict[tuple[str, ...], Need] = {}
    for case in plan.cases:
        for need in _needs(case, counts, plan.suite.confidence):
            found.setdefault((need.check, *need.expect), need)
    return tuple(found.values())


@dataclass(frozen=True)
class _Best:
    """A bound in its best case: whether so many rows, or two groups of so many, would clear it."""

    words: str
    clears: Callable[[int, int], bool]


def _needs(case: Case, counts: Counts, confidence: float) -> Iterator[Need]:
    check, bounds = case.check, {} if case.sights else case.expect.bounds()
    sizes = counts.sizes(case)
    judged = sorted((size, name) for name, size in sizes.items() if size >= case.expect.min_rows)
    for words in (("min", "max"), ("max_drop",), ("max_rise",), ("max_gap",), ("min_ratio",)):
        expect: dict[str, float] = {word: bounds[word] for word in words if word in bounds}
        if not expect:
            continue
        best = _best(case, expect, form_of(check.measure, counts.classes.get(check.data, ())), confidence)
        if check.by is None:
            yield _need(check.name, expect, best, (counts.rows(case),))
        elif sees_answers(check.by):
            yield Need(check.name, expect, counts.rows(case), None, "the groups depend on the answers")
        elif judged:
            between = "max_gap" in expect or "min_ratio" in expect
            together = isinstance(check.measure.contribution, Metric) and takes_groups(check.measure.contribution)
            need = _need(check.name, expect, best, [n for n, _ in judged], group=judged[0][1], two=between or together)
            yield replace(need, grouped=not together)
        else:
            largest = max(((size, name) for name, size in sizes.items()), default=(0, ""))
            least = case.expect.min_rows
            yield Need(
                check.name, expect, largest[0], least, f"no group has {counted(least, 'row')}", False, largest[1], True
            )


def _need(
    check: str,
    expect: Mapping[str, float],
    best: _Best | str,
    sizes: Sequence[int],
    *,
    group: str = "",
    two: bool = False,
) -> Need:
    grouped = bool(group)
    if isinstance(best, str):
        return Need(check, expect, sizes[0], None, best, len(sizes) > two, group, grouped)
    enough = len(sizes) > two and best.clears(sizes[0], sizes[two])
    return Need(
        check, expect, sizes[0], _least(lambda rows: best.clears(rows, rows)), best.words, enough, group, grouped
    )


def _best(case: Case, expect: Mapping[str, float], form: Form | Quantile | Bounded, confidence: float) -> _Best | str:
    """The best case of one bound; where it has no number of rows, the reason."""
    if case.check.gate == "point":
        return _Best("the bare estimate is held", lambda rows, _: rows > 0)
    if isinstance(form, Quantile):
        return _quantile(expect, form.share, confidence)
    if isinstance(form, Bounded):
        return _bounded(expect, form, confidence)
    if form is not Form.SHARE or "min_ratio" in expect:
        return WITHOUT_NUMBER[Form.STATISTIC if form is Form.SHARE else form]
    return _share(expect, confidence) if expect.keys() & {"min", "max"} else _difference(case, expect, confidence)


def _bounded(expect: Mapping[str, float], form: Bounded, confidence: float) -> _Best | str:
    """The mean of scores with a range, all of them as far from the bound as they can be, or halfway between two."""
    if not expect.keys() & {"min", "max"}:
        return WITHOUT_NUMBER[Form.MEAN]
    low, high = expect.get("min", -math.inf), expect.get("max", math.inf)
    best = form.high if "max" not in expect else form.low if "min" not in expect else (low + high) / 2
    best = min(max(best, form.low), form.high)
    alike = BoundedMean.of(np.array([best]), form.low, form.high, None)

    def clears(rows: int, _: int) -> bool:
        return rows > 0 and Claim("", alike.of_rows(rows), low, high).holds(confidence)

    return _Best(f"each row scores {best:g}", clears)


def _quantile(expect: Mapping[str, float], share: float, confidence: float) -> _Best | str:
    """A quantile of rows that all lie between the bounds: its interval has to have an end wherever there is a bound."""
    if not expect.keys() & {"min", "max"}:
        return WITHOUT_NUMBER[Form.MEAN]
    low, high = expect.get("min", -math.inf), expect.get("max", math.inf)
    inside = np.array([max(low, min(high, 0.0))])

    def clears(rows: int, _: int) -> bool:
        return rows > 0 and Claim("", OrderStatistic(inside, share, rows), low, high).holds(confidence)

    return _Best("no row lies beyond the bound", clears)


def _difference(case: Case, expect: Mapping[str, float], confidence: float) -> _Best:
    """Two shares that lie as near as they can, or where that is not enough, as far apart."""
    ((word, bound),) = expect.items()
    if word == "max_gap":
        return _Best("two equal groups, each row scores 1", _equal(-bound, bound, confidence))
    if _unpaired(case):
        return _Best("other rows, as many, each scores 1", _equal(-math.inf, bound, confidence))
    if bound > 0:
        return _paired("no row changes", 0, bound, confidence)
    return _paired("each row gets better" if word == "max_drop" else "each row gets worse", 1, bound, confidence)


def _unpaired(case: Case) -> bool:
    return any(step.reference and step.reference.rows.data != step.view.rows.data for step in case.steps)


def _share(expect: Mapping[str, float], confidence: float) -> _Best:
    """The share of rows that lies deepest between the bounds."""
    low, high = expect.get("min", -math.inf), expect.get("max", math.inf)
    words = "each row scores 1" if "max" not in expect else "each row scores 0"
    if len(expect) == 2:
        words = "the share lies in between"
    return _Best(words, lambda rows, _: rows > 0 and _fits(rows, low, high, confidence))


def _fits(rows: int, low: float, high: float, confidence: float) -> bool:
    """Whether the interval of some share of so many rows lies between the bounds: of the least that clears the lower."""

    def clears(ones: int) -> bool:
        return Claim("", Proportion(ones, rows), low).holds(confidence)

    if not clears(rows):
        return False
    ones = 0 if clears(0) else _first(clears, 0, rows)
    return Claim("", Proportion(ones, rows), low, high).holds(confidence)


def _equal(low: float, high: float, confidence: float) -> Callable[[int, int], bool]:
    def clears(one: int, other: int) -> bool:
        pair = UnpairedProportions(Proportion(one, one), Proportion(other, other))
        return min(one, other) > 0 and Claim("", pair, low, high).holds(confidence)

    return clears


def _paired(words: str, better: int, bound: float, confidence: float) -> _Best:
    def clears(rows: int, _: int) -> bool:
        pair = PairedProportions(0, better * rows, rows)
        return rows > 0 and Claim("", pair, high=bound).holds(confidence)

    return _Best(words, clears)


def _least(clears: Callable[[int], bool]) -> int | None:
    """The least number of rows that clears a bound, where more always do as well; None where none does."""
    rows = 1
    while not clears(rows):
        rows *= 2
        if rows > MOST_ROWS:
            return None
    return rows if rows == 1 else _first(clears, rows // 2, rows)


def _first(clears: Callable[[int], bool], low: int, high: int) -> int:
    """The least number above `low`, which does not clear, up to `high`, which does."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if clears(middle) else (middle, high)
    return high
