"""Tallies: per class, how often it was answered rightly, answered, and the right answer.

All that precision, recall, F1, balanced accuracy and MCC need to know, and linear in how often each row is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mqa_metrics.spans import entities

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_registry import Predictions, Targets

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]


class Tally(NamedTuple):
    """Three counts of shape (..., classes); `occurs` are the classes that were answered or right at all."""

    hits: Floats
    answered: Floats
    right: Floats

    @property
    def occurs(self) -> npt.NDArray[np.bool_]:
        return (self.answered > 0) | (self.right > 0)

    def pooled(self) -> Tally:
        """All classes as one, shape (..., 1)."""
        return Tally(*(part.sum(axis=-1, keepdims=True) for part in self))


@dataclass(frozen=True)
class Tallying:
    """How to come from counts of cells, shape (..., cells), to a tally; `cells` and `size` as a Statistic has them."""

    of: Callable[[Floats], Tally]
    cells: Ints | None = None
    size: int = 0


def tallying_class(answered: npt.NDArray[np.bool_], right: npt.NDArray[np.bool_]) -> Tallying:
    """One class against all others: four cells, by whether it was answered and whether that is right."""

    def of(counts: Floats) -> Tally:
        _, false_hit, miss, hit = (counts[..., cell : cell + 1] for cell in range(4))
        return Tally(hit, hit + false_hit, hit + miss)

    return Tallying(of, 2 * right.astype(np.int64) + answered, 4)


def tallying_labels(predictions: Predictions, targets: Targets) -> Tallying:
    """One label a row: a cell for every pair of answer and right answer that occurs, however many there could be.

    The tally has the classes that occur in some row, in their order.
    """
    answered, right = predictions.codes, targets.codes
    classes, codes = np.unique(np.concatenate([answered, right]), return_inverse=True)
    size = len(classes)
    cells, cell_of_row = np.unique(codes[len(answered) :] * size + codes[: len(answered)], return_inverse=True)
    right_of_cell, answered_of_cell = np.divmod(cells, max(size, 1))
    by_right, by_answer = _summing(right_of_cell, size), _summing(answered_of_cell, size)
    on_diagonal = np.flatnonzero(right_of_cell == answered_of_cell)

    def of(counts: Floats) -> Tally:
        hits = np.zeros((*counts.shape[:-1], size))
        hits[..., right_of_cell[on_diagonal]] = counts[..., on_diagonal]
        return Tally(hits, by_answer(counts), by_right(counts))

    return Tallying(of, cell_of_row.astype(np.int64), len(cells))


def tallying_sets(predictions: Predictions, targets: Targets) -> Tallying:
    """Many labels a row: every row is a cell of its own."""
    answered, right = predictions.indicator.astype(np.float64), targets.indicator.astype(np.float64)
    hits = answered * right
    return Tallying(lambda counts: Tally(counts @ hits, counts @ answered, counts @ right))


def tallying_spans(predictions: Predictions, targets: Targets) -> Tallying:
    """Spans of a row, all classes as one: a hit has the start, end and label of a right one."""
    pairs = list(zip(entities(predictions), entities(targets), strict=True))
    rows = [(len(found & true), len(found), len(true)) for found, true in pairs]
    kinds, cells = np.unique(np.array(rows, np.float64).reshape(-1, 3), axis=0, return_inverse=True)

    def of(counts: Floats) -> Tally:
        sums = counts @ kinds
        return Tally(*(sums[..., part : part + 1] for part in range(3)))

    return Tallying(of, cells.reshape(-1).astype(np.int64), len(kinds))


def _summing(group_of_cell: Ints, size: int) -> Callable[[Floats], Floats]:
    """A function that sums counts of cells, shape (..., cells), by group, shape (..., size)."""
    order = np.argsort(group_of_cell, kind="stable")
    groups, starts = np.unique(group_of_cell[order], return_index=True)

    def summed(counts: Floats) -> Floats:
        sums = np.zeros((*counts.shape[:-1], size))
        sums[..., groups] = np.add.reduceat(counts[..., order], starts, axis=-1)
        return sums

    return summed
