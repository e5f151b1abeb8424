"""The outputs of a multi-label model and of one that gives a number, as predictions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import expit

from mqa_registry import DataError
from mqa_registry.contributions.classification.heads import MultiLabelHead, RegressionHead

LABELS = ("music", "sport", "food")
QUICK = settings(max_examples=25, deadline=None)


def rows(count):
    return [{}] * count


def decode(head, values, name="logits"):
    return head.decode({name: np.asarray(values, np.float32)}, rows(len(values)))


def test_a_row_has_the_labels_whose_probability_reaches_the_threshold():
    table = decode(MultiLabelHead.of(LABELS, None), [[2.0, -2.0, 0.0], [-1.0, -1.0, -1.0], [9.0, 9.0, 9.0]])
    assert table["labels"].to_pylist() == [["music", "food"], [], list(LABELS)]
    np.testing.assert_allclose(table["probability"].to_pylist()[0], expit([2.0, -2.0, 0.0]))


def test_a_threshold_may_be_one_for_all_labels_or_differ_by_label():
    logits = [[0.0, 1.0, -1.0]]  # probabilities of 0.5, 0.73 and 0.27
    assert decode(MultiLabelHead.of(LABELS, 0.7), logits)["labels"].to_pylist() == [["sport"]]
    assert decode(MultiLabelHead.of(LABELS, {"food": 0.2, "sport": 0.8}), logits)["labels"].to_pylist() == [
        ["music", "food"]
    ]


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        ({"foo": 0.5}, "names the label `foo`"),
        (1.0, "of 1 is no probability"),
        ({"food": 0.0}, "of 0 is no probability"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused(threshold, message):
    with pytest.raises(DataError, match=message):
        MultiLabelHead.of(LABELS, threshold)


@QUICK
@given(arrays.arrays(np.float32, (4, 3), elements=st.floats(width=32)))
def test_probabilities_are_the_sigmoid_and_a_row_that_is_not_finite_has_no_prediction(logits):
    table = decode(MultiLabelHead.of(LABELS, None), logits)
    for row, labels, probability in zip(
        logits, table["labels"].to_pylist(), table["probability"].to_pylist(), strict=True
    ):
        if np.isfinite(row).all():
            np.testing.assert_allclose(probability, expit(row.astype(np.float64)), atol=1e-15)
            assert labels == [name for name, value in zip(LABELS, probability, strict=True) if value >= 0.5]
        else:
            assert labels is probability is None


@pytest.mark.parametrize(
    ("values", "labels", "meaning"),
    [
        (np.array([[0.9, 0.1, 0.5], [0.2, 0.1, 0.3]], np.float32), [["music", "food"], []], "probabilities: `scores`"),
        (np.array([[1, 0, 1], [0, 0, 0]]), [["music", "food"], []], "labels: `scores` is 1"),
        (
            np.array([[True, False, False], [False, True, True]]),
            [["music"], ["sport", "food"]],
            "labels: `scores` is 1",
        ),
    ],
)
def test_an_export_may_give_probabilities_or_labels(values, labels, meaning):
    reading = MultiLabelHead.of(LABELS, None).infer_reading({"scores": values}, rows(2))
    assert reading is not None
    assert reading.meaning.startswith(meaning)
    table = reading.decode({"scores": values}, rows(2))
    assert table["labels"].to_pylist() == labels
    assert ("probability" in table.column_names) is (values.dtype.kind == "f")


def test_logits_are_read_as_logits_whatever_their_values():
    head = MultiLabelHead.of(LABELS, None)
    values = np.full((2, 3), 0.5, np.float32)
    assert head.infer_reading({"logits": values}, rows(2)) is None
    assert head.infer_reading({"scores": values * 9}, rows(2)) is None
    reading = head.infer_reading({"scores": values}, rows(2))
    assert reading is not None
    with pytest.raises(DataError, match="has values in \\[0, 1\\], and others that are not"):
        reading.decode({"scores": values * 9}, rows(2))


@pytest.mark.parametrize("shape", [(3, 1), (3,)])
@pytest.mark.parametrize("name", ["logits", "score"])
def test_a_number_is_the_only_output_as_it_is(shape, name):
    values = np.array([1.5, np.nan, -2.0], np.float32).reshape(shape)
    assert RegressionHead().decode({name: values}, rows(3))["value"].to_pylist() == [1.5, None, -2.0]


def test_several_numbers_a_row_are_refused():
    with pytest.raises(DataError, match=r"logits of shape \(3, 2\)"):
        decode(RegressionHead(), np.zeros((3, 2)))
