"""How many tokens a file's rows have: by its inputs, without a session."""

from __future__ import annotations

import pytest

from mqa_onnxruntime.graph.onnx_file import ValueInfo
from mqa_onnxruntime.session.backend import SessionOptions
from mqa_onnxruntime.session.interface import DEFAULT_INTERFACE, FileInterface

IDS, MASK = ("ids", "int64"), ("mask", "int64")


@pytest.mark.parametrize(("inputs", "length"), [
    ({IDS: (1, 32), MASK: (1, 32)}, 32),
    ({IDS: ("batch", 32), MASK: (None, 32)}, 32),
    ({IDS: (1, 32), ("mask", "bool"): (1, 32), ("pixels", "float32"): (1, 3, 8, 8)}, 32),
    ({IDS: (1, 32), ("rate", "int64"): (), ("positions", "int64"): (32,)}, 32),
    ({IDS: (1, "tokens"), MASK: (1, "tokens")}, None),
    ({IDS: (1, 32), MASK: (1, "tokens")}, None),
    ({IDS: (1, 32), MASK: (1, 16)}, None),
    ({("x", "float32"): (1, 32)}, None),
    ({("pixels", "uint8"): (1, 32)}, None),
    ({}, None),
])  # fmt: skip
def test_inputs_of_tokens_have_it_where_all_have_one(inputs, length):
    assert (
        DEFAULT_INTERFACE.fixed_length([ValueInfo(name, kind, shape) for (name, kind), shape in inputs.items()])
        == length
    )


def test_constants_do_not_count_and_rows_may_be_on_another_axis():
    values = [ValueInfo("ids", "int64", (32, 4)), ValueInfo("state", "int64", (2, 7))]
    assert FileInterface(constants={"state": 0}, batch_axis={"ids": 1}).fixed_length(values) == 32
    assert DEFAULT_INTERFACE.fixed_length(values) is None


def test_it_is_read_of_the_file_that_a_backend_is_given(backend, model_under_test, graph):
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Cast", ["words"], ["y"], to=TensorProto.FLOAT)]
    path = graph(nodes, {"words": ["batch", 9]}, types={"words": TensorProto.INT64})
    assert backend.fixed_length(model_under_test, SessionOptions(path=path)) == 9
    assert backend.fixed_length(model_under_test, SessionOptions()) is None
