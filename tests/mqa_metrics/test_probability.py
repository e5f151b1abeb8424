"""Log loss, Brier score and calibration agree with scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, top_k_accuracy_score
from sklearn.metrics import log_loss as sk_log_loss

from mqa_metrics.probability import brier, ece, log_loss, top_k_accuracy
from mqa_registry import DataError

QUICK = settings(max_examples=25, deadline=None)


@st.composite
def chances(draw):
    """Targets and probabilities that sum to 1, 0 and 1 among them."""
    k, rows = draw(st.integers(2, 4)), draw(st.integers(1, 15))
    weights = np.array(draw(st.lists(st.lists(st.integers(0, 5), min_size=k, max_size=k).filter(any),
                                     min_size=rows, max_size=rows)))  # fmt: skip
    targets = draw(st.lists(st.integers(0, k - 1), min_size=rows, max_size=rows))
    return k, np.array(targets), weights / weights.sum(axis=1, keepdims=True)


@QUICK
@given(chances())
def test_log_loss_is_that_of_scikit_learn(coded, at, case):
    k, targets, p = case
    measured = log_loss(coded(p.argmax(axis=1), k, p), coded(targets, k))
    assert at(measured.values) == pytest.approx(sk_log_loss(targets, p, labels=range(k)))


@QUICK
@given(chances())
def test_brier_is_that_of_scikit_learn_halved_for_two_classes(coded, at, case):
    k, targets, p = case
    expected = brier_score_loss(targets, p, labels=list(range(k)), scale_by_half="auto")
    assert at(brier(coded(p.argmax(axis=1), k, p), coded(targets, k)).values) == pytest.approx(expected)


def test_brier_of_two_classes_is_the_squared_distance_for_the_positive_one(label):
    measured = brier(label(["positive"], p=[[0.3, 0.7]]), label(["positive"]))
    assert measured.values == pytest.approx([0.3**2])


def test_log_loss_of_a_certain_wrong_prediction_is_finite(label):
    measured = log_loss(label(["negative"], p=[[1.0, 0.0]]), label(["positive"]))
    assert measured.values == pytest.approx([-np.log(np.finfo(float).eps)])


@QUICK
@given(st.lists(st.tuples(st.permutations(range(1, 5)), st.integers(0, 3)), min_size=1, max_size=15), st.integers(1, 3))
def test_top_k_accuracy_is_that_of_scikit_learn_where_no_classes_are_equally_likely(coded, rows, k):
    p, targets = np.array([weights for weights, _ in rows]) / 10, [target for _, target in rows]
    measured = top_k_accuracy(coded(p.argmax(axis=1), 4, p), coded(targets, 4), k=k)
    assert measured.mean() == pytest.approx(top_k_accuracy_score(targets, p, k=k, labels=range(4)))


def test_top_k_accuracy_counts_a_target_among_the_k_likeliest_the_first_of_equals(coded):
    p = [[0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.25, 0.25, 0.5], [0.25, 0.25, 0.5]]
    predicted, targets = coded([0, 2, 2, 2], 3, p), coded([1, 0, 0, 1], 3)
    assert top_k_accuracy(predicted, targets, k=1).tolist() == [0, 0, 0, 0]
    assert top_k_accuracy(predicted, targets, k=2).tolist() == [1, 0, 1, 0]
    assert top_k_accuracy(predicted, targets, k=3).tolist() == [1, 1, 1, 1]


def test_top_k_accuracy_ignores_a_row_without_probabilities(coded):
    measured = top_k_accuracy(coded([0, 0], 2, [[0.9, 0.1], [np.nan, np.nan]]), coded([0, 1], 2), k=1)
    assert np.isnan(measured).tolist() == [False, True]


@pytest.mark.parametrize("measure", [log_loss, brier])
def test_a_row_without_probabilities_is_ignored(coded, measure):
    p = [[0.5, 0.5], [np.nan, np.nan]]
    assert np.isnan(measure(coded([0, 1], p=p), coded([0, 1])).values).tolist() == [False, True]


@pytest.mark.parametrize("measure", [log_loss, brier])
def test_labels_alone_are_not_enough(coded, measure):
    with pytest.raises(DataError, match="labels alone") as raised:
        measure(coded([0]), coded([0]))
    assert "one column per class" in raised.value.hint


def test_an_unseen_row_may_score_what_the_most_confident_prediction_would_if_it_were_wrong(coded):
    p = np.array([[0.3, 0.7], [0.999, 0.001]])
    measured = log_loss(coded([1, 0], p=p), coded([1, 0]))
    assert (measured.low, measured.high) == pytest.approx((0, -np.log(0.001)))


@pytest.mark.parametrize(("k", "high"), [(2, 1), (3, 2)])
def test_a_brier_score_of_more_than_two_classes_goes_up_to_two(coded, k, high):
    wrong = brier(coded([0], k, np.eye(k)[:1]), coded([1], k))
    assert (wrong.low, wrong.high, wrong.values.tolist()) == (0, high, [high])


def test_without_any_probability_the_worst_is_a_certain_and_wrong_prediction(coded):
    assert log_loss(coded([0], p=[[np.nan, np.nan]]), coded([0])).high == pytest.approx(36.04, abs=0.01)


def by_the_book(p, targets, bins):
    """Equations 2, 3 and 5 of Guo et al. 2017, bin by bin."""
    confidence, hit = p.max(axis=1), p.argmax(axis=1) == targets
    total = 0.0
    for m in range(1, bins + 1):
        inside = ((m - 1) / bins < confidence) & (confidence <= m / bins)
        if inside.any():
            total += inside.mean() * abs(hit[inside].mean() - confidence[inside].mean())
    return total


@st.composite
def binary_chances(draw):
    n = draw(st.integers(1, 40))
    positive = np.array(draw(st.lists(st.floats(0, 1, width=32), min_size=n, max_size=n)))
    targets = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    times = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any)))
    return np.column_stack([1 - positive, positive]), targets, times


@QUICK
@given(binary_chances(), st.sampled_from([1, 7, 10, 15]))
def test_it_is_what_the_paper_defines(coded, at, case, bins):
    p, targets, times = case
    # A confidence next to an edge may fall to either side of it by rounding, here as in the paper's formula.
    scaled = p.max(axis=1) * bins
    assume(not np.any((np.abs(scaled - np.round(scaled)) < 1e-9) & (scaled != np.round(scaled))))
    measured = ece(coded(p.argmax(axis=1), p=p), coded(targets), n_bins=bins)
    expected = by_the_book(np.repeat(p, times, 0), np.repeat(targets, times), bins)
    assert at(measured, times) == pytest.approx(expected, abs=1e-12)


def test_its_bins_are_those_of_scikit_learns_calibration_curve(coded, at):
    rng = np.random.default_rng(3)
    p = rng.dirichlet([0.5, 0.5, 0.5], 500)
    targets = rng.integers(0, 3, 500)
    hit, confidence = p.argmax(axis=1) == targets, p.max(axis=1)
    accuracy, mean = calibration_curve(hit, confidence, n_bins=15)
    weights = np.bincount(np.ceil(confidence * 15).astype(int) - 1, minlength=15)
    expected = (np.abs(accuracy - mean) * weights[weights > 0]).sum() / 500
    assert at(ece(coded(p.argmax(axis=1), 3, p), coded(targets, 3))) == pytest.approx(expected)


def test_confidence_that_comes_true_has_no_error(coded, at):
    p = [[0.25, 0.75]] * 4
    assert at(ece(coded([1] * 4, p=p), coded([1, 1, 1, 0]))) == 0
    assert at(ece(coded([1] * 4, p=p), coded([0, 0, 0, 0]))) == 0.75


def test_rows_without_probabilities_are_ignored(coded, at):
    p = [[0.0, 1.0], [np.nan, np.nan], [0.0, 1.0]]
    assert at(ece(coded([1, 1, 1], p=p), coded([1, 0, 0]))) == 0.5


def test_no_rows_are_no_number(coded, at):
    statistic = ece(coded([0, 1], p=[[0.9, 0.1], [0.2, 0.8]]), coded([0, 1]))
    assert np.isnan(at(statistic, [0, 0]))
    nobody = ece(coded([0], p=[[np.nan, np.nan]]), coded([0]))
    assert np.isnan(nobody.compute(np.zeros((3, 0)))).all()


def test_resamples_are_judged_at_once(coded, at):
    rng = np.random.default_rng(5)
    p = rng.dirichlet([1, 1], 100)
    targets = rng.integers(0, 2, 100)
    statistic = ece(coded(p.argmax(axis=1), p=p), coded(targets))
    times = rng.multinomial(100, np.full(100, 0.01), size=50)
    expected = [by_the_book(np.repeat(p, row, 0), np.repeat(targets, row), 15) for row in times]
    np.testing.assert_allclose(at(statistic, times), expected, atol=1e-12)
