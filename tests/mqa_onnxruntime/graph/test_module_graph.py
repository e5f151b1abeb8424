"""A graph taken apart: values read, injected, and computed by themselves; the real export of a small model."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from mqa_onnxruntime.graph.module_graph import ModuleGraph
from mqa_onnxruntime.session.factory import SessionFactory
from mqa_registry import NotRunError

BATCH = {"words": np.array([[1, 2, 3], [4, 5, 0]]), "mask": np.array([[1, 1, 1], [1, 1, 0]])}
CPU = {"CPUExecutionProvider": {}}


@pytest.fixture
def module_graph(exported):
    return ModuleGraph(SessionFactory(exported, providers=CPU), dict)


def values(module_graph):
    return list(dict.fromkeys(call.value for call in module_graph.calls()))


def test_every_module_with_a_value_has_a_call(module_graph):
    assert {"embedding", "inner", "classifier"} <= {call.module for call in module_graph.calls()}
    call = next(call for call in module_graph.calls() if call.module == "inner")
    assert call.class_name == "Linear"
    assert call.source.endswith("conftest.py:" + call.source.rpartition(":")[2])
    assert module_graph.module_of(module_graph.node_names(call)[-1])[0] == "inner"


def test_values_of_modules_are_those_of_pytorch(module_graph, module):
    import torch

    taken = {}
    hook = module.inner.register_forward_hook(lambda call, inputs, output: taken.update(inner=output))
    with torch.inference_mode():
        module(**{name: torch.from_numpy(array) for name, array in BATCH.items()})
    hook.remove()
    value = next(call.value for call in module_graph.calls() if call.module == "inner")
    found = module_graph.outputs(BATCH, [value])[value]
    assert np.abs(found - taken["inner"].numpy()).max() < 1e-6


def test_a_graph_injected_with_its_own_values_gives_them_again(module_graph):
    inherited = module_graph.outputs(BATCH, values(module_graph))
    local = module_graph.run_with_injected_inputs(BATCH, inherited)
    assert all(np.array_equal(local[name], array) for name, array in inherited.items())


def test_an_injected_value_changes_the_modules_that_read_it_alone(module_graph):
    inherited = module_graph.outputs(BATCH, values(module_graph))
    inner = next(call.value for call in module_graph.calls() if call.module == "inner")
    logits = next(call.value for call in module_graph.calls() if call.module == "classifier")
    local = module_graph.run_with_injected_inputs(BATCH, inherited | {inner: inherited[inner] + 1})
    assert np.array_equal(local[inner], inherited[inner])
    assert not np.allclose(local[logits], inherited[logits])
    embedding = next(call.value for call in module_graph.calls() if call.module == "embedding")
    local = module_graph.run_with_injected_inputs(BATCH, inherited | {embedding: inherited[embedding] + 1})
    assert np.array_equal(local[logits], inherited[logits])


def test_a_subgraph_makes_what_the_graph_does_and_the_reference_agrees(module_graph):
    inherited = module_graph.outputs(BATCH, values(module_graph))
    logits = next(call.value for call in module_graph.calls() if call.module == "classifier")
    subgraph = module_graph.subgraph([name for name in inherited if name != logits], logits)
    onnx.checker.check_model(subgraph.model)
    assert subgraph.output == logits
    assert len(subgraph.node_names) < len(module_graph.model.graph.node)
    assert np.array_equal(subgraph.run(BATCH | inherited), inherited[logits])
    assert np.abs(subgraph.evaluate_reference(BATCH | inherited) - inherited[logits]).max() < 1e-5


def test_a_subgraph_can_be_given_another_weight(module_graph, module):
    inherited = module_graph.outputs(BATCH, values(module_graph))
    logits = next(call.value for call in module_graph.calls() if call.module == "classifier")
    subgraph = module_graph.subgraph([name for name in inherited if name != logits], logits)
    bias = next(
        name for name, array in subgraph.weights.items() if np.array_equal(array, module.classifier.bias.detach())
    )
    moved = subgraph.run(BATCH | inherited, weights={bias: subgraph.weights[bias] + 1})
    assert np.allclose(moved, inherited[logits] + 1, atol=1e-5)


def test_a_subgraph_is_one_file_that_needs_no_other(module_graph, tmp_path):
    module_graph.subgraph([], "logits").save(tmp_path / "piece.onnx")
    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "piece.onnx", providers=["CPUExecutionProvider"])
    assert session.run(None, BATCH)[0].shape == (2, 2)


def test_optimizers_are_listed_by_the_names_that_disable_them(graph):
    from onnx import helper

    nodes = [helper.make_node("MatMul", ["x", "w"], ["product"]), helper.make_node("Add", ["product", "b"], ["y"])]
    weights = [
        onnx.numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in (("w", (3, 4)), ("b", 4))
    ]
    module_graph = ModuleGraph(SessionFactory(graph(nodes, {"x": [2, 3]}, weights=weights), providers=CPU), dict)
    assert module_graph.optimizers() == ("MatMulAddFusion",)
    for without in ((), ("MatMulAddFusion",)):
        assert module_graph.run_without({"x": np.ones((2, 3), np.float32)}, without)["y"].tolist() == [[4.0] * 4] * 2


def test_an_operator_that_the_reference_evaluator_lacks_is_not_run(graph):
    node = onnx.helper.make_node("FastGelu", ["x"], ["y"], domain="com.microsoft")
    path = graph([node], {"x": ["n"]})
    model = onnx.load(path)
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    onnx.save(model, path)
    subgraph = ModuleGraph(SessionFactory(path, providers=CPU), dict).subgraph([], "y")
    with pytest.raises(NotRunError, match="ONNX's reference evaluator cannot compute it"):
        subgraph.evaluate_reference({"x": np.ones(2, np.float32)})


def test_precisions_are_those_of_weights_and_operations(graph):
    from onnx import TensorProto, helper

    half = helper.make_tensor("w", TensorProto.FLOAT16, [2], np.ones(2, np.float16).tobytes(), raw=True)
    nodes = [
        helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
        helper.make_node("Mul", ["h", "w"], ["m"]),
        helper.make_node("Cast", ["m"], ["y"], to=TensorProto.FLOAT),
    ]
    module_graph = ModuleGraph(SessionFactory(graph(nodes, {"x": ["n"]}, weights=[half]), providers=CPU), dict)
    assert module_graph.subgraph([], "y").precisions() == ("float16",)
    halves = module_graph.outputs({"x": np.ones(2, np.float32)}, ["m"])["m"]
    assert (halves.dtype, halves.tolist()) == (np.float32, [1, 1])
    assert module_graph.run_with_injected_inputs({"x": np.ones(2, np.float32)}, {"m": halves + 1, "h": halves})[
        "m"
    ].tolist() == [1, 1]
