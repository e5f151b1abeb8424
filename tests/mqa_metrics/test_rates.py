from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from mqa_metrics.rates import false_positive_rate, selection_rate, true_positive_rate
from mqa_registry import UsageError

QUICK = settings(max_examples=25, deadline=None)

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1)


@QUICK
@given(ROWS)
def test_rates_follow_from_the_confusion_matrix(coded, at, rows):
    right, answered = zip(*rows, strict=True)
    (tn, fp), (fn, tp) = confusion_matrix(right, answered, labels=[0, 1])
    pair = coded(answered), coded(right)
    assert at(selection_rate(*pair)) == pytest.approx((tp + fp) / len(rows))
    assert at(true_positive_rate(*pair)) == pytest.approx(tp / (tp + fn) if tp + fn else np.nan, nan_ok=True)
    assert at(false_positive_rate(*pair)) == pytest.approx(fp / (fp + tn) if fp + tn else np.nan, nan_ok=True)


def test_rows_that_a_rate_is_not_about_have_no_say(label):
    answers, right = label(["positive", "positive"]), label(["positive", "negative"])
    np.testing.assert_array_equal(true_positive_rate(answers, right), [1, np.nan])
    np.testing.assert_array_equal(false_positive_rate(answers, right), [np.nan, 1])
    np.testing.assert_array_equal(selection_rate(answers, right, positive="negative"), [False, False])


@pytest.mark.parametrize("rate", [selection_rate, true_positive_rate, false_positive_rate])
def test_the_positive_class_of_many_must_be_named(coded, rate):
    with pytest.raises(UsageError, match="which one is positive"):
        rate(coded([0], 3), coded([0], 3))
    assert len(rate(coded([0], 3), coded([0], 3), positive="class-002")) == 1
