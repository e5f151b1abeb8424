"""Whether probabilities put rows in the right order."""

from __future__ import annotations

from dataclasses import dataclass
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


def auroc(predictions: Predictions, targets: Targets, *, positive: str | None = None) -> Statistic:
    """The area under the ROC curve.

    From 0 to 1, 0.5 for guessing. It is the chance that a positive row has a higher probability of being so than
    another row, a tie being half of one. `positive` is the class it is about, the second of two unless it is named;
    with more classes and none named it is the mean over them of each against the rest. Undefined where a class has no
    rows, or all.
    """
    chances = probabilities(predictions)
    given = np.flatnonzero(~np.isnan(chances).any(axis=1))
    codes = targets.codes[given]
    if positive is not None or len(predictions.classes) == 2:
        code = positive_class(predictions.classes, positive)
        return _one(chances[given, code], codes == code, given, len(chances))
    return _mean(chances[given], codes, given, len(chances))


def _one(scores: Floats, right: Bools, given: npt.NDArray[np.int64], rows: int) -> Statistic:
    """Of one class: rows with equal score and equal right answer share a cell."""
    order = _Order.of(scores, right)
    cells = np.full(rows, -1, np.int64)
    cells[given] = order.cells
    return Statistic(order.area, cells, order.size)


def _mean(chances: Floats, codes: npt.NDArray[np.int64], given: npt.NDArray[np.int64], rows: int) -> Statistic:
    """Over all classes: every row is a cell of its own, and each class has its order of them."""
    orders = [_Order.of(column, codes == code) for code, column in enumerate(chances.T)]
    cells = np.full(rows, -1, np.int64)
    cells[given] = np.arange(len(given))
    return Statistic(
        lambda counts: np.mean([order.area(order.summed(counts)) for order in orders], axis=0), cells, len(given)
    )


@dataclass(frozen=True)
class _Order:
    """Rows in the order of their scores. Those of equal score and equal right answer share a cell, misses before hits.

    `cells` is each row's; per cell `right` says whether it holds hits; `tied` are the cells of hits that have misses of
    the same score right before them.
    """

    cells: npt.NDArray[np.int64]
    right: Floats
    tied: npt.NDArray[np.int64]

    @classmethod
    def of(cls, scores: Floats, right: Bools) -> _Order:
        level = np.unique(scores, return_inverse=True)[1]
        kinds, cells = np.unique(2 * level + right, return_inverse=True)
        tied = np.flatnonzero((kinds[1:] % 2 == 1) & (np.diff(kinds) == 1)) + 1
        return cls(cells.astype(np.int64), (kinds % 2).astype(np.float64), tied)

    @property
    def size(self) -> int:
        return len(self.right)

    @cached_property
    def _sorted(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        order = np.argsort(self.cells, kind="stable")
        return order, np.searchsorted(self.cells[order], np.arange(self.size))

    def summed(self, counts: Floats) -> Floats:
        """Counts of rows, shape (..., rows), as counts of cells, shape (..., cells)."""
        order, starts = self._sorted
        ordered = np.take(counts, order, axis=-1)
        return ordered if len(starts) == len(order) else np.add.reduceat(ordered, starts, axis=-1)

    def area(self, counts: Floats) -> Floats:
        """The area from counts of cells, shape (..., cells)."""
        hits = counts * self.right
        misses = counts - hits
        lower = np.cumsum(misses, axis=-1)  # the misses below a hit, and those it is tied with
        won = np.einsum("...i,...i->...", hits, lower)
        ties = np.einsum("...i,...i->...", counts[..., self.tied], counts[..., self.tied - 1])
        return quotient(won - ties / 2, hits.sum(axis=-1) * misses.sum(axis=-1))
