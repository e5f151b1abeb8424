"""Binned statistics: functions of how many rows lie in each bin, where equal rows share a bin, so that rows can be resampled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_registry.stats.nan_policy import is_ignored
from mqa_registry.stats.quantiles import SLACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mqa_registry.stats.estimates import Bools, Floats, Ints

    FunctionOfCounts: TypeAlias = Callable[[Floats], Floats]  # of counts, shape (..., bins), to numbers, shape (...)
    Combine: TypeAlias = Callable[[list[Floats]], Floats]  # of several numbers, to one

FEW_BINS = 512  # up to so many bins or clusters, each is looked at by itself
BINS_AT_ONCE = 1 << 16  # counts worked on at a time, so that they and what is made of them stay near the processor
ROWS_AT_ONCE = 1 << 18  # whose bins are counted at a time
EXTREME_BINS = 4  # kinds of row of each of several statistics that are combined, at either end


@dataclass(frozen=True)
class BinnedStatistic:
    """A function of how many rows lie in each bin.

    `compute` maps counts, shape (..., bins), to the number, shape (...), NaN where it is undefined; counts need not be
    whole. `bins` has each row's bin, shape (rows,), -1 for a row that is ignored, in any type of signed integers.
    """

    compute: FunctionOfCounts
    bins: Ints
    n_bins: int

    @property
    def counts(self) -> Floats:
        """How many rows lie in each bin, shape (bins,)."""
        return count_bins(self.bins, self.n_bins)

    @property
    def value(self) -> float:
        """The number of the rows as they are."""
        return float(self.compute(self.counts))


def count_bins(bins: Ints, n_bins: int) -> Floats:
    """How many rows lie in each bin, shape (bins,); those below 0 are ignored."""
    counts = np.zeros(n_bins + 1, dtype=np.int64)
    for start in range(0, len(bins), ROWS_AT_ONCE):
        counts += np.bincount(bins[start : start + ROWS_AT_ONCE].astype(np.int64) + 1, minlength=n_bins + 1)
    return counts[1:].astype(np.float64)


def mean_statistic(scores: Floats, unseen: Sequence[float] = ()) -> BinnedStatistic:
    """The mean of scores of shape (rows,), NaN ignored; `unseen` are scores that a row may have as well."""
    values, bins = _bin_scores(scores)
    values = np.append(values, unseen)

    def compute(counts: Floats) -> Floats:
        rows = counts.sum(axis=-1)
        mean: Floats = np.divide(counts @ values, rows, out=np.full(rows.shape, math.nan), where=rows > 0)
        return mean

    return BinnedStatistic(compute, bins, len(values))


def quantile_statistic(scores: Floats, share: float) -> BinnedStatistic:
    """The smallest of the scores that at least this share of the rows does not exceed, NaN ignored."""
    values, bins = _bin_scores(scores)
    ranked = np.append(values, math.nan)  # which has a bin, too, so that there is one where every row is ignored

    def compute(counts: Floats) -> Floats:
        rows = counts.sum(axis=-1)
        rank = np.ceil((share - SLACK) * rows) - 0.5  # counts are whole
        position = np.argmax(np.cumsum(counts, axis=-1) >= rank[..., None], axis=-1)
        quantile: Floats = np.where(rows > 0, ranked[position], math.nan)
        return quantile

    return BinnedStatistic(compute, bins, len(ranked))


def _bin_scores(scores: Floats) -> tuple[Floats, Ints]:
    """The distinct scores, in order, and which each row has; -1 for a row that is ignored."""
    counted = ~is_ignored(scores)
    values, positions = np.unique(scores[counted], return_inverse=True)
    bins = np.full(len(scores), -1)
    bins[counted] = positions
    return values, bins


@dataclass(frozen=True)
class JointBins:
    """Rows by their bins in several statistics at once: rows that are equal to all of them share a joint bin."""

    statistics: Sequence[BinnedStatistic]
    bin_of_row: Ints
    counts: Floats  # rows in each joint bin
    is_counted: Bools  # joint bins whose rows count in any of the statistics
    maps: Sequence[_BinMap | None]  # from joint bins to those of each statistic; None where they are the same

    @classmethod
    def of(cls, statistics: Sequence[BinnedStatistic]) -> JointBins:
        if len(statistics) == 1:
            joint, bin_of_row = _own_bins(statistics[0])
        else:
            joint, bin_of_row = _join(statistics)
            joint = _with_unseen(joint, _extreme_combinations(statistics))
        counts = count_bins(bin_of_row, len(joint))
        maps = [_BinMap.of(joint[:, number], one.n_bins) for number, one in enumerate(statistics)]
        return cls(statistics, bin_of_row, counts, np.asarray((joint >= 0).any(axis=1)), maps)

    @property
    def candidates(self) -> Ints:
        """The joint bins that an unseen row may be in: those without rows and, of few bins, all."""
        tried = self.is_counted if len(self.counts) <= FEW_BINS else self.is_counted & (self.counts == 0)
        return np.flatnonzero(tried)

    @property
    def rows(self) -> int:
        """Rows that count in any of the statistics."""
        return int(self.counts[self.is_counted].sum())

    def compute(self, counts: Floats, combine: Combine) -> Floats:
        """The number for each row of counts of joint bins."""
        pairs = zip(self.statistics, self.maps, strict=True)
        return combine([one.compute(counts if to is None else to.convert(counts)) for one, to in pairs])


@dataclass(frozen=True)
class _BinMap:
    """How counts of joint bins become those of one statistic; `bins` are its own by joint bin, -1 where ignored."""

    bins: Ints
    n_bins: int

    @classmethod
    def of(cls, bins: Ints, n_bins: int) -> _BinMap | None:
        return None if len(bins) == n_bins and (bins == np.arange(n_bins)).all() else cls(bins, n_bins)

    def convert(self, counts: Floats) -> Floats:
        if max(self.n_bins, len(self.bins)) <= FEW_BINS:
            return counts @ self._indicator
        # Behind the others comes a bin for those that are ignored.
        rows = [np.bincount(self._ignored_last, weights=row, minlength=self.n_bins + 1) for row in counts]
        return np.array(rows, dtype=np.float64)[:, : self.n_bins]

    @cached_property
    def _ignored_last(self) -> Ints:
        return np.where(self.bins < 0, self.n_bins, self.bins)

    @cached_property
    def _indicator(self) -> Floats:
        return np.asarray(self.bins[:, None] == np.arange(self.n_bins), dtype=np.float64)


def values_with_rows(statistic: FunctionOfCounts, counts: Floats, bins: Ints, weight: float) -> Floats:
    """What a number comes to with rows of so much weight in each of some bins in turn, shape (bins,)."""
    step = max(1, BINS_AT_ONCE // max(1, len(counts)))

    def values() -> Iterator[Floats]:
        for start in range(0, len(bins), step):
            some = bins[start : start + step]
            more = np.repeat(counts[None], len(some), axis=0)
            more[np.arange(len(some)), some] += weight
            yield statistic(more)

    parts = list(values())
    return np.concatenate(parts) if parts else np.zeros(0)


def _own_bins(statistic: BinnedStatistic) -> tuple[Ints, Ints]:
    """All bins of one statistic, seen or not, shape (bins, 1), and each row's position among them."""
    ignored = int((statistic.bins < 0).any())
    bin_of_row = statistic.bins.astype(np.int64) + ignored if ignored else statistic.bins
    return np.arange(-ignored, statistic.n_bins)[:, None], bin_of_row


