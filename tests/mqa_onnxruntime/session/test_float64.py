"""An ONNX file in float64."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mqa_onnxruntime.session.float64 import executor, widen_graph
from mqa_registry import NotRunError

RNG = np.random.default_rng(7)
X = RNG.normal(size=(5, 4)).astype(np.float32)
W, SCALE, BIAS = (RNG.normal(size=size).astype(np.float32) for size in ((4, 3), (3,), (3,)))


@pytest.fixture
def saved(tmp_path):
    def save(nodes, weights, *, kind=TensorProto.FLOAT):
        graph = helper.make_graph(
            nodes,
            "small",
            [helper.make_tensor_value_info("x", kind, ["b", 4])],
            [helper.make_tensor_value_info("y", kind, ["b", 3])],
            [numpy_helper.from_array(array, name) for name, array in weights.items()],
        )
        onnx.save(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx"
        )
        return tmp_path / "m.onnx"

    return save


def in_float64(path):
    model = widen_graph(path)
    onnx.checker.check_model(model)
    (found,) = executor(model, 1)(["y"], {"x": X.astype(np.float64)})
    assert found.dtype == np.float64
    return found


def test_every_number_is_widened_and_the_outputs_are_exact(saved):
    nodes = [
        helper.make_node("Cast", ["x"], ["half"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", ["half"], ["whole"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["whole", "w"], ["product"]),
        helper.make_node("Constant", [], ["tenth"], value_float=0.5),
        helper.make_node("Add", ["product", "tenth"], ["y"]),
    ]
    found = in_float64(saved(nodes, {"w": W}))
    assert np.abs(found - (X.astype(np.float64) @ W.astype(np.float64) + 0.5)).max() < 1e-14


def test_operators_without_a_float64_kernel_are_run_by_the_reference_evaluator(saved):
    """Erf has no such kernel there, and ONNX's own evaluator normalizes layers in float32."""
    import math

    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"]),
        helper.make_node("LayerNormalization", ["product", "scale", "bias"], ["normal"], epsilon=1e-5),
        helper.make_node("Erf", ["normal"], ["y"]),
    ]
    found = in_float64(saved(nodes, {"w": W, "scale": SCALE, "bias": BIAS}))
    product = X.astype(np.float64) @ W.astype(np.float64)
    normal = (product - product.mean(1, keepdims=True)) / np.sqrt(product.var(1, keepdims=True) + np.float32(1e-5))
    expected = np.vectorize(math.erf)(normal * SCALE.astype(np.float64) + BIAS.astype(np.float64))
    assert np.abs(found - expected).max() < 1e-12


def test_values_inside_of_graphs_of_nodes_are_wider_too(saved):
    branch = helper.make_graph(
        [helper.make_node("MatMul", ["x", "inner"], ["out"])],
        "branch",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(W, "inner")],
    )
    nodes = [helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)]
    found = in_float64(saved(nodes, {"yes": np.array(True)}))
    assert np.abs(found - X.astype(np.float64) @ W.astype(np.float64)).max() < 1e-14


def test_integers_have_no_float64(saved):
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        helper.make_node("MatMulInteger", ["q", "w"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["y"], to=TensorProto.FLOAT),
    ]
    with pytest.raises(
        NotRunError, match=r"calculates with integers \(`DynamicQuantizeLinear`\), which have no float64"
    ):
        widen_graph(saved(nodes, {"w": np.ones((4, 3), np.uint8)}))


def test_operators_of_others_are_not_evaluated(saved):
    path = saved([helper.make_node("FusedMatMul", ["x", "w"], ["y"], domain="com.microsoft")], {"w": W})
    model = onnx.load(path)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    model.opset_import.append(helper.make_opsetid("ours", 1))
    model.graph.node[0].domain = "ours"
    with pytest.raises(NotRunError, match="neither ONNX Runtime nor ONNX's evaluator runs it in float64"):
        executor(model, 1)
