"""A file that does not take what the task gives is refused before it runs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mqa_onnxruntime.signature import input_types
from mqa_registry import DataError

SAMPLE = {"words": np.zeros((2, 7), np.int64), "pixels": np.zeros((2, 3, 8, 8), np.float32)}


def types(name, kind, shape):
    node = SimpleNamespace(name=name, type=kind, shape=shape)
    return input_types(SimpleNamespace(get_inputs=lambda: [node]), SAMPLE, Path("m.onnx"))


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
    with pytest.raises(DataError, match=f"with {len(shape)} axes, and this task gives it with 2"):
        types("words", "tensor(int64)", shape)


@pytest.mark.parametrize(("shape", "length", "axis"), [([1, "s"], 1, 0), (["b", 128], 128, 1)])
def test_a_fixed_length_is_refused(shape, length, axis):
    with pytest.raises(DataError, match=f"a length of exactly {length} along axis {axis}"):
        types("words", "tensor(int64)", shape)
