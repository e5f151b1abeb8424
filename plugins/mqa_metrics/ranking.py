"""Whether probabilities put rows in the right order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_metrics.division import quotient
from mqa_metrics.probability import probabilities
from mqa_registry import Statistic, positive_class

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions, Targets

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]
    Ints: TypeAlias = npt.NDArray[np.int64]


def auroc(predictions: Predictions, targets: Targets, *, positive: str | None = None) -> Statistic:
    """The area under the ROC curve.

    From 0 to 1, 0.5 for guessing. It is the chance that a positive row has a higher probability of being so than
    another row, a tie being half of one. `positive` is the class it is about, the second of two unless it is named;
    with more classes and none named it is the mean over them of each against the rest. Undefined where a class has no
    rows, or all; the interval holds from about 50 rows of the rarer class on.
    """
    chances = probabilities(predictions)
    given = np.flatnonzero(~np.isnan(chances).any(axis=1))
    codes = targets.codes[given]
    if positive is not None or len(predictions.classes) == 2:
        code = positive_class(predictions.classes, positive)
        made = _one(chances[given, code], codes == code, given, len(chances))
        names = {True: predictions.classes[code], False: f"not {predictions.classes[code]}"}
        if len(predictions.classes) == 2:
            names[False] = predictions.classes[1 - code]
        absent = [name for side, name in names.items() if not ((codes == code) == side).any()]
    else:
        made = _mean(chances[given], codes, given, len(chances))
        there = set(codes.tolist())
        absent = [name for code, name in enumerate(predictions.classes) if code not in there]
    undefined = f"no row is `{absent[0]}`" if absent and len(given) else ""
    return replace(made, absent=absent if len(given) else (), undefined=undefined)


def _one(scores: Floats, right: Bools, given: Ints, rows: int) -> Statistic:
    """Of one class: rows that no row of the other kind stands between share a cell.

    There are cells, too, for a row of either kind that is below all others, and above them.
    """
    least, most = scores.min(initial=0.0) - 1, scores.max(initial=0.0) + 1
    ends = [least - 1, least, most, most + 1]
    order = _Order.of(np.append(scores, ends), np.append(right, [True, False, True, False]))
    cells = np.full(rows, -1, np.int64)
    cells[given] = order.cells[: len(given)]
    return Statistic(order.area, cells, order.size)


def _mean(chances: Floats, codes: Ints, given: Ints, rows: int) -> Statistic:
    """Over all classes: every row is a cell of its own, and each class has its order of them.

    Behind the rows come two for each class that might have been: one of it that is least like it and most like all
    others, and one the other way round.
    """
    own = np.eye(chances.shape[1], dtype=bool)
    least, most = chances.min(initial=0.0) - 1, chances.max(initial=0.0) + 1
    chances = np.concatenate([chances, np.where(own, least, most), np.where(own, most, least)])
    codes = np.concatenate([codes, *[np.arange(len(own))] * 2])
    orders = [_Order.of(column, codes == code) for code, column in enumerate(chances.T)]
    cells = np.full(rows, -1, np.int64)
    cells[given] = np.arange(len(given))
    return Statistic(
        lambda counts: np.mean([order.area(order.summed(counts)) for order in orders], axis=0), cells, len(chances)
    )


@dataclass(frozen=True)
class _Order:
    """Rows in the order of their scores. Hits that have the same misses below them share a cell, and so do misses.

    `cells` is each row's: first `misses` of them with misses, then those with hits, both in the order of their scores.
    Per cell of hits `below` says how many cells of misses lie below it. `tied` are the pairs of cells of equal score,
    the hits' place among the cells of hits first.
    """

    cells: Ints
    misses: int
    below: Ints
    tied: tuple[Ints, Ints]

    @classmethod
    def of(cls, scores: Floats, right: Bools) -> _Order:
        levels, level = np.unique(scores, return_inverse=True)
        hit, missed = (np.bincount(level[kind], minlength=len(levels)) > 0 for kind in (right, ~right))
        mixed = hit & missed
        # A run of levels goes on while they hold nothing but hits, or nothing but misses.
        begins = np.ones(len(levels), dtype=bool)
        begins[1:] = mixed[1:] | mixed[:-1] | (hit[1:] != hit[:-1])
        hits, misses = hit & begins, missed & begins
        among_misses, among_hits = np.cumsum(misses), np.cumsum(hits)
        cells = np.where(right, among_misses[-1:].sum() + among_hits[level], among_misses[level]) - 1
        ties = mixed[hits]
        below: Ints = among_misses[hits] - ties
        return cls(cells, int(np.count_nonzero(misses)), below, (np.flatnonzero(ties), below[ties]))

    @property
    def size(self) -> int:
        return self.misses + len(self.below)

    @cached_property
    def _sorted(self) -> tuple[Ints, Ints]:
        order = np.argsort(self.cells, kind="stable")
        return order, np.searchsorted(self.cells[order], np.arange(self.size))

    def summed(self, counts: Floats) -> Floats:
        """Counts of rows, shape (..., rows), as counts of cells, shape (..., cells)."""
        order, starts = self._sorted
        ordered = np.take(counts, order, axis=-1)
        return ordered if len(starts) == len(order) else np.add.reduceat(ordered, starts, axis=-1)

    def area(self, counts: Floats) -> Floats:
        """The area from counts of cells, shape (..., cells)."""
        misses, hits = counts[..., : self.misses], counts[..., self.misses :]
        first = int(np.searchsorted(self.below, 1))  # hits before it have no miss below them
        lower = np.take(np.cumsum(misses, axis=-1), self.below[first:] - 1, axis=-1)
        won = np.einsum("...i,...i->...", hits[..., first:], lower)
        ties = np.einsum("...i,...i->...", hits[..., self.tied[0]], misses[..., self.tied[1]])
        return quotient(won + ties / 2, hits.sum(axis=-1) * misses.sum(axis=-1))