def _join(statistics: Sequence[BinnedStatistic]) -> tuple[Ints, Ints]:
    """The combinations of bins that occur, shape (joint bins, statistics), and each row's joint bin."""
    first, *others = statistics
    code, span = first.bins.astype(np.int64) + 1, first.n_bins + 1
    for one in others:
        code = np.unique(code, return_inverse=True)[1] * (one.n_bins + 1) + one.bins + 1
        span = len(code) * (one.n_bins + 1)
    if span <= 4 * len(code) + FEW_BINS:  # few enough to count them, which is quicker than to sort
        found = np.flatnonzero(np.bincount(code, minlength=span))
        position = np.zeros(span, dtype=np.int64)
        position[found] = np.arange(len(found))
        joint_bins = position[code]
    else:
        found, joint_bins = np.unique(code, return_inverse=True)
    example = np.zeros(len(found), dtype=np.int64)  # a row of each joint bin
    example[joint_bins] = np.arange(len(joint_bins))
    return np.stack([one.bins[example] for one in statistics], axis=1).astype(np.int64), joint_bins


def _extreme_combinations(statistics: Sequence[BinnedStatistic]) -> Ints:
    """Combinations of bins that rows could be in: of each statistic those that move it most, either way."""
    extremes = []
    for one in statistics:
        counts = one.counts
        bins = np.arange(one.n_bins) if one.n_bins <= FEW_BINS else np.flatnonzero(counts == 0)
        moved = values_with_rows(one.compute, counts, bins, 1.0)
        bins = bins[np.isfinite(moved)][np.argsort(moved[np.isfinite(moved)], kind="stable")]
        ends = np.unique(np.concatenate([bins[:EXTREME_BINS], bins[-EXTREME_BINS:]]))
        extremes.append(np.append(ends, -1) if (one.bins < 0).any() else ends)
    grid = np.meshgrid(*extremes, indexing="ij")
    return np.stack([axis.ravel() for axis in grid], axis=1).astype(np.int64)


def _with_unseen(joint: Ints, combinations: Ints) -> Ints:
    """The joint bins that occur, and behind them the others."""
    seen = set(map(tuple, joint.tolist())) if len(combinations) else set()
    more = [one for one in map(tuple, combinations.tolist()) if one not in seen and max(one) >= 0]
    return np.concatenate([joint, np.array(more, dtype=np.int64).reshape(-1, joint.shape[1])])
