"""The widest of many distances between groups, and how much of it is more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.judging.measured import difference, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.contributions import Statistic
    from mqa_registry.judging.estimates import Estimate, Interval, Span

ENDS = 20  # the groups with the highest, and with the lowest rates, of which every two are looked at


@dataclass(frozen=True)
class Widest:
    """A number made of the widest distances between groups, with the bootstrap's interval where that can be believed.

    The widest of many distances is too wide on average, resampled or not, so that a bootstrap alone finds groups to
    differ that do not. That they do differ is believed as far as the intervals of every two groups show it, corrected
    for their number by Bonferroni: the interval reaches at least there. `pairs` has those distances for every rate.
    """

    base: Estimate
    statistic: Statistic
    pairs: Sequence[Sequence[Estimate]]
    count: int  # of all pairs of groups in all rates

    @property
    def value(self) -> float:
        return self.base.value

    @property
    def rows(self) -> int:
        return self.base.rows

    @property
    def span(self) -> Span:
        return self.base.span

    @property
    def method(self) -> str:
        return f"{self.base.method}, pairwise"

    @property
    def flaw(self) -> str:
        return self.base.flaw

    def interval(self, confidence: float) -> Interval:
        whole = self.base.interval(confidence)
        if whole is None:
            return None
        assert self.statistic.spread is not None
        level = 1 - (1 - confidence) / max(1, self.count)
        shown = float(self.statistic.spread(np.array([self._shown(pairs, level) for pairs in self.pairs])))
        if self.statistic.ratio:
            return whole[0], max(min(whole[1], 1.0), shown)
        return min(max(whole[0], 0.0), shown), whole[1]

    def _shown(self, pairs: Sequence[Estimate], level: float) -> float:
        """How far apart two groups surely lie, at such a confidence."""
        ends = [interval for pair in pairs if (interval := pair.interval(level)) is not None]
        if self.statistic.ratio:
            return min([1.0, *(high for _, high in ends)])
        return max([0.0, *(low for low, _ in ends)])


def widest(base: Estimate, statistic: Statistic, groups: Sequence[Mapping[str, Estimate]]) -> Estimate:
    """The number of a statistic with a `spread`; `groups` has the rates of each, by name."""
    if statistic.spread is None or base.flaw:
        return base
    rates = [[numbers[name] for numbers in groups] for name in statistic.shown]
    number = len(groups) * (len(groups) - 1) // 2
    return Widest(base, statistic, [_pairs(each, statistic) for each in rates], number * len(rates))


def _pairs(rates: Sequence[Estimate], statistic: Statistic) -> list[Estimate]:
    """The distances of every two groups, the higher rate first; of very many groups, of those at the ends."""
    ordered = sorted(rates, key=lambda one: -one.value)
    ends = ordered if len(ordered) <= 2 * ENDS else [*ordered[:ENDS], *ordered[-ENDS:]]
    if statistic.ratio:
        return [ratio(low, high) for high, low in combinations(ends, 2)]
    return [difference(high, low) for high, low in combinations(ends, 2)]
