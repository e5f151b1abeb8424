"""Weights that `MatMulNBits` reads in packed bits are compared with the model's, or named as unread."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_onnxruntime.weights.comparison import compare_weights

RNG = np.random.default_rng(7)
# As PyTorch has a linear layer: rows of outputs. Columns that are no whole number of blocks, and an odd number of blocks.
WEIGHT = RNG.normal(size=(24, 80)).astype(np.float32)
OTHER = RNG.normal(size=(24, 80)).astype(np.float32)


@pytest.fixture
def packed(graph):
    """A file in which ONNX Runtime's own quantizer packed a weight into few bits."""
    import onnx
    from onnx import helper, numpy_helper
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    def make(weight, bits, *, symmetric):
        stored = numpy_helper.from_array(np.ascontiguousarray(weight.T), "layer.weight")
        nodes = [helper.make_node("MatMul", ["x", "layer.weight"], ["y"], name="product")]
        path = graph(nodes, {"x": [2, 80]}, weights=[stored])
        made = MatMulNBitsQuantizer(onnx.load(path), bits=bits, block_size=32, is_symmetric=symmetric)
        made.process()
        onnx.save(made.model.model, path)
        assert [node.op_type for node in onnx.load(path).graph.node] == ["MatMulNBits"]
        return path

    return make


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
def test_a_weight_of_few_bits_is_recognized(packed, bits, symmetric):
    weights = compare_weights(packed(WEIGHT, bits, symmetric=symmetric), {"layer.weight": WEIGHT}.items)
    assert (weights.quantized, weights.missing, weights.unrecognized) == (1, (), ())
    assert weights.differences == ()


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
def test_another_weight_of_few_bits_is_reported_by_its_rows(packed, bits, symmetric):
    changed = WEIGHT.copy()
    changed[5] = OTHER[5]
    weights = compare_weights(packed(changed, bits, symmetric=symmetric), {"layer.weight": WEIGHT}.items)
    (found,) = weights.differences
    assert (found.tensor, found.weight) == (f"layer.weight_Q{bits}", "layer.weight")
    assert found.reason.startswith("1 of 24 rows differ")
    assert found.reason.endswith("the first is 5")


def test_integers_in_an_unknown_form_are_named(packed):
    import onnx

    path = packed(WEIGHT, 4, symmetric=True)
    model = onnx.load(path)
    model.graph.node[0].op_type = "MatMulOfAnotherForm"
    onnx.save(model, path)
    weights = compare_weights(path, {"layer.weight": WEIGHT}.items)
    assert (weights.unrecognized, weights.matched) == (("layer.weight_Q4",), 0)
    assert weights.differences == ()
