"""Quantiles of rows: values that really occurred, with intervals between two others, however the rows are distributed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mqa_registry.stats.clusters import estimate_design, explain_no_interval
from mqa_registry.stats.estimates import UNBOUNDED, clip_to_span
from mqa_registry.stats.nan_policy import omit_nan

if TYPE_CHECKING:
    from mqa_registry.stats.clusters import ClusterDesign
    from mqa_registry.stats.estimates import Floats, Interval, Ints, Span

SLACK = 1e-12  # of the rows, so that rounding of a share never skips a value


@dataclass(frozen=True)
class OrderStatistic:
    """A quantile, with the exact interval between two order statistics, open where too few rows have an end there.

    It holds for any distribution: how many rows lie below the true quantile is binomial (Conover, Practical
    Nonparametric Statistics, 3rd ed., section 3.2; David and Nagaraja, Order Statistics, 3rd ed., section 7.1). In
    clusters it counts as many rows as would tell as much, as Woodruff does (J. Am. Stat. Assoc. 47, 1952).

    `sorted_values` has shape (values,); `rows` may be another number, as if that many had values like these.
    """

    sorted_values: Floats
    share: float
    rows: int
    design: ClusterDesign | None = None
    span: Span = UNBOUNDED
    never_settles = False

    @property
    def value(self) -> float:
        return self._at(quantile_rank(self.share, self.rows)) if self.rows else math.nan

    @property
    def method(self) -> str:
        return "cluster order statistics" if self.design else "order statistics"

    @property
    def undefined_reason(self) -> str:
        return explain_no_interval(self.rows, self.design)

    def interval(self, confidence: float) -> Interval:
        if self.undefined_reason:
            return None
        effective = self.design.effective_rows(self.rows, confidence) if self.design else self.rows
        low, high = interval_ranks(self.share, self.rows, effective, confidence)
        ends = -math.inf if low is None else self._at(low), math.inf if high is None else self._at(high)
        return clip_to_span(*ends, self.span)

    def resized(self, rows: int) -> OrderStatistic:
        """The same of another number of rows with values like these."""
        return replace(self, rows=rows)

    def with_rows(self, rows: int) -> OrderStatistic | None:
        return self.resized(rows) if self.design is None else None

    def rows_for_an_end(self, confidence: float, *, above: bool) -> int:
        """The fewest rows with which the interval has an end above the quantile, or below it."""
        chance = math.log(self.share) if above else math.log1p(-self.share)  # that all rows lie on the other side
        return math.ceil(math.log((1 - confidence) / 2) / chance)

    def _at(self, rank: int) -> float:
        """The value of a rank, from 1, among so many rows."""
        return float(self.sorted_values[-(-rank * len(self.sorted_values) // self.rows) - 1])


def estimate_quantile(values: Floats, share: float, clusters: Ints | None, span: Span = UNBOUNDED) -> OrderStatistic:
    """The quantile of values of shape (rows,), of which NaN are ignored; `clusters` has each row's, where it has one."""
    counted, clusters = omit_nan(values, clusters)
    found = OrderStatistic(np.sort(counted), share, len(counted), span=span)
    if clusters is None or not found.rows:
        return found
    return replace(found, design=estimate_design((counted <= found.value).astype(np.float64), clusters))


def quantile_rank(share: float, rows: int) -> int:
    """The rank, from 1, of the smallest value that at least this share of the rows does not exceed."""
    return max(1, math.ceil((share - SLACK) * rows))


def interval_ranks(share: float, rows: int, effective: float, confidence: float) -> tuple[int | None, int | None]:
    """The ranks of both ends of the interval, from 1, each None where too few rows have one."""
    tail = (1 - confidence) / 2
    low, high = (_rank_beyond(one, rows, effective, tail) for one in (1 - share, share))
    return low and rows + 1 - low, high


@lru_cache(maxsize=100_000)
def _rank_beyond(share: float, rows: int, effective: float, tail: float) -> int | None:
    """The lowest rank whose value lies below the quantile with a chance of at most `tail`.

    That it does takes as many rows below the quantile, each there with a chance of `share` at most.
    """

    def is_sure(rank: int) -> bool:
        below = rank * effective / rows
        return bool(special.betainc(below, effective - below + 1, share) <= tail)

    if not is_sure(rows):
        return None
    low, high = 0, rows
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_sure(middle) else (middle, high)
    return high
