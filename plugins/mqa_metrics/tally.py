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

FEW_CLASSES = 16  # of which every pair of an answer and a right answer is a kind of row, or which are tried one by one


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


def absent_classes(targets: Targets) -> list[str]:
    """The classes that no row has."""
    if targets.schema == "labels":
        often = targets.indicator.sum(axis=0)
        return [name for code, name in enumerate(targets.classes) if not often[code]]
    there = set(targets.codes.tolist())
    return [name for code, name in enumerate(targets.classes) if code not in there]


def tallying_class(answered: npt.NDArray[np.bool_], right: npt.NDArray[np.bool_]) -> Tallying:
    """One class against all others: four cells, by whether it was answered and whether that is right."""

    def of(counts: Floats) -> Tally:
        _, false_hit, miss, hit = (counts[..., cell : cell + 1] for cell in range(4))
        return Tally(hit, hit + false_hit, hit + miss)

    return Tallying(of, 2 * right.astype(np.int64) + answered, 4)


def tallying_labels(predictions: Predictions, targets: Targets) -> Tallying:
    """One label a row: a cell for every pair of answer and right answer that occurs, however many there could be.

    The tally has the classes that occur in some row, in their order. There are cells for pairs that might have occurred,
    too: of few classes that have rows all, of more those with the rarest ones, by which a number loses most.
    """
    answered, right = predictions.codes, targets.codes
    classes, codes = np.unique(np.concatenate([answered, right]), return_inverse=True)
    size = len(classes)
    pairs = codes[len(answered) :] * size + codes[: len(answered)]
    unseen = _possible_pairs(np.bincount(codes[len(answered) :], minlength=size))
    cells, cell_of_pair = np.unique(np.concatenate([pairs, unseen]), return_inverse=True)
    cell_of_row = cell_of_pair[: len(pairs)]
    right_of_cell, answered_of_cell = np.divmod(cells, max(size, 1))
    by_right, by_answer = _summing(right_of_cell, size), _summing(answered_of_cell, size)
    on_diagonal = np.flatnonzero(right_of_cell == answered_of_cell)

    def of(counts: Floats) -> Tally:
        hits = np.zeros((*counts.shape[:-1], size))
        hits[..., right_of_cell[on_diagonal]] = counts[..., on_diagonal]
        return Tally(hits, by_answer(counts), by_right(counts))

    return Tallying(of, cell_of_row.astype(np.int64), len(cells))


def tallying_sets(predictions: Predictions, targets: Targets) -> Tallying:
    """Many labels a row: every row is a cell of its own.

    Behind the rows come those that might have been: for each of the rarest labels a row that lacks it, one that has it
    wrongly and one that has it rightly, and a row as long as any with nothing right.
    """
    answered, right = predictions.indicator.astype(np.float64), targets.indicator.astype(np.float64)
    often = right.sum(axis=0)
    rarest = np.argsort(often, kind="stable")
    some = np.eye(len(often))[rarest[often[rarest] > 0][:FEW_CLASSES]]
    longest = np.zeros((2, len(often)))
    if len(right):
        longest[1] = right[right.sum(axis=1).argmax()]
        free = np.flatnonzero(longest[1] == 0)
        longest[0, free[: int(answered.sum(axis=1).max())]] = 1.0
    cells = np.arange(len(answered))
    answered = np.concatenate([answered, np.zeros_like(some), some, some, longest[:1]])
    right = np.concatenate([right, some, np.zeros_like(some), some, longest[1:]])
    hits = answered * right
    return Tallying(lambda counts: Tally(counts @ hits, counts @ answered, counts @ right), cells, len(answered))


def tallying_spans(predictions: Predictions, targets: Targets) -> Tallying:
    """Spans of a row, all classes as one: a hit has the start, end and label of a right one.

    There are kinds for a row with as many spans as any and none of them right, and with all of them right.
    """
    pairs = list(zip(entities(predictions), entities(targets), strict=True))
    rows = np.array([(len(found & true), len(found), len(true)) for found, true in pairs], np.float64).reshape(-1, 3)
    _, answered, right = rows.max(axis=0, initial=0.0)
    unseen = [(0.0, answered, right), (right, right, right)]
    kinds, kind_of = np.unique(np.concatenate([rows, unseen]), axis=0, return_inverse=True)
    cells = kind_of.reshape(-1)[: len(rows)]

    def of(counts: Floats) -> Tally:
        sums = counts @ kinds
        return Tally(*(sums[..., part : part + 1] for part in range(3)))

    return Tallying(of, cells.astype(np.int64), len(kinds))


def _possible_pairs(rows: Ints) -> Ints:
    """Pairs of a right answer and an answer, each as one number, by how many rows each class has."""
    size, right = len(rows), np.flatnonzero(rows)
    if size <= FEW_CLASSES:
        return (right[:, None] * size + np.arange(size)).ravel()
    order = right[np.argsort(rows[right], kind="stable")]
    rarest = order[:FEW_CLASSES]
    return np.concatenate([rarest * size + one for one in (rarest, order[-1], rarest[0])] + [order[-1] * size + rarest])


def _summing(group_of_cell: Ints, size: int) -> Callable[[Floats], Floats]:
    """A function that sums counts of cells, shape (..., cells), by group, shape (..., size)."""
    order = np.argsort(group_of_cell, kind="stable")
    groups, starts = np.unique(group_of_cell[order], return_index=True)

    def summed(counts: Floats) -> Floats:
        sums = np.zeros((*counts.shape[:-1], size))
        sums[..., groups] = np.add.reduceat(counts[..., order], starts, axis=-1)
        return sums

    return summed
