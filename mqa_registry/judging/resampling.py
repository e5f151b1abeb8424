"""Resampling: how much a statistic would differ on other rows of the same kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.data.randomness import generator
from mqa_registry.judging.bootstrap import Resampled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import Statistic
    from mqa_registry.suite import IntervalKind

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]
    Combine: TypeAlias = Callable[[list[Floats]], Floats]

CELLS_AT_ONCE = 400_000  # counts worked on at a time, so that they stay near the processor
PER_CELL = 8  # from so many rows a cell on, counts of cells are quicker to draw than rows
FEW_CELLS = 512  # up to so many distinct cells or clusters, each is left out by itself
BLOCKS = 200  # of the jackknife, where there are more than few


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: what the randomness depends on, how often to resample, and by what method for a share.

    `clusters` has each row's cluster, where rows were drawn in clusters.
    """

    seed: int
    purpose: str
    count: int = 1000
    share: IntervalKind = "exact"
    clusters: Ints | None = None

    def rng(self) -> np.random.Generator:
        return generator(self.seed, "bootstrap", self.purpose)


def resampled(statistics: Sequence[Statistic], combine: Combine, how: Resampling, method: str = "bca") -> Resampled:
    """The estimate of a number made of statistics of the same rows, which are resampled together."""
    rows = _Rows.of(statistics)
    units = _Cells(rows.counts) if how.clusters is None else _Clusters.of(rows, how.clusters)
    value = float(rows.number(rows.counts[None], combine)[0])
    method = method if how.clusters is None else f"cluster {method}"
    if units.number < 2:
        return Resampled(value, rows.size, np.full(how.count, np.nan), method=method, units=units.number)
    rng = how.rng()
    replicates = [rows.number(counts, combine) for counts in units.draws(rng, how.count)]
    squares, cubes, freedom = _influences(rows, units, combine, rng)
    return Resampled(value, rows.size, np.concatenate(replicates), squares, cubes, method, units.number, freedom)


@dataclass(frozen=True)
class _Rows:
    """Rows by what they are to several statistics at once: equal rows share a joint cell."""

    statistics: Sequence[Statistic]
    cell_of_row: Ints
    joint: Ints  # joint cells by statistics: the cell of each
    counts: Floats  # rows in each joint cell
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, statistics: Sequence[Statistic]) -> _Rows:
        rows = next(len(one.cells) if one.cells is not None else one.size for one in statistics)
        placed = [_cells_of(one, rows) for one in statistics]
        joint, cell_of_row = _jointly([cells for cells, _ in placed], [size for _, size in placed])
        counts = np.bincount(cell_of_row, minlength=len(joint)).astype(np.float64)
        return cls(statistics, cell_of_row, joint, counts, tuple(size for _, size in placed))

    @property
    def size(self) -> int:
        """Rows that have a say in any of the statistics."""
        return int(self.counts[(self.joint >= 0).any(axis=1)].sum())

    def number(self, counts: Floats, combine: Combine) -> Floats:
        """The number for each row of counts of joint cells."""
        return combine([self._one(place, counts) for place in range(len(self.statistics))])

    def _one(self, place: int, counts: Floats) -> Floats:
        cells, size = self.joint[:, place], self.sizes[place]
        if len(cells) == size and (cells == np.arange(size)).all():
            return self.statistics[place].of(counts)
        speaking = cells >= 0
        order = np.argsort(cells[speaking], kind="stable")
        cells, sorted_counts = cells[speaking][order], counts[:, np.flatnonzero(speaking)[order]]
        own = np.zeros((len(counts), size))
        if len(cells):
            starts = np.flatnonzero(np.diff(cells, prepend=-1))
            own[:, cells[starts]] = np.add.reduceat(sorted_counts, starts, axis=1)
        return self.statistics[place].of(own)


