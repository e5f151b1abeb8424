"""Resampling: how much a statistic would differ on other rows of the same kind."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_registry.data.randomness import generator
from mqa_registry.judging.bootstrap import Resampled, level
from mqa_registry.judging.edges import Edges, moved_by, pulls, reached, unseen_pairs, weights_of
from mqa_registry.judging.estimates import ANYWHERE
from mqa_registry.judging.units import FEW_CELLS, Clusters, SingleRows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import Statistic
    from mqa_registry.judging.estimates import Span
    from mqa_registry.suite import IntervalKind

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]
    Combine: TypeAlias = Callable[[list[Floats]], Floats]

MOST_EXTREME = 4  # kinds of row of each of several statistics that are combined, at either end


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: what the randomness depends on, how often to resample, and by what method for a share.

    `clusters` has each row's cluster, where rows were drawn in clusters. `same` says that both sides of a drop have the
    same predictions in every row, probabilities and all.
    """

    seed: int
    purpose: str
    count: int = 1000
    share: IntervalKind = "exact"
    clusters: Ints | None = None
    same: bool = False

    def rng(self) -> np.random.Generator:
        return generator(self.seed, "bootstrap", self.purpose)


def resampled(
    statistics: Sequence[Statistic], combine: Combine, how: Resampling, method: str = "bca", span: Span = ANYWHERE
) -> Resampled:
    """The estimate of a number made of statistics of the same rows, which are resampled together."""
    rows = _Rows.of(statistics)
    units = rows.one_by_one if how.clusters is None else Clusters.of(rows.cell_of_row, len(rows.counts), how.clusters)
    value = float(rows.number(rows.counts[None], combine)[0])
    method = method if how.clusters is None else f"cluster {method}"
    if units.number < 2:
        alone = np.full(how.count, np.nan)
        return Resampled(value, rows.size, alone, method=method, units=units.number, span=span)
    rng = how.rng()
    few = len(rows.counts) <= FEW_CELLS
    drawn: list[Floats] = []
    parts = []
    for counts in units.draws(rng, how.count):
        parts.append(rows.number(counts, combine))
        drawn += [counts] if few else []
    replicates = level(value, np.concatenate(parts))
    squares, cubes, freedom = _influences(rows, units, combine, rng)
    made = Resampled(value, rows.size, replicates, squares, cubes, method, units.number, freedom, span)
    spread = 0.0 if made.alike else freedom
    weights = weights_of(generator(how.seed, "edges", how.purpose), len(replicates), spread)
    edges = _edges(rows, combine, made, weights, drawn=drawn, same=how.same)
    return replace(made, edges=edges)


def _edges(
    rows: _Rows, combine: Combine, made: Resampled, weights: Floats, *, drawn: Sequence[Floats], same: bool
) -> Edges | None:
    """What rows of kinds that were not seen may do; of many cells each resample is moved as far as all rows are.

    Where two sides are the same to the last bit, a row on which they differ is not taken to be of the worst kind that
    equal answers would leave room for, but to move the number as it would a mean; of a number without a range, for which
    there is no such mean, it is of the worst kind all the same.
    """

    def number(counts: Floats) -> Floats:
        return rows.number(counts, combine)

    if not math.isfinite(made.value):
        return None
    units = made.units or made.rows
    like_a_mean = same and made.alike and all(map(math.isfinite, made.span))
    unit = float(rows.counts.sum()) / units
    found = None if like_a_mean else pulls(number, rows.counts, rows.kinds, unit)
    if found is None or not any(pull.step or pull.slope for pull in found):
        return Edges.of_span(made.value, made.span, weights, units) if made.alike else None
    down, up = found
    if not drawn:
        lows, highs = (made.replicates + weights * pull.step for pull in (down, up))
    else:
        each = np.split(weights, np.cumsum([len(counts) for counts in drawn])[:-1])
        ways = [
            np.hstack([reached(number, counts, parts, some) for counts, some in zip(drawn, each, strict=True)])
            for parts in (*down.ways, *up.ways)
        ]
        lows, highs = (
            most.reduce(some) for most, some in zip((np.fmin, np.fmax), zip(*ways, strict=True), strict=True)
        )
    return Edges(lows, highs, down.slope, up.slope, weights, down.leaps or up.leaps)


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
        if len(placed) == 1:
            joint, cell_of_row = _alone(*placed[0])
        else:
            joint, cell_of_row = _jointly([cells for cells, _ in placed], [size for _, size in placed])
            joint = _with_unseen(joint, _unseen(statistics, placed))
        counts = np.bincount(cell_of_row, minlength=len(joint)).astype(np.float64)
        maps = [_Map.of(joint[:, place], size) for place, (_, size) in enumerate(placed)]
        return cls(statistics, cell_of_row, counts, np.asarray((joint >= 0).any(axis=1)), maps)

    @property
    def kinds(self) -> Ints:
        """The joint cells that are tried for the kind of an unseen row: those without rows and, of few, all."""
        tried = self.speaking if len(self.counts) <= FEW_CELLS else self.speaking & (self.counts == 0)
        return np.flatnonzero(tried)

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
    weights, without = weights[known], level(float(rows.number(rows.counts[None], combine)[0]), without[known])
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


def _alone(cells: Ints, size: int) -> tuple[Ints, Ints]:
    """All cells of one statistic, seen or not, shape (cells, 1), and each row's place among them."""
    silent = int((cells < 0).any())
    return np.arange(-silent, size)[:, None], cells + silent


def _unseen(statistics: Sequence[Statistic], placed: Sequence[tuple[Ints, int]]) -> Ints:
    """Pairs of cells that rows could be in: of each statistic the kinds that move it most, either way."""
    extremes = []
    for one, (cells, size) in zip(statistics, placed, strict=True):
        counts = np.bincount(cells[cells >= 0], minlength=size).astype(np.float64)
        kinds = np.arange(size) if size <= FEW_CELLS else np.flatnonzero(counts == 0)
        moved = moved_by(one.of, counts, kinds, 1.0)
        kinds = kinds[np.isfinite(moved)][np.argsort(moved[np.isfinite(moved)], kind="stable")]
        ends = np.unique(np.concatenate([kinds[:MOST_EXTREME], kinds[-MOST_EXTREME:]]))
        extremes.append(np.append(ends, -1) if (cells < 0).any() else ends)
    return unseen_pairs(extremes)


def _with_unseen(joint: Ints, pairs: Ints) -> Ints:
    """The joint cells that occur, and behind them the others."""
    seen = set(map(tuple, joint.tolist())) if len(pairs) else set()
    more = [pair for pair in map(tuple, pairs.tolist()) if pair not in seen and max(pair) >= 0]
    return np.concatenate([joint, np.array(more, dtype=np.int64).reshape(-1, joint.shape[1])])


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
