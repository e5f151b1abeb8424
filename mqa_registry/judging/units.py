"""Units: what is drawn again in a resample, rows or clusters of them, and what each has to say if it is left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]

CELLS_AT_ONCE = 1 << 16  # counts worked on at a time, so that they and what is made of them stay near the processor
PER_CELL = 12  # from so many rows a cell on, counts of cells are quicker to draw than rows
FEW_CELLS = 512  # up to so many distinct cells or clusters, each is left out by itself
BLOCKS = 200  # of the jackknife, where there are more than few


@dataclass(frozen=True)
class SingleRows:
    """Rows drawn one by one: what is resampled is how many of them fall into each cell.

    `cell_of_row` is each row's, `counts` how many there are in each.
    """

    cell_of_row: Ints
    counts: Floats

    @property
    def number(self) -> int:
        return len(self.cell_of_row)

    def draws(self, rng: np.random.Generator, count: int) -> Iterator[Floats]:
        """Counts of cells in as many resamples, shape (resamples, cells), some at a time."""
        cells = len(self.counts)
        if cells * PER_CELL <= self.number:
            for size in _chunks(count, cells):
                yield rng.multinomial(self.number, self.counts / self.number, size=size).astype(np.float64)
            return
        # In the order of their cells, so that the counts of neighbours lie side by side.
        cell_of_unit = np.sort(self.cell_of_row)
        ordered = None if (cell_of_unit == np.arange(self.number)).all() else cell_of_unit
        for size in _chunks(count, self.number):
            yield _drawn(rng, self.number, size, cells, ordered)

    def left_out(self, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
        """What a row, or a block of rows where there are many kinds, takes with it; and how many there are like it."""
        cells = len(self.counts)
        if cells <= FEW_CELLS:
            seen = self.counts > 0
            yield np.eye(cells)[seen], self.counts[seen]
            return
        for within in _blocks(rng, self.cell_of_row, cells):
            yield within, np.ones(len(within))


@dataclass(frozen=True)
class Clusters:
    """Rows drawn in clusters: what is resampled is how often each cluster is counted, with all its rows."""

    table: Any  # clusters by cells, a sparse matrix of how many rows
    number: int

    @classmethod
    def of(cls, cell_of_row: Ints, cells: int, clusters: Ints) -> Clusters:
        from scipy import sparse

        names, codes = np.unique(clusters, return_inverse=True)
        table = sparse.csr_array((np.ones(len(codes)), (codes, cell_of_row)), shape=(len(names), cells))
        return cls(table, len(names))

    def draws(self, rng: np.random.Generator, count: int) -> Iterator[Floats]:
        """Counts of cells in as many resamples, shape (resamples, cells), some at a time."""
        for size in _chunks(count, max(self.table.shape)):
            yield _drawn(rng, self.number, size, self.number) @ self.table

    def left_out(self, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
        """What a cluster, or a block of them where there are many, takes with it."""
        if self.number > FEW_CELLS:
            for within in _blocks(rng, np.arange(self.number), self.number):
                yield within @ self.table, np.ones(len(within))
            return
        step = max(1, CELLS_AT_ONCE // self.table.shape[1])
        for start in range(0, self.number, step):
            some = self.table[start : start + step].toarray()
            yield some, np.ones(len(some))


def _chunks(count: int, width: int) -> Iterator[int]:
    """How many resamples to make at a time, so that their counts fit."""
    chunk = max(1, CELLS_AT_ONCE // max(width, 1))
    yield from (min(chunk, count - start) for start in range(0, count, chunk))


def _drawn(rng: np.random.Generator, units: int, size: int, cells: int, cell_of_unit: Ints | None = None) -> Floats:
    """As many units as there are, drawn with replacement and counted by the cell they are in, shape (size, cells)."""
    # The same numbers as without a type, and sooner.
    drawn = rng.integers(units, size=(size, units), dtype=np.int32 if units < 2**31 else np.int64).astype(np.int64)
    if cell_of_unit is not None:
        drawn = cell_of_unit[drawn]
    if size > 1:
        drawn += np.arange(size)[:, None] * cells
    return np.bincount(drawn.ravel(), minlength=size * cells).reshape(size, cells).astype(np.float64)


def _blocks(rng: np.random.Generator, cell_of_unit: Ints, cells: int) -> Iterator[Floats]:
    """Blocks of units put together at random, as counts of cells, shape (blocks, cells), a few at a time."""
    block_of_unit = rng.integers(BLOCKS, size=len(cell_of_unit))
    order = np.argsort(block_of_unit, kind="stable")
    blocks = np.split(cell_of_unit[order], np.searchsorted(block_of_unit[order], np.arange(1, BLOCKS)))
    step = max(1, CELLS_AT_ONCE // cells)
    for start in range(0, BLOCKS, step):
        some = [np.bincount(members, minlength=cells) for members in blocks[start : start + step]]
        yield np.array(some, dtype=np.float64)
