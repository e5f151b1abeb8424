"""Resampling: how much a statistic would differ on other rows of the same kind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_registry.data.randomness import generator
from mqa_registry.judging.bootstrap import Resampled
from mqa_registry.judging.units import FEW_CELLS, Clusters, SingleRows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import Statistic
    from mqa_registry.suite import IntervalKind

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]
    Combine: TypeAlias = Callable[[list[Floats]], Floats]


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
    units = rows.one_by_one if how.clusters is None else Clusters.of(rows.cell_of_row, len(rows.counts), how.clusters)
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
    counts: Floats  # rows in each joint cell
    speaking: npt.NDArray[np.bool_]  # joint cells whose rows have a say in any of the statistics
    maps: Sequence[_Map | None]  # from joint cells to those of each statistic; None where they are the same

    @classmethod
    def of(cls, statistics: Sequence[Statistic]) -> _Rows:
        rows = next(len(one.cells) if one.cells is not None else one.size for one in statistics)
        placed = [_cells_of(one, rows) for one in statistics]
        joint, cell_of_row = _jointly([cells for cells, _ in placed], [size for _, size in placed])
        counts = np.bincount(cell_of_row, minlength=len(joint)).astype(np.float64)
        maps = [_Map.of(joint[:, place], size) for place, (_, size) in enumerate(placed)]
        return cls(statistics, cell_of_row, counts, np.asarray((joint >= 0).any(axis=1)), maps)

    @property
    def size(self) -> int:
        """Rows that have a say in any of the statistics."""
        return int(self.counts[self.speaking].sum())

    @property
    def one_by_one(self) -> SingleRows:
        return SingleRows(self.cell_of_row, self.counts)

    def number(self, counts: Floats, combine: Combine) -> Floats:
        """The number for each row of counts of joint cells."""
        pairs = zip(self.statistics, self.maps, strict=True)
        return combine([one.of(counts if to is None else to.counted(counts)) for one, to in pairs])


@dataclass(frozen=True)
class _Map:
    """How counts of joint cells become those of one statistic's `size` cells; `cells` are its own, -1 without a say."""

    cells: Ints
    size: int

    @classmethod
    def of(cls, cells: Ints, size: int) -> _Map | None:
        return None if len(cells) == size and (cells == np.arange(size)).all() else cls(cells, size)

    def counted(self, counts: Floats) -> Floats:
        if max(self.size, len(self.cells)) <= FEW_CELLS:
            return counts @ self._indicator
        # Behind the others comes a cell for those without a say.
        kept = [np.bincount(self._last, weights=row, minlength=self.size + 1) for row in counts]
        return np.array(kept, dtype=np.float64)[:, : self.size]

    @cached_property
    def _last(self) -> Ints:
        return np.where(self.cells < 0, self.size, self.cells)

    @cached_property
    def _indicator(self) -> Floats:
        return np.asarray(self.cells[:, None] == np.arange(self.size), dtype=np.float64)


def _influences(
    rows: _Rows, units: SingleRows | Clusters, combine: Combine, rng: np.random.Generator
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
