"""Quantiles of rows: values that really occurred, with intervals between two others, however the rows are distributed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import special

from mqa_registry.judging.clusters import Design, design_of, flaw_of
from mqa_registry.judging.estimates import ANYWHERE, within

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry.contributions import Quantile
    from mqa_registry.judging.estimates import Interval, Span

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]

SLACK = 1e-12  # of the rows, so that rounding of a share never skips a value


@dataclass(frozen=True)
class OrderStatistic:
    """A quantile, with the exact interval between two order statistics, open where too few rows have an end there.

    It holds for any distribution: how many rows lie below the true quantile is binomial (Conover, Practical
    Nonparametric Statistics, 3rd ed., section 3.2; David and Nagaraja, Order Statistics, 3rd ed., section 7.1). In
    clusters it counts as many rows as would tell as much, as Woodruff does (J. Am. Stat. Assoc. 47, 1952). `ranked` are
    the values in order; `rows` may be another number, as if that many had values like these.
    """

    ranked: Floats
    share: float
    rows: int
    design: Design | None = None
    span: Span = ANYWHERE

    @property
    def value(self) -> float:
        return self._at(rank_of(self.share, self.rows)) if self.rows else math.nan

    @property
    def method(self) -> str:
        return "cluster order statistics" if self.design else "order statistics"

    @property
    def flaw(self) -> str:
        return flaw_of(self.rows, self.design)

    def interval(self, confidence: float) -> Interval:
        if self.flaw:
            return None
        effective = self.design.effective(self.rows, confidence) if self.design else self.rows
        low, high = ranks(self.share, self.rows, effective, confidence)
        ends = -math.inf if low is None else self._at(low), math.inf if high is None else self._at(high)
        return within(*ends, self.span)

    def of_rows(self, rows: int) -> OrderStatistic:
        """The same of another number of rows with values like these."""
        return replace(self, rows=rows)

    def least_rows(self, confidence: float, *, above: bool) -> int:
        """The fewest rows with which the interval has an end above the quantile, or below it."""
        chance = math.log(self.share) if above else math.log1p(-self.share)  # that all rows lie on the other side
        return math.ceil(math.log((1 - confidence) / 2) / chance)

    def _at(self, rank: int) -> float:
        """The value of a rank, from 1, among so many rows."""
        return float(self.ranked[-(-rank * len(self.ranked) // self.rows) - 1])


def checked(quantile: Quantile) -> Quantile:
    """The same with an array of floats; a ValueError where it is no quantile of rows."""
    values = np.asarray(quantile.values, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"a quantile is of one value a row, and its values have shape {values.shape}")
    if not 0 < quantile.share < 1:
        raise ValueError(f"the share of a quantile lies between 0 and 1, and not at {quantile.share:g}")
    return replace(quantile, values=values)


def order_statistic(quantile: Quantile, clusters: Ints | None, span: Span = ANYWHERE) -> OrderStatistic:
    """The estimate of a quantile of the rows that have a say."""
    speaking = ~np.isnan(quantile.values)
    ranked = np.sort(quantile.values[speaking])
    found = OrderStatistic(ranked, quantile.share, len(ranked), span=span)
    if clusters is None or not found.rows:
        return found
    below = (quantile.values[speaking] <= found.value).astype(np.float64)
    return replace(found, design=design_of(below, clusters[speaking]))


def rank_of(share: float, rows: int) -> int:
    """The rank, from 1, of the smallest value that at least this share of the rows does not exceed."""
    return max(1, math.ceil((share - SLACK) * rows))


def ranks(share: float, rows: int, effective: float, confidence: float) -> tuple[int | None, int | None]:
    """The ranks of both ends of the interval, from 1, each None where too few rows have one."""
    tail = (1 - confidence) / 2
    low, high = (_rank_beyond(one, rows, effective, tail) for one in (1 - share, share))
    return low and rows + 1 - low, high


@lru_cache(maxsize=100_000)
def _rank_beyond(share: float, rows: int, effective: float, tail: float) -> int | None:
    """The lowest rank whose value lies below the quantile with a chance of at most `tail`.

    That it does takes as many rows below the quantile, each there with a chance of `share` at most.
    """

    def sure(rank: int) -> bool:
        below = rank * effective / rows
        return bool(special.betainc(below, effective - below + 1, share) <= tail)

    if not sure(rows):
        return None
    low, high = 0, rows
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if sure(middle) else (middle, high)
    return high
