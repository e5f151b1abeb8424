"""Accuracy, balanced accuracy, MCC and rates: as scikit-learn has them, where it does."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, matthews_corrcoef

from mqa_metrics.classification import (
    accuracy,
    balanced_accuracy,
    false_positive_rate,
    mcc,
    selection_rate,
    true_positive_rate,
)
from mqa_registry import UsageError

QUICK = settings(max_examples=25, deadline=None)


@st.composite
def repeated_predictions(draw):
    k, rows = draw(st.integers(2, 5)), draw(st.integers(1, 30))
    codes = st.lists(st.integers(0, k - 1), min_size=rows, max_size=rows)
    times = draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows).filter(any))
    return k, draw(codes), draw(codes), times


@QUICK
@given(repeated_predictions())
def test_balanced_accuracy_is_that_of_scikit_learn(coded, at, case):
    k, targets, predicted, times = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it warns of classes without rows
        expected = balanced_accuracy_score(np.repeat(targets, times), np.repeat(predicted, times))
    assert at(balanced_accuracy(coded(predicted, k), coded(targets, k)), times) == pytest.approx(expected)


def test_mcc_of_rows_that_are_all_wrong_is_minus_one_and_no_rounding_less(coded, at):
    assert at(mcc(coded([1, 1, 1, 0, 0]), coded([0, 0, 0, 1, 1]))) == -1


@QUICK
@given(repeated_predictions())
def test_mcc_is_that_of_scikit_learn_and_undefined_where_one_side_is_constant(coded, at, case):
    k, targets, predicted, times = case
    actual_again, predicted_again = np.repeat(targets, times), np.repeat(predicted, times)
    score = at(mcc(coded(predicted, k), coded(targets, k)), times)
    if len(set(actual_again)) == 1 or len(set(predicted_again)) == 1:
        assert np.isnan(score)
    else:
        assert score == pytest.approx(matthews_corrcoef(actual_again, predicted_again), abs=1e-12)


@pytest.mark.parametrize("measure", [balanced_accuracy, mcc])
def test_no_counted_row_is_no_number(coded, at, measure):
    assert np.isnan(at(measure(coded([0, 1]), coded([0, 1])), [0, 0]))


@pytest.mark.parametrize("measure", [balanced_accuracy, mcc])
def test_resamples_are_judged_at_once_in_any_shape(coded, measure):
    statistic = measure(coded([0, 1, 1, 0]), coded([0, 1, 0, 0]))
    counts = np.random.default_rng(0).poisson(2, (2, 3, statistic.n_bins)).astype(float)
    assert statistic.compute(counts).shape == (2, 3)
    assert statistic.compute(counts)[1, 2] == pytest.approx(statistic.compute(counts[1, 2]))


def test_mcc_of_ten_million_rows_loses_no_digits(coded):
    statistic = mcc(coded([0, 1, 0, 1]), coded([0, 1, 1, 0]))
    bins = statistic.bins
    counts = np.zeros(statistic.n_bins)
    counts[bins[0]], counts[bins[1]], counts[bins[2]], counts[bins[3]] = 6e6, 3e6, 1e6, 0
    # tp 3e6, tn 6e6, fn 1e6, fp 0: sqrt((3/3) * (6/6) * (3/4) * (6/7)) form of the coefficient
    assert statistic.compute(counts) == pytest.approx((3 * 6 - 0) / np.sqrt(3 * 4 * 6 * 7), rel=1e-12)


FOUR_CLASSES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1)


@QUICK
@given(FOUR_CLASSES)
def test_accuracy_of_labels_is_that_of_scikit_learn(coded, at, rows):
    targets, predicted = zip(*rows, strict=True)
    assert at(accuracy(coded(predicted, 4), coded(targets, 4))) == accuracy_score(targets, predicted)


@QUICK
@given(st.lists(st.tuples(*[st.lists(st.booleans(), min_size=3, max_size=3)] * 2), min_size=1))
def test_a_row_with_several_labels_is_correct_when_all_of_them_are(labels, at, rows):
    targets, predicted = map(list, zip(*rows, strict=True))
    assert at(accuracy(labels(predicted), labels(targets))) == accuracy_score(targets, predicted)


def test_spans_are_correct_when_all_of_a_row_are_in_any_order(spans):
    found = spans([[(5, 7, "B"), (0, 2, "A")], [(0, 2, "A")], []])
    targets = spans([[(0, 2, "A"), (5, 7, "B")], [(0, 3, "A")], []])
    assert accuracy(found, targets).tolist() == [True, False, True]


def test_a_text_is_correct_when_every_character_is(text):
    assert accuracy(text(["Paris", "paris", ""]), text(["Paris", "Paris", ""])).tolist() == [True, False, True]


TWO_CLASSES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1)


@QUICK
@given(TWO_CLASSES)
def test_rates_follow_from_the_confusion_matrix(coded, at, rows):
    targets, predicted = zip(*rows, strict=True)
    (tn, fp), (fn, tp) = confusion_matrix(targets, predicted, labels=[0, 1])
    pair = coded(predicted), coded(targets)
    assert at(selection_rate(*pair)) == pytest.approx((tp + fp) / len(rows))
    assert at(true_positive_rate(*pair)) == pytest.approx(tp / (tp + fn) if tp + fn else np.nan, nan_ok=True)
    assert at(false_positive_rate(*pair)) == pytest.approx(fp / (fp + tn) if fp + tn else np.nan, nan_ok=True)


def test_rows_that_a_rate_is_not_about_are_ignored(label):
    predictions, targets = label(["positive", "positive"]), label(["positive", "negative"])
    np.testing.assert_array_equal(true_positive_rate(predictions, targets), [1, np.nan])
    np.testing.assert_array_equal(false_positive_rate(predictions, targets), [np.nan, 1])
    np.testing.assert_array_equal(selection_rate(predictions, targets, positive="negative"), [False, False])


@pytest.mark.parametrize("rate", [selection_rate, true_positive_rate, false_positive_rate])
def test_the_positive_class_of_many_must_be_named(coded, rate):
    with pytest.raises(UsageError, match="which one is positive"):
        rate(coded([0], 3), coded([0], 3))
    assert len(rate(coded([0], 3), coded([0], 3), positive="class-002")) == 1
