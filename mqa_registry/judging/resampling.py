"""Resampling: how much a statistic would differ on other rows of the same kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_registry.data.randomness import generator
from mqa_registry.judging.estimates import Resampled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import Statistic

    Floats: TypeAlias = npt.NDArray[np.float64]
    Combine: TypeAlias = Callable[[list[Floats]], Floats]

CELLS_AT_ONCE = 4_000_000  # counts held in memory at a time
FEW_CELLS = 512  # up to so many distinct cells, counts are drawn for cells and not for rows
BLOCKS = 200  # of the jackknife, where there are more cells than few


@dataclass(frozen=True)
class Resampling:
    """How to resample: how often, and what the randomness depends on."""

    seed: int
    purpose: str
    count: int = 1000

    def rng(self) -> np.random.Generator:
        return generator(self.seed, "bootstrap", self.purpose)


def resampled(statistics: Sequence[Statistic], combine: Combine, how: Resampling, method: str = "bca") -> Resampled:
    """The estimate of a number made of statistics of the same rows, which are resampled together."""
    rows = _Rows.of(statistics)
    value = float(rows.number(np.array([rows.counts]), combine)[0])
    rng = how.rng()
    replicates = [rows.number(counts, combine) for counts in rows.draws(rng, how.count)]
    squares, cubes = _influences(rows, combine, rng)
    return Resampled(value, rows.size, np.concatenate(replicates), squares, cubes, method)


def cells_of(statistic: Statistic, rows: int) -> tuple[npt.NDArray[np.int64], int]:
    """Each row's cell, and how many cells there are."""
    if statistic.cells is None:
        return np.arange(rows), rows
    return statistic.cells, statistic.size


@dataclass(frozen=True)
class _Rows:
    """Rows by what they are to several statistics at once: equal rows share a joint cell."""

    statistics: Sequence[Statistic]
    joint: npt.NDArray[np.int64]  # joint cells by statistics: the cell of each
    counts: Floats  # rows in each joint cell
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, statistics: Sequence[Statistic]) -> _Rows:
        rows = next(len(one.cells) if one.cells is not None else one.size for one in statistics)
        placed = [cells_of(one, rows) for one in statistics]
        joint, counts = np.unique(np.stack([cells for cells, _ in placed], axis=1), axis=0, return_counts=True)
        return cls(statistics, joint, counts.astype(np.float64), tuple(size for _, size in placed))

    @property
    def size(self) -> int:
        """Rows that have a say in any of the statistics."""
        return int(self.counts[(self.joint >= 0).any(axis=1)].sum())

    def number(self, counts: Floats, combine: Combine) -> Floats:
        """The number for each row of counts of joint cells."""
        return combine([self._one(place, counts) for place in range(len(self.statistics))])

    def draws(self, rng: np.random.Generator, count: int) -> Iterator[Floats]:
        """Counts of joint cells in as many resamples, some at a time."""
        rows = int(self.counts.sum())
        cells = len(self.counts)
        chunk = max(1, CELLS_AT_ONCE // max(cells, 1))
        for start in range(0, count, chunk):
            number = min(chunk, count - start)
            if cells <= FEW_CELLS:
                yield rng.multinomial(rows, self.counts / rows, size=number).astype(np.float64)
            else:
                yield _drawn(rng, np.repeat(np.arange(cells), self.counts.astype(np.int64)), cells, number)

    def _one(self, place: int, counts: Floats) -> Floats:
        cells, size = self.joint[:, place], self.sizes[place]
        speaking = cells >= 0
        order = np.argsort(cells[speaking], kind="stable")
        cells, sorted_counts = cells[speaking][order], counts[:, speaking][:, order]
        own = np.zeros((len(counts), size))
        if len(cells):
            starts = np.flatnonzero(np.diff(cells, prepend=-1))
            own[:, cells[starts]] = np.add.reduceat(sorted_counts, starts, axis=1)
        return self.statistics[place].of(own)


def _drawn(rng: np.random.Generator, cell_of_row: npt.NDArray[np.int64], cells: int, number: int) -> Floats:
    """Counts of many cells: rows are drawn, and counted by the cell they are in."""
    drawn = cell_of_row[rng.integers(len(cell_of_row), size=(number, len(cell_of_row)))]
    flat = (drawn + np.arange(number)[:, None] * cells).ravel()
    return np.bincount(flat, minlength=number * cells).reshape(number, cells).astype(np.float64)


def _influences(rows: _Rows, combine: Combine, rng: np.random.Generator) -> tuple[float, float]:
    """Sums of the squares and cubes of the jackknife influences, from cells or, where those are many, from blocks."""
    cells = len(rows.counts)
    if cells <= FEW_CELLS:
        left_out, weights = np.eye(cells), rows.counts
    else:
        blocks = rng.integers(BLOCKS, size=cells)
        left_out, weights = (blocks == np.arange(BLOCKS)[:, None]) * rows.counts, np.ones(BLOCKS)
    without = rows.number(rows.counts - left_out, combine)
    known = np.isfinite(without)
    if not known.any():
        return 0.0, 0.0
    distance = np.average(without[known], weights=weights[known]) - without[known]
    return float((weights[known] * distance**2).sum()), float((weights[known] * distance**3).sum())
