from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sk_log_loss

from mqa_metrics.probability import brier, log_loss
from mqa_registry import DataError

QUICK = settings(max_examples=25, deadline=None)


@st.composite
def chances(draw):
    """Right answers and probabilities that sum to 1, 0 and 1 among them."""
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


def test_log_loss_of_a_certain_wrong_answer_is_finite(label):
    measured = log_loss(label(["negative"], p=[[1.0, 0.0]]), label(["positive"]))
    assert measured.values == pytest.approx([-np.log(np.finfo(float).eps)])


@pytest.mark.parametrize("measure", [log_loss, brier])
def test_a_row_without_probabilities_has_no_say(coded, measure):
    p = [[0.5, 0.5], [np.nan, np.nan]]
    assert np.isnan(measure(coded([0, 1], p=p), coded([0, 1])).values).tolist() == [False, True]


@pytest.mark.parametrize("measure", [log_loss, brier])
def test_labels_alone_are_not_enough(coded, measure):
    with pytest.raises(DataError, match="labels alone") as raised:
        measure(coded([0]), coded([0]))
    assert "one column per class" in raised.value.hint


def test_a_row_that_was_not_seen_may_score_what_the_surest_answer_would_if_it_were_wrong(coded):
    p = np.array([[0.3, 0.7], [0.999, 0.001]])
    measured = log_loss(coded([1, 0], p=p), coded([1, 0]))
    assert (measured.low, measured.high) == pytest.approx((0, -np.log(0.001)))


@pytest.mark.parametrize(("k", "high"), [(2, 1), (3, 2)])
def test_a_brier_score_of_more_than_two_classes_goes_up_to_two(coded, k, high):
    wrong = brier(coded([0], k, np.eye(k)[:1]), coded([1], k))
    assert (wrong.low, wrong.high, wrong.values.tolist()) == (0, high, [high])


def test_without_any_probability_the_worst_is_a_certain_and_wrong_answer(coded):
    assert log_loss(coded([0], p=[[np.nan, np.nan]]), coded([0])).high == pytest.approx(36.04, abs=0.01)
