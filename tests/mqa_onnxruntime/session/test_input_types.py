"""A file that does not take what the task gives is refused before it runs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mqa_onnxruntime.session.input_types import input_types
from mqa_registry import DataError

SAMPLE = {"words": np.zeros((2, 7), np.int64), "pixels": np.zeros((2, 3, 8, 8), np.float32)}


def types(name, kind, shape, *others):
    nodes = [SimpleNamespace(name=name, type=kind, shape=shape), *others]
    return input_types(SimpleNamespace(get_inputs=lambda: nodes), SAMPLE, Path("m.onnx"))


@pytest.mark.parametrize(
    ("name", "kind", "dtype"),
    [
        ("words", "tensor(int64)", np.int64),
        ("words", "tensor(int32)", np.int32),
        ("words", "tensor(float)", np.float32),
        ("pixels", "tensor(float16)", np.float16),
        ("pixels", "tensor(double)", np.float64),
    ],
)
def test_numbers_are_given_in_the_type_that_is_taken(name, kind, dtype):
    assert types(name, kind, ["batch", *SAMPLE[name].shape[1:]]) == {name: dtype}


@pytest.mark.parametrize("kind", ["tensor(int64)", "tensor(bool)", "tensor(string)", "seq(tensor(float))"])
def test_numbers_that_would_change_are_refused(kind):
    with pytest.raises(DataError, match=r"`m\.onnx` takes `pixels` as .*, and this task gives it as float32"):
        types("pixels", kind, [None, 3, 8, 8])


def test_an_input_that_the_task_does_not_give_is_named():
    with pytest.raises(DataError, match="input `ids`, which this task does not give") as refused:
        types("ids", "tensor(int64)", ["b", "s"])
    assert "`words`, `pixels`" in refused.value.hint


@pytest.mark.parametrize("shape", [["b"], ["b", "s", 4], []])
def test_another_number_of_axes_is_refused(shape):
    with pytest.raises(DataError, match=f"with {len(shape)} axes, and this task gives it with 2") as refused:
        types("words", "tensor(int64)", shape)
    assert refused.value.hint == "is it an export of this model, and for this task?"


def test_a_fixed_length_is_refused_with_a_hint():
    with pytest.raises(DataError, match="a length of exactly 128 along axis 1, and this task gives it with 7") as no:
        types("words", "tensor(int64)", ["b", 128])
    assert "rows of 128 as arrays" in no.value.hint


def test_a_fixed_number_of_rows_is_taken_where_all_inputs_have_it():
    pixels = SimpleNamespace(name="pixels", type="tensor(float)", shape=[1, 3, 8, 8])
    assert set(types("words", "tensor(int64)", [1, "s"], pixels)) == {"words", "pixels"}
    pixels.shape = ["b", 3, 8, 8]
    with pytest.raises(DataError, match="`words` with a length of exactly 1 along axis 0") as refused:
        types("words", "tensor(int64)", [1, "s"], pixels)
    assert refused.value.hint == "export it with dynamic axes"


def test_texts_are_given_to_an_input_of_texts_and_numbers_are_not():
    sample = {"sex": np.array([["Female"], ["Male"]])}
    nodes = [SimpleNamespace(name="sex", type="tensor(string)", shape=[None, 1])]
    session = SimpleNamespace(get_inputs=lambda: nodes)
    assert input_types(session, sample, Path("m.onnx")) == {"sex": np.object_}
    nodes[0].type = "tensor(float)"
    with pytest.raises(DataError, match=r"takes `sex` as tensor\(float\), and this task gives it as <U6"):
        input_types(session, sample, Path("m.onnx"))
