"""Nodes in training mode, and what is left of them where ONNX Runtime optimizes."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_onnxruntime.graph.onnx_file import parse_model, read_onnx_file
from mqa_onnxruntime.graph.random_ops import random_nodes, training_nodes, without_dropout


@pytest.fixture
def dropping(graph):
    """A file with a dropout of some share and mode between two nodes, whose mask may be an output."""
    from onnx import TensorProto, helper, numpy_helper

    def make(share=0.9, mode=True, *, outputs=("y",)):
        weights = [numpy_helper.from_array(np.array(share, np.float32), "share")]
        weights += [] if mode is None else [numpy_helper.from_array(np.array(mode), "mode")]
        nodes = [
            helper.make_node("Neg", ["x"], ["before"]),
            helper.make_node(
                "Dropout", ["before", "share", "mode"][: len(weights) + 1], ["after", "mask"], name="drop"
            ),
            helper.make_node("Neg", ["after"], ["y"]),
        ]
        return graph(nodes, {"x": [64]}, outputs, weights, types={"mask": TensorProto.BOOL})

    return make


@pytest.mark.parametrize(("share", "mode", "found"), [
    (0.5, True, ("drop (Dropout)",)), (0.0002, True, ("drop (Dropout)",)), (0.5, False, ()), (0.5, None, ()), (0.0, True, ()),
])  # fmt: skip
def test_an_active_dropout_is_in_training_mode(dropping, share, mode, found):
    path = dropping(share, mode)
    assert read_onnx_file(path).training == found
    assert read_onnx_file(path).facts().get("in_training", []) == list(found)


def test_a_batch_normalization_by_batch_statistics_is_in_training_mode(graph):
    from onnx import helper, numpy_helper

    ones = [numpy_helper.from_array(np.ones(2, np.float32), name) for name in "abcd"]
    for mode, found in ((1, ["norm (BatchNormalization)"]), (0, [])):
        node = helper.make_node("BatchNormalization", ["x", *"abcd"], ["y"], name="norm", training_mode=mode)
        assert training_nodes(parse_model(graph([node], {"x": [4, 2]}, weights=ones))) == found


@pytest.mark.parametrize(("outputs", "drops"), [(("y",), False), (("y", "mask"), True), (("y", "after"), True)])
def test_without_dropout_a_file_is_as_onnx_runtime_runs_it(dropping, outputs, drops):
    import onnxruntime

    row = {"x": np.arange(1, 65, dtype=np.float32)}
    path = dropping(outputs=outputs)
    off = onnxruntime.SessionOptions()
    off.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain = without_dropout(parse_model(path))
    sessions = [onnxruntime.InferenceSession(path, off), onnxruntime.InferenceSession(path)]
    sessions += [onnxruntime.InferenceSession(plain.SerializeToString(), off)]
    changed = [not np.array_equal(session.run(["y"], row)[0], row["x"]) for session in sessions]
    assert changed == [True, drops, drops]
    assert [node.name for node in random_nodes(plain)] == ["drop"] * drops
