"""Weights of 8 bits are read as the numbers that they stand for, and others can be put in their place."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, numpy_helper

from mqa_onnxruntime.weights.quantized_weights import find_quantized_weights


def graph_of(kind, integers, scale, zero, **attributes):
    """A node that reads a weight, as a quantizer names it."""
    node = helper.make_node(kind, ["w_quantized", "w_scale", "w_zero_point"], ["w"], **attributes)
    arrays = {"w_quantized": integers, "w_scale": scale, "w_zero_point": zero}
    weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    return helper.make_graph([node], "g", [], [helper.make_tensor_value_info("w", 1, None)], weights)


def only(graph):
    ((name, found),) = find_quantized_weights(graph)
    assert name == "w_quantized"
    return found


@pytest.mark.parametrize(
    ("kind", "shape", "axis", "attributes"),
    [
        ("DequantizeLinear", (4, 4, 3, 3), 0, {"axis": 0}),
        ("DequantizeLinear", (6, 6), 1, {}),
        ("MatMulInteger", (6, 6), 1, {}),
        ("ConvInteger", (4, 4, 3, 3), 0, {}),
        ("DequantizeLinear", (5, 3), None, {}),
    ],
)
@pytest.mark.parametrize("zero", [np.int8(0), np.uint8(131)])
def test_a_quantized_number_is_at_most_half_a_step_off(kind, shape, axis, attributes, zero):
    rng = np.random.default_rng(7)
    numbers = rng.normal(size=shape).astype(np.float32) * rng.uniform(1, 9, shape[0]).reshape(
        -1, *[1] * (len(shape) - 1)
    )
    others = tuple(dim for dim in range(len(shape)) if dim != axis)
    step = np.abs(numbers).max(axis=None if axis is None else others, keepdims=True) / 120
    integers = (np.round(numbers / step) + int(zero)).astype(zero.dtype)
    scale = np.float32(step.item()) if axis is None else step.ravel().astype(np.float32)
    zeros = zero if axis is None else np.full(shape[axis], zero)
    found = only(graph_of(kind, integers, scale, zeros, **attributes))
    assert (np.abs(found.dequantize() - numbers) / found.step).max() <= 0.5 + 1e-4
    other = numbers[::-1].copy()
    placed = found.requantize("w_quantized", other)
    assert {name: array.shape for name, array in placed.items()} == {"w_quantized": shape, "w_scale": np.shape(scale)}
    again = only(graph_of(kind, placed["w_quantized"], placed["w_scale"], zeros, **attributes))
    assert (np.abs(again.dequantize() - other) / again.step).max() <= 0.5 + 1e-3


@pytest.mark.parametrize(
    ("integers", "scale", "zero"),
    [
        (np.ones((4, 4), np.int8), np.ones((2, 2), np.float32), np.zeros((2, 2), np.int8)),  # in blocks
        (np.ones((4, 4), np.int8), np.ones(3, np.float32), np.zeros(3, np.int8)),
        (np.ones((4, 4), np.int32), np.float32(1), np.int32(0)),  # more bits than float32 tells apart
    ],
)
def test_quantized_tensors_of_another_form_are_left_alone(integers, scale, zero):
    assert list(find_quantized_weights(graph_of("DequantizeLinear", integers, scale, zero))) == []
