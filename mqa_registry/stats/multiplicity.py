"""Multiplicity: corrections for many claims, tests or pairs of groups, of which chance alone would fail one too often.

That all claims of a check hold needs no correction, since each of them has to hold (intersection-union test).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.stats.unpaired_differences import difference, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mqa_registry.stats.estimates import Claim, Estimate, Floats, Interval, Span

EXTREME_GROUPS = 20  # those with the highest, and with the lowest rates, of which every two are compared


def bonferroni_confidence(confidence: float, count: int) -> float:
    """The confidence of each of so many intervals with which all of them hold at once."""
    return 1 - (1 - confidence) / max(1, count)


def holm_confidences(claims: Sequence[Claim], confidence: float) -> Mapping[Claim, float]:
    """The confidence at which each claim has to fail, by Holm's procedure (Scand. J. Stat. 6, 1979).

    As claims fall, the rest are held to a milder level. A claim that is undefined counts among them: that there is no
    number for it makes the others no surer.
    """
    levels: dict[Claim, float] = {}
    remaining = list(claims)
    may_fall = [claim for claim in claims if claim.fails(confidence)]
    while True:
        level = bonferroni_confidence(confidence, len(remaining))
        falling = {claim for claim in may_fall if claim.fails(level)}
        levels |= {claim: level for claim in remaining if not falling or claim in falling}
        if not falling:
            return levels
        may_fall = [claim for claim in may_fall if claim not in falling]
        remaining = [claim for claim in remaining if claim not in falling]


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for their number by Holm's procedure (Scand. J. Stat. 6, 1979), each at most 1.

    Of true null hypotheses, one or more have an adjusted p-value of alpha or less with a probability of at most alpha.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = np.minimum(1.0, np.array(p_values)[order] * (len(p_values) - np.arange(len(p_values))))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.maximum.accumulate(scaled)
    return [float(one) for one in adjusted]


@dataclass(frozen=True)
class MaxGap:
    """A number made of the widest gaps between groups, with the bootstrap's interval where that can be believed.

    The widest of many gaps is too wide on average, resampled or not, so that a bootstrap alone finds groups to differ
    that do not. That they do differ is believed as far as the intervals of every two groups show it, corrected for
    their number by Bonferroni: the interval reaches at least there. `pairs` has those gaps, or with `is_ratio` the
    lower rate by the higher, for every rate; `combine` maps the widest of each rate, shape (rates,), to the number.
    """

    base: Estimate
    combine: Callable[[Floats], Floats]
    pairs: Sequence[Sequence[Estimate]]
    n_pairs: int  # of groups, in all rates
    is_ratio: bool = False

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
    def undefined_reason(self) -> str:
        return self.base.undefined_reason

    @property
    def never_settles(self) -> bool:
        return self.base.never_settles

    def interval(self, confidence: float) -> Interval:
        whole = self.base.interval(confidence)
        if whole is None:
            return None
        level = bonferroni_confidence(confidence, self.n_pairs)
        certain = float(self.combine(np.array([self._certain_gap(pairs, level) for pairs in self.pairs])))
        if self.is_ratio:
            return whole[0], max(min(whole[1], 1.0), certain)
        return min(max(whole[0], 0.0), certain), whole[1]

    def with_rows(self, rows: int) -> Estimate | None:
        return None

    def _certain_gap(self, pairs: Sequence[Estimate], confidence: float) -> float:
        """How far apart two groups surely lie, at such a confidence."""
        ends = [interval for pair in pairs if (interval := pair.interval(confidence)) is not None]
        if self.is_ratio:
            return min([1.0, *(high for _, high in ends)])
        return max([0.0, *(low for low, _ in ends)])


def estimate_max_gap(
    base: Estimate, rates: Sequence[Sequence[Estimate]], combine: Callable[[Floats], Floats], *, is_ratio: bool = False
) -> Estimate:
    """A number that `combine` makes of the widest gap in each rate; `rates` has the estimate of every group for each."""
    if base.undefined_reason:
        return base
    n_groups = len(rates[0]) if rates else 0
    pairs = [_compare_extremes(groups, is_ratio=is_ratio) for groups in rates]
    return MaxGap(base, combine, pairs, n_groups * (n_groups - 1) // 2 * len(rates), is_ratio)


def _compare_extremes(groups: Sequence[Estimate], *, is_ratio: bool) -> list[Estimate]:
    """The gap of every two groups, the higher rate first; of very many groups, of those at the ends."""
    ordered = sorted(groups, key=lambda one: -one.value)
    if len(ordered) > 2 * EXTREME_GROUPS:
        ordered = [*ordered[:EXTREME_GROUPS], *ordered[-EXTREME_GROUPS:]]
    if is_ratio:
        return [ratio(low, high) for high, low in combinations(ordered, 2)]
    return [difference(high, low) for high, low in combinations(ordered, 2)]
