"""Resampling units: rows, or clusters of rows, as they are drawn again in a resample or left out in a jackknife."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.stats.binned import BINS_AT_ONCE, FEW_BINS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.stats.estimates import Floats, Ints

ROWS_PER_BIN = 12  # from so many rows a bin on, counts of bins are quicker to draw than rows
JACKKNIFE_BLOCKS = 200  # of units, where there are more than few


@dataclass(frozen=True)
class RowUnits:
    """Rows drawn one by one: what is resampled is how many of them fall into each bin.

    `bin_of_row` is each row's, `counts` how many there are in each.
    """

    bin_of_row: Ints
    counts: Floats

    @property
    def number(self) -> int:
        return len(self.bin_of_row)

    def draw(self, rng: np.random.Generator, count: int) -> Iterator[Floats]:
        """Counts of bins in as many resamples, shape (resamples, bins), some at a time."""
        bins = len(self.counts)
        if bins * ROWS_PER_BIN <= self.number:
            for size in _chunk_sizes(count, bins):
                yield rng.multinomial(self.number, self.counts / self.number, size=size).astype(np.float64)
            return
        # In the order of their bins, so that the counts of neighbours lie side by side.
        bin_of_unit = np.sort(self.bin_of_row)
        ordered = None if (bin_of_unit == np.arange(self.number)).all() else bin_of_unit
        for size in _chunk_sizes(count, self.number):
            yield _draw_units(rng, self.number, size, bins, ordered)

    def leave_out(self, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
        """What a row, or a block of rows where there are many kinds, takes with it; and how many there are like it."""
        bins = len(self.counts)
        if bins <= FEW_BINS:
            filled = self.counts > 0
            yield np.eye(bins)[filled], self.counts[filled]
            return
        for blocks in _draw_blocks(rng, self.bin_of_row, bins):
            yield blocks, np.ones(len(blocks))


@dataclass(frozen=True)
class ClusterUnits:
    """Rows drawn in clusters: what is resampled is how often each cluster is counted, with all its rows."""

    table: Any  # clusters by bins, a sparse matrix of how many rows
    number: int

    @classmethod
    def of(cls, bin_of_row: Ints, bins: int, clusters: Ints) -> ClusterUnits:
        from scipy import sparse

        names, codes = np.unique(clusters, return_inverse=True)
        table = sparse.csr_array((np.ones(len(codes)), (codes, bin_of_row)), shape=(len(names), bins))
        return cls(table, len(names))

    def draw(self, rng: np.random.Generator, count: int) -> Iterator[Floats]:
        """Counts of bins in as many resamples, shape (resamples, bins), some at a time."""
        for size in _chunk_sizes(count, max(self.table.shape)):
            yield _draw_units(rng, self.number, size, self.number) @ self.table

    def leave_out(self, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
        """What a cluster, or a block of them where there are many, takes with it."""
        if self.number > FEW_BINS:
            for blocks in _draw_blocks(rng, np.arange(self.number), self.number):
                yield blocks @ self.table, np.ones(len(blocks))
            return
        step = max(1, BINS_AT_ONCE // self.table.shape[1])
        for start in range(0, self.number, step):
            some = self.table[start : start + step].toarray()
            yield some, np.ones(len(some))


def _chunk_sizes(count: int, width: int) -> Iterator[int]:
    """How many resamples to make at a time, so that their counts fit."""
    chunk = max(1, BINS_AT_ONCE // max(width, 1))
    yield from (min(chunk, count - start) for start in range(0, count, chunk))


def _draw_units(rng: np.random.Generator, units: int, size: int, bins: int, bin_of_unit: Ints | None = None) -> Floats:
    """As many units as there are, drawn with replacement and counted by the bin they are in, shape (size, bins)."""
    # The same numbers as without a type, and sooner.
    drawn = rng.integers(units, size=(size, units), dtype=np.int32 if units < 2**31 else np.int64).astype(np.int64)
    if bin_of_unit is not None:
        drawn = bin_of_unit[drawn]
    if size > 1:
        drawn += np.arange(size)[:, None] * bins
    return np.bincount(drawn.ravel(), minlength=size * bins).reshape(size, bins).astype(np.float64)


def _draw_blocks(rng: np.random.Generator, bin_of_unit: Ints, bins: int) -> Iterator[Floats]:
    """Blocks of units put together at random, as counts of bins, shape (blocks, bins), a few at a time."""
    block_of_unit = rng.integers(JACKKNIFE_BLOCKS, size=len(bin_of_unit))
    order = np.argsort(block_of_unit, kind="stable")
    blocks = np.split(bin_of_unit[order], np.searchsorted(block_of_unit[order], np.arange(1, JACKKNIFE_BLOCKS)))
    step = max(1, BINS_AT_ONCE // bins)
    for start in range(0, JACKKNIFE_BLOCKS, step):
        some = [np.bincount(members, minlength=bins) for members in blocks[start : start + step]]
        yield np.array(some, dtype=np.float64)