@dataclass(frozen=True)
class _Cells:
    """Rows drawn one by one: what is resampled is how many of them fall into each joint cell."""

    counts: Floats

    @property
    def number(self) -> int:
        return int(self.counts.sum())

    def draws(self, rng: np.random.Generator, count: int) -> Iterator[Floats]:
        """Counts of joint cells in as many resamples, some at a time."""
        for number in _chunks(count, len(self.counts)):
            if len(self.counts) * PER_CELL <= self.number:
                yield rng.multinomial(self.number, self.counts / self.number, size=number).astype(np.float64)
            else:
                yield _drawn(rng, self.counts, number)

    def left_out(self, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
        """What a row, or a block of cells where there are many, takes with it; and how many there are like it."""
        cells = len(self.counts)
        if cells <= FEW_CELLS:
            yield np.eye(cells), self.counts
            return
        for within in _blocks(rng, cells):
            yield within * self.counts, np.ones(len(within))


@dataclass(frozen=True)
class _Clusters:
    """Rows drawn in clusters: what is resampled is how often each cluster is counted, with all its rows."""

    table: Any  # clusters by joint cells, a sparse matrix of how many rows
    number: int

    @classmethod
    def of(cls, rows: _Rows, clusters: Ints) -> _Clusters:
        from scipy import sparse

        names, codes = np.unique(clusters, return_inverse=True)
        shape = len(names), len(rows.counts)
        return cls(sparse.csr_array((np.ones(len(codes)), (codes, rows.cell_of_row)), shape=shape), len(names))

    def draws(self, rng: np.random.Generator, count: int) -> Iterator[Floats]:
        for number in _chunks(count, max(self.table.shape)):
            yield _drawn(rng, np.ones(self.number), number) @ self.table

    def left_out(self, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
        """What a cluster, or a block of them where there are many, takes with it."""
        if self.number > FEW_CELLS:
            yield from (
                (within.astype(np.float64) @ self.table, np.ones(len(within))) for within in _blocks(rng, self.number)
            )
            return
        step = max(1, CELLS_AT_ONCE // self.table.shape[1])
        for start in range(0, self.number, step):
            some = self.table[start : start + step].toarray()
            yield some, np.ones(len(some))


def _influences(
    rows: _Rows, units: _Cells | _Clusters, combine: Combine, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Sums of the squares and cubes of the jackknife influences, and the degrees of freedom of the former.

    Satterthwaite's (Biometrics Bull. 2, 1946), from how the squares vary: where few units have most of the influence,
    as positives have that are rare, those few are what there is to go by.
    """
    parts = [(rows.number(rows.counts - taken, combine), alike) for taken, alike in units.left_out(rng)]
    without, weights = (np.concatenate(each) for each in zip(*parts, strict=True))
    known = np.isfinite(without)
    most = max(1.0, units.number - 1.0)
    if not known.any():
        return 0.0, 0.0, most
    weights, without = weights[known], without[known]
    distance = np.average(without, weights=weights) - without
    squares, cubes, fourths = (float((weights * distance**power).sum()) for power in (2, 3, 4))
    spread = fourths - squares**2 / float(weights.sum())
    freedom = 2 * squares**2 / spread if spread > 0 else most
    return squares, cubes, min(max(freedom, 1.0), most)


def _cells_of(statistic: Statistic, rows: int) -> tuple[Ints, int]:
    """Each row's cell, and how many cells there are."""
    if statistic.cells is None:
        return np.arange(rows), rows
    return statistic.cells, statistic.size


def _jointly(cells: Sequence[Ints], sizes: Sequence[int]) -> tuple[Ints, Ints]:
    """The combinations of cells that occur, shape (joint cells, statistics), and each row's joint cell."""
    code, span = cells[0] + 1, sizes[0] + 1
    for more, size in zip(cells[1:], sizes[1:], strict=True):
        code = np.unique(code, return_inverse=True)[1] * (size + 1) + more + 1
        span = len(code) * (size + 1)
    if span <= 4 * len(code) + FEW_CELLS:  # few enough to count them, which is quicker than to sort
        found = np.flatnonzero(np.bincount(code, minlength=span))
        place = np.zeros(span, dtype=np.int64)
        place[found] = np.arange(len(found))
        inverse = place[code]
    else:
        found, inverse = np.unique(code, return_inverse=True)
    first = np.zeros(len(found), dtype=np.int64)
    first[inverse] = np.arange(len(inverse))
    return np.stack([one[first] for one in cells], axis=1), inverse


def _chunks(count: int, width: int) -> Iterator[int]:
    """How many resamples to make at a time, so that their counts fit into memory."""
    chunk = max(1, CELLS_AT_ONCE // max(width, 1))
    yield from (min(chunk, count - start) for start in range(0, count, chunk))


def _blocks(rng: np.random.Generator, units: int) -> Iterator[npt.NDArray[np.bool_]]:
    """Blocks of units put together at random, shape (blocks, units), a few at a time."""
    block_of_unit = rng.integers(BLOCKS, size=units)
    step = max(1, CELLS_AT_ONCE // units)
    for start in range(0, BLOCKS, step):
        yield block_of_unit == np.arange(start, min(start + step, BLOCKS))[:, None]


def _drawn(rng: np.random.Generator, counts: Floats, number: int) -> Floats:
    """Counts of many cells: rows are drawn, and counted by the cell they are in."""
    cells, rows = len(counts), int(counts.sum())
    cell_of_row = np.repeat(np.arange(cells), counts.astype(np.int64)) if rows != cells else None
    found = np.empty((number, cells))
    step = max(1, CELLS_AT_ONCE // 4 // max(rows, cells))
    for start in range(0, number, step):
        size = min(step, number - start)
        drawn = rng.integers(rows, size=(size, rows))
        if cell_of_row is not None:
            drawn = cell_of_row[drawn]
        drawn += np.arange(size)[:, None] * cells
        found[start : start + size] = np.bincount(drawn.ravel(), minlength=size * cells).reshape(size, cells)
    return found
