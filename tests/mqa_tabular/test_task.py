"""The arrays that a model of tables is fed with, and how its outputs are read."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_registry import DataError, Model
from mqa_tabular.features import Feature
from mqa_tabular.task import ModelFeatures, TabularClassification, TabularOptions

ROWS = [
    {"columns": {"age": 39, "hours": 40.5, "sex": "Male", "work": "clerk"}},
    {"columns": {"age": 50, "hours": None, "sex": "Female", "work": "public servant"}},
]
FEATURES = {"age": "integer", "hours": "number", "sex": ["Female", "Male"], "work": "category"}


def bind(features=FEATURES, own=None, labels=("low", "high"), about=None, **options):
    model = Model(digest="", module=lambda: None, processor=lambda: own, labels=labels, about=about)
    task, given = TabularClassification(), TabularOptions(features=features, **options)
    return task.for_model(model, given).bind(model, given)


def batch(codec, rows=ROWS):
    return codec.collate(codec.encode(rows))


def test_every_feature_is_an_input_of_one_column_in_its_own_type():
    arrays = batch(bind())
    assert {name: (array.dtype.kind, array.shape) for name, array in arrays.items()} == {
        "age": ("i", (2, 1)),
        "hours": ("f", (2, 1)),
        "sex": ("i", (2, 1)),
        "work": ("U", (2, 1)),
    }
    assert arrays["work"][:, 0].tolist() == ["clerk", "public servant"]
    assert arrays["sex"][:, 0].tolist() == [1, 0]
    assert np.isnan(arrays["hours"][1, 0])


def test_a_row_is_encoded_alike_alone_and_with_others():
    codec = bind(inputs={"numbers": ["hours", "age", "sex"], "words": ["work"]})
    for row, encoded in zip(ROWS, codec.encode(ROWS), strict=True):
        (alone,) = codec.encode([row])
        assert list(alone) == list(encoded)
        for name, array in alone.items():
            assert (array.dtype, array.shape) == (encoded[name].dtype, encoded[name].shape)
            np.testing.assert_array_equal(array, encoded[name])


def test_several_columns_may_be_one_input():
    arrays = batch(bind(inputs={"numbers": ["hours", "age", "sex"]}))
    assert list(arrays) == ["numbers", "work"]
    assert arrays["numbers"].dtype == np.float32
    np.testing.assert_array_equal(arrays["numbers"], [[40.5, 39, 1], [np.nan, 50, 0]])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"numbers": ["age", "agee"]}, "gives `numbers` the column `agee`"),
        ({"numbers": ["age"], "more": ["age"]}, "gives `more` the column `age`"),
        ({"numbers": ["age", "work"]}, "`work` is text, and cannot be in one input with numbers"),
    ],
)
def test_inputs_that_make_no_sense_are_refused(inputs, message):
    with pytest.raises(DataError, match=message):
        bind(inputs=inputs)


def test_the_features_are_those_of_the_option_else_those_that_the_model_names():
    own = ModelFeatures((Feature("age"),), in_float64=True)
    assert batch(bind(None, own))["age"].dtype == np.float64
    assert list(batch(bind(["hours"], own))) == ["hours"]
    with pytest.raises(DataError, match="does not name the columns") as refused:
        bind(None)
    assert "features" in refused.value.hint


def test_what_the_model_gives_is_a_class_or_a_number():
    codec = bind(["age"])
    outputs = {"label": np.array(["low", "high"]), "probabilities": np.array([[0.9, 0.1], [0.25, 0.75]])}
    reading = codec.read_outputs(outputs, ROWS)
    assert reading.meaning.startswith("probabilities")
    assert reading.decode(outputs, ROWS).to_pylist() == [
        {"label": "low", "probability": [0.9, 0.1]},
        {"label": "high", "probability": [0.25, 0.75]},
    ]
    number = bind(["age"], labels=(), about={"problem_type": "regression"})
    assert number.decode({"variable": np.array([[1.5], [2.0]])}, ROWS)["value"].to_pylist() == [1.5, 2.0]
