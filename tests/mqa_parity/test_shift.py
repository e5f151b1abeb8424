from __future__ import annotations

import numpy as np
import pytest

from mqa_parity.shift import score_shift
from mqa_registry import DataError, UsageError


def scored(predicted, p, names=("no", "yes")):
    return predicted("label", names, **{name: list(column) for name, column in zip(names, np.array(p).T, strict=True)})


def test_it_is_the_signed_rise_of_the_probability_of_a_class(predicted):
    before, after = scored(predicted, [[0.8, 0.2], [0.5, 0.5]]), scored(predicted, [[0.4, 0.6], [0.9, 0.1]])
    np.testing.assert_allclose(score_shift(before, after), [0.4, -0.4])
    np.testing.assert_allclose(score_shift(before, after, positive="no"), [-0.4, 0.4])
    np.testing.assert_allclose(score_shift(after, before), [-0.4, 0.4])


def test_the_class_is_found_by_its_name_where_the_order_differs(predicted):
    before = scored(predicted, [[0.8, 0.2]])
    after = scored(predicted, [[0.6, 0.4]], names=("yes", "no"))
    np.testing.assert_allclose(score_shift(before, after, positive="yes"), [0.4])


def test_of_several_classes_one_has_to_be_named(predicted):
    one = scored(predicted, [[0.2, 0.3, 0.5]], names=("a", "b", "c"))
    with pytest.raises(UsageError, match="with 3 classes"):
        score_shift(one, one)
    np.testing.assert_allclose(score_shift(one, one, positive="b"), [0])
    with pytest.raises(UsageError, match="no class `d`"):
        score_shift(one, one, positive="d")


def test_a_number_shifts_as_it_is(predicted):
    before, after = predicted("value", value=[1.0, None, 3.0]), predicted("value", value=[1.5, 2.0, 0.0])
    np.testing.assert_allclose(score_shift(before, after), [0.5, np.nan, -3])


def test_labels_alone_have_no_score(predicted):
    labels = predicted("label", ("no", "yes"), label=["no", "yes"])
    with pytest.raises(DataError, match="labels alone"):
        score_shift(labels, labels)
