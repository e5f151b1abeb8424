"""Counts of the confusion matrix: per class the true positives, the predictions and the targets.

They are all that precision, recall, F1, balanced accuracy and MCC need, and linear in how often each row is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mqa_registry import Predictions, Targets

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Ints: TypeAlias = npt.NDArray[np.int64]
Codes: TypeAlias = npt.NDArray[np.signedinteger[Any]]
Entity: TypeAlias = "tuple[int, int, str]"  # start, end, label

BLOCK_ROWS = 1 << 16  # counted at a time
# Up to so many classes every pair of target and prediction is a possible mistake; of more, only pairs of the rarest are.
FEW_CLASSES = 16


class ConfusionCounts(NamedTuple):
    """Three arrays of shape (..., classes): how many rows of a class were predicted so, all predicted so, all of it."""

    true_positives: Floats
    predicted: Floats
    actual: Floats

    @property
    def occurs(self) -> Bools:
        """The classes that were predicted, or are a target, at all."""
        return (self.predicted > 0) | (self.actual > 0)

    def pooled(self) -> ConfusionCounts:
        """All classes as one, shape (..., 1)."""
        return ConfusionCounts(*(counts.sum(axis=-1, keepdims=True) for counts in self))


@dataclass(frozen=True)
class ConfusionBins:
    """The bins of a Statistic that is made of confusion counts: `bins` and `n_bins` are as that has them.

    `count` maps counts of bins, shape (..., bins), to confusion counts.
    """

    count: Callable[[Floats], ConfusionCounts]
    bins: Codes
    n_bins: int


def absent_classes(targets: Targets) -> list[str]:
    """The classes that no row has."""
    if targets.schema == "labels":
        n_rows = targets.indicator.sum(axis=0)
        return [name for code, name in enumerate(targets.classes) if not n_rows[code]]
    present = set(np.unique(targets.small_codes).tolist())
    return [name for code, name in enumerate(targets.classes) if code not in present]


def binary_bins(predicted: Bools, actual: Bools) -> ConfusionBins:
    """One class against all others: four bins, by whether a row was predicted so and whether it is so."""

    def count(counts: Floats) -> ConfusionCounts:
        _, false_positives, false_negatives, true_positives = (counts[..., index : index + 1] for index in range(4))
        return ConfusionCounts(true_positives, true_positives + false_positives, true_positives + false_negatives)

    return ConfusionBins(count, 2 * actual.astype(np.int64) + predicted, 4)


def label_bins(predictions: Predictions, targets: Targets) -> ConfusionBins:
    """One label a row: a bin for every pair of target and prediction that occurs, however many there could be.

    The counts have the classes that occur in some row, in their order. There are also bins for pairs that could have
    occurred: all, of few classes that have rows; of more classes, those of the rarest, which move a number most.
    """
    predicted, actual = predictions.small_codes, targets.small_codes
    classes = np.unique(np.concatenate([predicted, actual]))
    n_classes = len(classes)
    n_rows = np.zeros(n_classes, dtype=np.int64)
    seen: list[Ints] = [np.zeros(0, dtype=np.int64)]
    for _, pairs in _blocks_of_pairs(predicted, actual, classes):
        n_rows += np.bincount(pairs // max(n_classes, 1), minlength=n_classes)
        seen = [np.unique(np.concatenate([*seen, pairs]))]
    pair_of_bin = np.union1d(seen[0], _possible_pairs(n_rows))
    bin_of_row = np.empty(len(predicted), dtype=np.min_scalar_type(-max(len(pair_of_bin), 1)))
    for rows, pairs in _blocks_of_pairs(predicted, actual, classes):
        bin_of_row[rows] = np.searchsorted(pair_of_bin, pairs)
    actual_of_bin, predicted_of_bin = np.divmod(pair_of_bin, max(n_classes, 1))
    sum_by_actual = _group_summer(actual_of_bin, n_classes)
    sum_by_predicted = _group_summer(predicted_of_bin, n_classes)
    diagonal = np.flatnonzero(actual_of_bin == predicted_of_bin)

    def count(counts: Floats) -> ConfusionCounts:
        true_positives = np.zeros((*counts.shape[:-1], n_classes))
        true_positives[..., actual_of_bin[diagonal]] = counts[..., diagonal]
        return ConfusionCounts(true_positives, sum_by_predicted(counts), sum_by_actual(counts))

    return ConfusionBins(count, bin_of_row, len(pair_of_bin))


def _blocks_of_pairs(predicted: Codes, actual: Codes, classes: Codes) -> Iterator[tuple[slice, Ints]]:
    """Each row's pair of target and prediction, as target · classes + prediction by the positions of these."""
    for start in range(0, len(predicted), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        yield rows, np.searchsorted(classes, actual[rows]) * len(classes) + np.searchsorted(classes, predicted[rows])


def multilabel_bins(predictions: Predictions, targets: Targets) -> ConfusionBins:
    """Several labels a row: every row is one bin.

    After the rows come bins for rows that could have been: for each of the rarest labels a row that lacks it, one that
    has it wrongly and one that has it rightly, and a row with as many labels as any of which none is right.
    """
    predicted, actual = predictions.indicator.astype(np.float64), targets.indicator.astype(np.float64)
    n_rows = actual.sum(axis=0)
    by_rarity = np.argsort(n_rows, kind="stable")
    rare = np.eye(len(n_rows))[by_rarity[n_rows[by_rarity] > 0][:FEW_CLASSES]]
    all_wrong = np.zeros((2, len(n_rows)))  # its prediction, its target
    if len(actual):
        all_wrong[1] = actual[actual.sum(axis=1).argmax()]
        others = np.flatnonzero(all_wrong[1] == 0)
        all_wrong[0, others[: int(predicted.sum(axis=1).max())]] = 1.0
    bins = np.arange(len(predicted))
    predicted = np.concatenate([predicted, np.zeros_like(rare), rare, rare, all_wrong[:1]])
    actual = np.concatenate([actual, rare, np.zeros_like(rare), rare, all_wrong[1:]])
    hits = predicted * actual
    return ConfusionBins(
        lambda counts: ConfusionCounts(counts @ hits, counts @ predicted, counts @ actual), bins, len(predicted)
    )


def span_bins(predictions: Predictions, targets: Targets) -> ConfusionBins:
    """Spans of a row, all classes as one: a true positive has the start, end and label of a target.

    There are also bins for a row with as many spans as any and none of them right, and with all of them right.
    """
    pairs = list(zip(entities(predictions), entities(targets), strict=True))
    rows = np.array(
        [(len(predicted & actual), len(predicted), len(actual)) for predicted, actual in pairs], np.float64
    ).reshape(-1, 3)
    _, max_predicted, max_actual = rows.max(axis=0, initial=0.0)
    possible = [(0.0, max_predicted, max_actual), (max_actual, max_actual, max_actual)]
    kinds, kind_of_row = np.unique(np.concatenate([rows, possible]), axis=0, return_inverse=True)
    bins = kind_of_row.reshape(-1)[: len(rows)]

    def count(counts: Floats) -> ConfusionCounts:
        sums = counts @ kinds
        return ConfusionCounts(*(sums[..., column : column + 1] for column in range(3)))

    return ConfusionBins(count, bins.astype(np.int64), len(kinds))


def entities(predictions: Predictions) -> list[frozenset[Entity]]:
    """The entities of each row as (start, end, label), each once."""
    return [frozenset((span["start"], span["end"], span["label"]) for span in row) for row in predictions.to_pylist()]


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, NaN where the denominator is not above 0."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    undefined = np.full(numerator.shape, np.nan)
    return np.asarray(np.divide(numerator, denominator, out=undefined, where=denominator > 0))


def _possible_pairs(n_rows: Ints) -> Ints:
    """Pairs of target and prediction, each as target · classes + prediction, by how many rows each class has."""
    n_classes, present = len(n_rows), np.flatnonzero(n_rows)
    if n_classes <= FEW_CLASSES:
        return (present[:, None] * n_classes + np.arange(n_classes)).ravel()
    by_rarity = present[np.argsort(n_rows[present], kind="stable")]
    rarest, commonest = by_rarity[:FEW_CLASSES], by_rarity[-1]
    mistakes = [rarest * n_classes + code for code in (rarest, commonest, rarest[0])]
    return np.concatenate([*mistakes, commonest * n_classes + rarest])


def _group_summer(group_of_bin: Ints, n_groups: int) -> Callable[[Floats], Floats]:
    """A function that sums counts of bins, shape (..., bins), by group, shape (..., groups)."""
    order = np.argsort(group_of_bin, kind="stable")
    groups, starts = np.unique(group_of_bin[order], return_index=True)

    def sum_groups(counts: Floats) -> Floats:
        sums = np.zeros((*counts.shape[:-1], n_groups))
        sums[..., groups] = np.add.reduceat(counts[..., order], starts, axis=-1)
        return sums

    return sum_groups
