"""Metrics of rows with several labels: by hand, and as scikit-learn has them."""

from __future__ import annotations

import warnings

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from mqa_metrics.classification import accuracy, f1, precision, recall
from mqa_metrics.multi_label import hamming_loss, label_ranking_average_precision, ranking_loss
from mqa_metrics.ranking import auroc
from mqa_registry import DataError, Predictions, UsageError

QUICK = settings(max_examples=25, deadline=None)
ACTUAL = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 1]], bool)
PREDICTED = np.array([[1, 0, 0], [1, 0, 1], [0, 0, 0], [0, 1, 0]], bool)


@pytest.fixture(scope="session")
def scored(labels):
    """Schema `labels` with a probability for every label, from 0.5 on where the row has it."""

    def make(probabilities):
        made = labels(np.asarray(probabilities) >= 0.5)
        column = pa.array([list(row) for row in probabilities], pa.list_(pa.float64()))
        return Predictions("labels", made.table.append_column("probability", column), made.classes)

    return make


@st.composite
def scores_and_targets(draw):
    rows, classes = draw(st.integers(1, 20)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.integers(0, 6, (rows, classes)) / 5, rng.random((rows, classes)) < draw(st.sampled_from([0.1, 0.5, 0.9]))


def test_by_hand(labels, at):
    predicted, actual = labels(PREDICTED), labels(ACTUAL)
    assert at(accuracy(predicted, actual)) == 2 / 4  # exact match
    assert at(hamming_loss(predicted, actual)) == pytest.approx((0 + 2 + 0 + 1) / 12)
    assert at(f1(predicted, actual, average="micro")) == pytest.approx(2 * 3 / (4 + 5))
    assert at(f1(predicted, actual, positive="class-1")) == pytest.approx(2 * 1 / (1 + 2))
    assert at(precision(predicted, actual, average="samples")) == pytest.approx(
        (1 + 1 / 2 + 1) / 3
    )  # without the third
    assert at(recall(predicted, actual, average="samples")) == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)


def test_ranking_by_hand(scored, labels, at):
    probabilities = [[0.9, 0.2, 0.1], [0.6, 0.3, 0.4], [0.1, 0.1, 0.1], [0.5, 0.5, 0.9]]
    predicted, actual = scored(probabilities), labels(ACTUAL)
    # The second row has labels 0 and 1: of the pairs (0, 2) and (1, 2) one is wrong. The fourth has 1 and 2, and 1 ties with 0.
    assert at(ranking_loss(predicted, actual)) == pytest.approx((0 + 1 / 2 + 1 / 2) / 3)
    assert at(label_ranking_average_precision(predicted, actual)) == pytest.approx(
        (1 + (1 + 2 / 3) / 2 + (1 + 2 / 3) / 2) / 3
    )


@QUICK
@given(scores_and_targets())
def test_losses_are_those_of_scikit_learn(scored, labels, at, case):
    probabilities, actual = case
    predicted, targets = scored(probabilities), labels(actual)
    assert at(hamming_loss(predicted, targets)) == pytest.approx(sklearn.hamming_loss(actual, probabilities >= 0.5))
    some = actual.any(axis=1) & ~actual.all(axis=1)  # the others have nothing to rank
    for measure, oracle in (
        (ranking_loss, sklearn.label_ranking_loss),
        (label_ranking_average_precision, sklearn.label_ranking_average_precision_score),
    ):
        scores = measure(predicted, targets)
        assert (~np.isnan(scores) == some).all()
        if some.any():
            assert at(scores) == pytest.approx(oracle(actual[some], probabilities[some]))


@QUICK
@given(scores_and_targets())
def test_means_over_rows_are_those_of_scikit_learn_over_rows_with_a_label(labels, at, case):
    probabilities, actual = case
    predicted = probabilities >= 0.5
    counted = predicted.any(axis=1) | actual.any(axis=1)
    for measure, oracle in (
        (precision, sklearn.precision_score), (recall, sklearn.recall_score), (f1, sklearn.f1_score),
    ):  # fmt: skip
        scores = measure(labels(predicted), labels(actual), average="samples")
        assert (np.isnan(scores) == ~counted).all()
        if counted.any():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = oracle(actual[counted], predicted[counted], average="samples", zero_division=0)
            assert at(scores) == pytest.approx(expected)


@QUICK
@given(scores_and_targets())
def test_the_area_under_the_curve_is_the_mean_over_labels(scored, labels, at, case):
    probabilities, actual = case
    measured = auroc(scored(probabilities), labels(actual))
    if actual.any(axis=0).all() and not actual.all(axis=0).any():
        assert at(measured) == pytest.approx(sklearn.roc_auc_score(actual, probabilities, average="macro"))
    else:
        assert measured.undefined


def test_one_label_alone_has_an_area_and_one_that_no_row_has_has_none(scored, labels, at):
    probabilities = np.array([[0.9, 0.2], [0.3, 0.4], [0.6, 0.7]])
    actual = labels([[True, False], [False, False], [False, False]])
    assert at(auroc(scored(probabilities), actual, positive="class-0")) == 1.0
    assert auroc(scored(probabilities), actual, positive="class-1").undefined == "no row is `class-1`"


def test_a_mean_over_rows_needs_rows_with_several_labels(coded):
    with pytest.raises(UsageError, match="a row has one here"):
        f1(coded([0]), coded([1]), average="samples")


def test_what_ranks_labels_needs_probabilities(labels):
    with pytest.raises(DataError, match="needs probabilities"):
        ranking_loss(labels(PREDICTED), labels(ACTUAL))
