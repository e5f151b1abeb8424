"""Which rows are predicted correctly, and which of them count."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_fairness.weak_slice_accuracy import assess_correctness
from mqa_registry import DataError, Predictions, ViewContext
from mqa_registry.types import Rows


def assess(labels, targets, classes, *, texts=None, seed=7):
    ids = [str(row) for row in range(len(labels))]
    table = pa.table({"id": ids, "text": texts or ids, "target": targets})
    predictions = Predictions("label", pa.table({"id": ids, "label": labels}), classes)
    return assess_correctness(ViewContext("one", Rows(table, ("text",)), predictions), np.random.default_rng(seed))


@pytest.mark.parametrize("targets", [["no", "yes", "yes"], [0, 1, 1], [False, True, True]])
def test_a_target_is_a_label_or_the_position_of_one(targets):
    found = assess(["no", "yes", "no"], targets, ("no", "yes"))
    assert found.targets == ["no", "yes", "yes"]
    assert found.correct.tolist() == [True, True, False]


def test_a_boolean_target_is_the_label_of_that_digit_where_there_is_one():
    assert assess(["1", "0"], [True, False], ("1", "0")).targets == ["1", "0"]


@pytest.mark.parametrize("target", [-1, 2])
def test_a_target_that_is_the_position_of_no_label_is_refused(target):
    with pytest.raises(DataError, match=f"row 1 has the label `{target}`, and the model has 2 classes"):
        assess(["no"], [target], ("no", "yes"))


def test_an_unknown_target_is_refused_with_the_first_twenty_labels_of_the_model():
    classes = tuple(f"class {number:02}" for number in range(25))
    with pytest.raises(DataError, match="`maybe`, which the model does not know") as refused:
        assess([classes[0]], ["maybe"], classes)
    assert refused.value.message.endswith("`class 19` and 5 more")
    assert "labels = {" in refused.value.hint


def test_of_equal_rows_any_may_be_the_one_that_counts():
    counted = [assess(["no"] * 3, ["no"] * 3, ("no", "yes"), texts=["a"] * 3, seed=seed).counted for seed in range(20)]
    assert all(rows.sum() == 1 for rows in counted)
    assert {int(rows.argmax()) for rows in counted} == {0, 1, 2}


def test_rows_without_a_prediction_or_a_target_are_ignored_with_the_reason():
    found = assess(["no", None, "yes"], ["no", "no", None], ("no", "yes"))
    assert found.ignored == ["", "without a prediction", "without a target"]
    assert found.counted.tolist() == [True, False, False]
