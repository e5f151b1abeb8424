"""What an export made of the logits, and how it is read."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax

from mqa_registry import DataError
from mqa_registry.contributions.classification.outputs import decode_logits, infer_reading

LABELS = ("no", "yes")
LOGITS = np.array([[0.3, -1.2], [2.0, 0.1], [-0.5, 0.9]], np.float32)
ROWS = [{}] * 3
RIGHT = softmax(LOGITS.astype(np.float64), axis=1)


def decode(values, name="probs"):
    reading = infer_reading(LABELS, {name: values}, ROWS)
    decode = reading.decode if reading else lambda outputs, rows: decode_logits(LABELS, outputs, rows)
    return decode({name: values}, ROWS)


@pytest.mark.parametrize(
    "values",
    [
        LOGITS,
        softmax(LOGITS, axis=1),
        softmax(LOGITS, axis=1).astype(np.float16).astype(np.float32),
        log_softmax(LOGITS, axis=1),
        softmax(LOGITS, axis=1)[:, 1],
        softmax(LOGITS, axis=1)[:, 1:],
    ],
    ids=["logits", "softmax", "softmax in float16", "log-softmax", "positive", "positive column"],
)
def test_probabilities_are_the_same_from_every_form_of_output(values):
    table = decode(values)
    assert table["label"].to_pylist() == ["no", "no", "yes"]
    assert np.array(table["probability"].to_pylist()) == pytest.approx(RIGHT, abs=1e-3)


@pytest.mark.parametrize("values", [LOGITS.argmax(axis=1), expit(LOGITS)], ids=["argmax", "sigmoid"])
def test_indices_and_scores_give_labels_without_probabilities(values):
    table = decode(values)
    assert table["label"].to_pylist() == ["no", "no", "yes"]
    assert table.column_names == ["label"]


def test_an_output_called_logits_is_read_as_logits():
    assert infer_reading(LABELS, {"logits": softmax(LOGITS, axis=1)}, ROWS) is None


@pytest.mark.parametrize(
    "values", [np.zeros((3, 5), np.float32), np.zeros((1, 2), np.float32), LOGITS[:, 0], np.array([0, 1, 7])]
)
def test_an_output_of_unknown_meaning_has_no_reading(values):
    assert infer_reading(LABELS, {"probs": values}, ROWS) is None


def test_rows_of_a_later_batch_that_do_not_sum_to_one_are_refused():
    reading = infer_reading(LABELS, {"probs": softmax(LOGITS, axis=1)}, ROWS)
    with pytest.raises(DataError, match="rows that sum to 1, and others that do not"):
        reading.decode({"probs": LOGITS}, ROWS)


def test_a_row_of_nan_has_no_prediction():
    values = softmax(LOGITS, axis=1)
    values[1] = np.nan
    assert decode(values)["label"].to_pylist() == ["no", None, "yes"]


def test_a_reading_describes_the_output():
    meaning = infer_reading(LABELS, {"probs": softmax(LOGITS, axis=1)}, ROWS).meaning
    assert meaning == "probabilities: the rows of `probs` sum to 1, and it is used unchanged"


@pytest.mark.parametrize(("off", "decoded"), [(0.0, True), (0.009, True), (0.011, False)])
def test_rows_sum_to_one_up_to_the_rounding_of_bfloat16(off, decoded):
    values = softmax(LOGITS, axis=1)
    values[0, 0] += off
    assert ("probability" in decode(values).column_names) == decoded


@pytest.mark.parametrize(("lowest", "is_score"), [(0.0, True), (-0.0009, True), (-0.0011, False)])
def test_scores_lie_in_the_unit_interval_up_to_rounding(lowest, is_score):
    values = expit(LOGITS)
    values[0] = lowest, 0.7
    assert (infer_reading(LABELS, {"probs": values}, ROWS) is not None) == is_score
