"""How many tokens a file's rows have: by its inputs, without a session."""

from __future__ import annotations

import pytest

from mqa_onnxruntime.fixed_length import length_of
from mqa_onnxruntime.graph import Value
from mqa_onnxruntime.interface import PLAIN, Interface

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
    assert length_of([Value(name, kind, shape) for (name, kind), shape in inputs.items()], PLAIN) == length


def test_constants_do_not_count_and_rows_may_be_on_another_axis():
    values = [Value("ids", "int64", (32, 4)), Value("state", "int64", (2, 7))]
    assert length_of(values, Interface(constants={"state": 0}, batch_axis={"ids": 1})) == 32
    assert length_of(values, PLAIN) is None


def test_it_is_read_of_the_file_that_a_backend_is_given(backend, subject, graph):
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Cast", ["words"], ["y"], to=TensorProto.FLOAT)]
    path = graph(nodes, {"words": ["batch", 9]}, types={"words": TensorProto.INT64})
    assert backend.fixed_length(subject, path=path) == 9
    assert backend.fixed_length(subject) is None
