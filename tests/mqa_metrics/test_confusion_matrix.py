"""Counts of the confusion matrix, from counts of bins that rows share, and the bins of rows that could have been."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from mqa_metrics.confusion_matrix import binary_bins, label_bins, multilabel_bins, span_bins


def count_rows(bins):
    """The confusion counts where every row is counted once."""
    return bins.count(np.bincount(bins.bins, minlength=bins.n_bins).astype(float))


@pytest.mark.parametrize("k", [2, 5, 20])
def test_the_counts_are_those_of_the_confusion_matrix(coded, k):
    rng = np.random.default_rng(k)
    targets, predictions = rng.integers(0, k, (2, 300))
    true_positives, predicted, actual = count_rows(label_bins(coded(predictions, k), coded(targets, k)))
    matrix = confusion_matrix(targets, predictions, labels=range(k))
    np.testing.assert_array_equal(true_positives, matrix.diagonal())
    np.testing.assert_array_equal(predicted, matrix.sum(axis=0))
    np.testing.assert_array_equal(actual, matrix.sum(axis=1))


@pytest.mark.parametrize("k", [2, 3, 16])
def test_of_few_classes_every_mistake_has_a_bin(coded, k):
    bins = label_bins(coded(range(k), k), coded(range(k), k))
    assert bins.n_bins == k * k


def test_of_many_classes_mistakes_of_the_sixteen_rarest_have_bins(coded):
    codes = [code for code in range(18) for _ in range(code + 1)]  # class 0 is the rarest, class 17 the commonest
    bins = label_bins(coded(codes, 18), coded(codes, 18))
    mistakes = {(rare, other) for rare in range(16) for other in (rare, 17, 0)} | {(17, rare) for rare in range(16)}
    assert bins.n_bins == len(mistakes | {(code, code) for code in range(18)})


def test_a_class_without_rows_has_no_mistakes(coded):
    bins = label_bins(coded([0, 2], 3), coded([0, 0], 3))
    assert bins.n_bins == 2  # it is 0, and predicted as 0 or as 2


def test_one_class_has_four_bins_whichever_rows_there_are():
    bins = binary_bins(np.array([True, True]), np.array([True, False]))
    assert (bins.bins.tolist(), bins.n_bins) == ([3, 1], 4)
    assert [counts.tolist() for counts in count_rows(bins)] == [[1], [2], [1]]


@pytest.mark.parametrize(("n_labels", "n_rare"), [(3, 3), (16, 16), (20, 16)])
def test_of_labels_the_rarest_have_rows_that_could_have_been(labels, n_labels, n_rare):
    table = np.eye(n_labels, dtype=int)
    bins = multilabel_bins(labels(table), labels(table))
    assert bins.bins.tolist() == list(range(n_labels))
    assert bins.n_bins == n_labels + 3 * n_rare + 1


def test_spans_have_a_row_with_none_correct_and_one_with_all_correct(spans):
    predictions = spans([[(0, 1, "A")], [(0, 1, "A"), (2, 3, "A")]])
    targets = spans([[(0, 1, "A")], [(0, 1, "B"), (2, 3, "A"), (4, 5, "A")]])
    bins = span_bins(predictions, targets)
    assert bins.n_bins == 4
    assert [counts.tolist() for counts in count_rows(bins)] == [[2], [3], [4]]
    every_kind = bins.count(np.eye(4))
    assert sorted(zip(*(counts[:, 0].tolist() for counts in every_kind), strict=True)) == [
        (0, 2, 3), (1, 1, 1), (1, 2, 3), (3, 3, 3),
    ]  # fmt: skip
