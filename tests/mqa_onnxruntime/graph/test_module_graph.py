"""A graph taken apart: values tapped, forced, and worked out by themselves; the real export of a small model."""

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
def anatomy(exported):
    return ModuleGraph(SessionFactory(exported, providers=CPU), dict)


def values(anatomy):
    return list(dict.fromkeys(part.value for part in anatomy.parts()))


def test_every_module_with_a_value_is_a_part(anatomy):
    assert {"embedding", "inner", "classifier"} <= {part.module for part in anatomy.parts()}
    part = next(part for part in anatomy.parts() if part.module == "inner")
    assert part.class_name == "Linear"
    assert part.source.endswith("conftest.py:" + part.source.rpartition(":")[2])
    assert anatomy.owner(anatomy.nodes(part)[-1])[0] == "inner"


def test_tapped_values_are_those_of_pytorch(anatomy, module):
    import torch

    taken = {}
    hook = module.inner.register_forward_hook(lambda part, inputs, output: taken.update(inner=output))
    with torch.inference_mode():
        module(**{name: torch.from_numpy(array) for name, array in BATCH.items()})
    hook.remove()
    value = next(part.value for part in anatomy.parts() if part.module == "inner")
    found = anatomy.outputs(BATCH, [value])[value]
    assert np.abs(found - taken["inner"].numpy()).max() < 1e-6


def test_on_its_own_outputs_a_graph_gives_the_same_again(anatomy):
    inherited = anatomy.outputs(BATCH, values(anatomy))
    local = anatomy.forced(BATCH, inherited)
    assert all(np.array_equal(local[name], array) for name, array in inherited.items())


def test_what_is_forced_on_one_module_is_felt_by_those_that_read_it_and_no_further(anatomy):
    inherited = anatomy.outputs(BATCH, values(anatomy))
    inner = next(part.value for part in anatomy.parts() if part.module == "inner")
    logits = next(part.value for part in anatomy.parts() if part.module == "classifier")
    local = anatomy.forced(BATCH, inherited | {inner: inherited[inner] + 1})
    assert np.array_equal(local[inner], inherited[inner])
    assert not np.allclose(local[logits], inherited[logits])
    embedding = next(part.value for part in anatomy.parts() if part.module == "embedding")
    local = anatomy.forced(BATCH, inherited | {embedding: inherited[embedding] + 1})
    assert np.array_equal(local[logits], inherited[logits])


def test_a_piece_makes_what_the_graph_does_and_the_reference_agrees(anatomy):
    inherited = anatomy.outputs(BATCH, values(anatomy))
    logits = next(part.value for part in anatomy.parts() if part.module == "classifier")
    piece = anatomy.piece([name for name in inherited if name != logits], logits)
    onnx.checker.check_model(piece.model)
    assert piece.output == logits
    assert len(piece.nodes) < len(anatomy.model.graph.node)
    assert np.array_equal(piece.run(BATCH | inherited), inherited[logits])
    assert np.abs(piece.work_out(BATCH | inherited) - inherited[logits]).max() < 1e-5


def test_a_piece_can_be_given_another_weight(anatomy, module):
    inherited = anatomy.outputs(BATCH, values(anatomy))
    logits = next(part.value for part in anatomy.parts() if part.module == "classifier")
    piece = anatomy.piece([name for name in inherited if name != logits], logits)
    bias = next(name for name, array in piece.weights.items() if np.array_equal(array, module.classifier.bias.detach()))
    moved = piece.run(BATCH | inherited, weights={bias: piece.weights[bias] + 1})
    assert np.allclose(moved, inherited[logits] + 1, atol=1e-5)


def test_a_piece_is_one_file_that_needs_no_other(anatomy, tmp_path):
    anatomy.piece([], "logits").save(tmp_path / "piece.onnx")
    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "piece.onnx", providers=["CPUExecutionProvider"])
    assert session.run(None, BATCH)[0].shape == (2, 2)


def test_optimizers_are_told_by_the_names_that_leave_them_out(graph):
    from onnx import helper

    nodes = [helper.make_node("MatMul", ["x", "w"], ["product"]), helper.make_node("Add", ["product", "b"], ["y"])]
    weights = [
        onnx.numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in (("w", (3, 4)), ("b", 4))
    ]
    anatomy = ModuleGraph(SessionFactory(graph(nodes, {"x": [2, 3]}, weights=weights), providers=CPU), dict)
    assert anatomy.optimizers() == ("MatMulAddFusion",)
    for without in ((), ("MatMulAddFusion",)):
        assert anatomy.run_without({"x": np.ones((2, 3), np.float32)}, without)["y"].tolist() == [[4.0] * 4] * 2


def test_what_the_reference_of_onnx_does_not_know_is_not_run(graph):
    node = onnx.helper.make_node("FastGelu", ["x"], ["y"], domain="com.microsoft")
    path = graph([node], {"x": ["n"]})
    model = onnx.load(path)
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    onnx.save(model, path)
    piece = ModuleGraph(SessionFactory(path, providers=CPU), dict).piece([], "y")
    with pytest.raises(NotRunError, match="the reference of ONNX cannot work it out"):
        piece.work_out({"x": np.ones(2, np.float32)})


def test_precisions_are_those_of_weights_and_operations(graph):
    from onnx import TensorProto, helper

    half = helper.make_tensor("w", TensorProto.FLOAT16, [2], np.ones(2, np.float16).tobytes(), raw=True)
    nodes = [
        helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
        helper.make_node("Mul", ["h", "w"], ["m"]),
        helper.make_node("Cast", ["m"], ["y"], to=TensorProto.FLOAT),
    ]
    anatomy = ModuleGraph(SessionFactory(graph(nodes, {"x": ["n"]}, weights=[half]), providers=CPU), dict)
    assert anatomy.piece([], "y").precisions() == ("float16",)
    halves = anatomy.outputs({"x": np.ones(2, np.float32)}, ["m"])["m"]
    assert (halves.dtype, halves.tolist()) == (np.float32, [1, 1])
    assert anatomy.forced({"x": np.ones(2, np.float32)}, {"m": halves + 1, "h": halves})["m"].tolist() == [1, 1]
