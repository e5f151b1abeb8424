from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, matthews_corrcoef

from mqa_metrics.confusion import balanced_accuracy, mcc

QUICK = settings(max_examples=25, deadline=None)


@st.composite
def repeated_answers(draw):
    k, rows = draw(st.integers(2, 5)), draw(st.integers(1, 30))
    codes = st.lists(st.integers(0, k - 1), min_size=rows, max_size=rows)
    times = draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows).filter(any))
    return k, draw(codes), draw(codes), times


@QUICK
@given(repeated_answers())
def test_balanced_accuracy_is_that_of_scikit_learn(coded, at, case):
    k, right, answered, times = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it warns of classes without rows
        wanted = balanced_accuracy_score(np.repeat(right, times), np.repeat(answered, times))
    assert at(balanced_accuracy(coded(answered, k), coded(right, k)), times) == pytest.approx(wanted)


@QUICK
@given(repeated_answers())
def test_mcc_is_that_of_scikit_learn_and_undefined_where_one_side_is_constant(coded, at, case):
    k, right, answered, times = case
    right_again, answered_again = np.repeat(right, times), np.repeat(answered, times)
    score = at(mcc(coded(answered, k), coded(right, k)), times)
    if len(set(right_again)) == 1 or len(set(answered_again)) == 1:
        assert np.isnan(score)
    else:
        assert score == pytest.approx(matthews_corrcoef(right_again, answered_again), abs=1e-12)


@pytest.mark.parametrize("measure", [balanced_accuracy, mcc])
def test_no_counted_row_is_no_number(coded, at, measure):
    assert np.isnan(at(measure(coded([0, 1]), coded([0, 1])), [0, 0]))


@pytest.mark.parametrize("measure", [balanced_accuracy, mcc])
def test_resamples_are_judged_at_once_in_any_shape(coded, measure):
    statistic = measure(coded([0, 1, 1, 0]), coded([0, 1, 0, 0]))
    counts = np.random.default_rng(0).poisson(2, (2, 3, statistic.size)).astype(float)
    assert statistic.of(counts).shape == (2, 3)
    assert statistic.of(counts)[1, 2] == pytest.approx(statistic.of(counts[1, 2]))


def test_mcc_of_ten_million_rows_loses_no_digits(coded):
    statistic = mcc(coded([0, 1, 0, 1]), coded([0, 1, 1, 0]))
    cells = statistic.cells
    counts = np.zeros(statistic.size)
    counts[cells[0]], counts[cells[1]], counts[cells[2]], counts[cells[3]] = 6e6, 3e6, 1e6, 0
    # tp 3e6, tn 6e6, fn 1e6, fp 0: sqrt((3/3) * (6/6) * (3/4) * (6/7)) form of the coefficient
    assert statistic.of(counts) == pytest.approx((3 * 6 - 0) / np.sqrt(3 * 4 * 6 * 7), rel=1e-12)
