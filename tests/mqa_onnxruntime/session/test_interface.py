"""What a suite says of a file's inputs and outputs: names, constants and axes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from onnx import TensorProto, helper

from mqa_onnxruntime.execution_providers import CPU
from mqa_onnxruntime.session.execution import fixed_batch_size
from mqa_onnxruntime.session.factory import SessionFactory
from mqa_onnxruntime.session.input_types import input_types
from mqa_onnxruntime.session.interface import FileInterface
from mqa_onnxruntime.session.runner import SessionRunner
from mqa_registry import DataError, RunnerFacts

BATCH = {"x": np.arange(15, dtype=np.float32).reshape(5, 3), "h": np.ones((5, 2, 3), np.float32)}


@pytest.fixture
def recurrent(tmp_path):
    """y = input.1 * rate + state[0] + state[1], with the batch on axis 1 of the state, which comes out doubled."""

    def make(rows="b", rate=()):
        import onnx

        nodes = [
            helper.make_node("Cast", ["sr"], ["rate"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["input.1", "rate"], ["scaled"]),
            helper.make_node("ReduceSum", ["state", "axes"], ["summed"], keepdims=0),
            helper.make_node("Add", ["scaled", "summed"], ["output"]),
            helper.make_node("Add", ["state", "state"], ["stateN"]),
        ]
        graph = helper.make_graph(
            nodes,
            "recurrent",
            [
                helper.make_tensor_value_info("input.1", TensorProto.FLOAT, [rows, 3]),
                helper.make_tensor_value_info("state", TensorProto.FLOAT, [2, rows, 3]),
                helper.make_tensor_value_info("sr", TensorProto.INT64, rate),
            ],
            [
                helper.make_tensor_value_info("output", TensorProto.FLOAT, [rows, 3]),
                helper.make_tensor_value_info("stateN", TensorProto.FLOAT, [2, rows, 3]),
            ],
            [helper.make_tensor("axes", TensorProto.INT64, [1], [0])],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, tmp_path / "recurrent.onnx")
        return tmp_path / "recurrent.onnx"

    return make


def runner(path, interface, batch=BATCH):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=[CPU])
    types, rows = input_types(session, batch, path, interface), fixed_batch_size(session, interface)
    return SessionRunner(
        session, types, CPU, 1, {}, RunnerFacts(), SessionFactory(path), rows=rows, interface=interface
    )


INTERFACE = FileInterface(
    inputs={"input.1": "x", "state": "h"},
    constants={"sr": 3},
    batch_axis={"state": 1, "stateN": 1},
    outputs={"stateN": "hidden", "output": "y"},
)


@pytest.mark.parametrize("rows", ["b", 1, 2])
def test_names_constants_and_axes_are_used_as_given(recurrent, rows):
    found = runner(recurrent(rows), INTERFACE).run(BATCH)
    assert list(found) == ["hidden", "y"]
    assert np.array_equal(found["y"], BATCH["x"] * 3 + 2)
    assert np.array_equal(found["hidden"], BATCH["h"] * 2)


@pytest.mark.parametrize("rows", ["b", None, 2])
def test_a_number_fills_a_constant(recurrent, rows):
    interface = FileInterface(inputs={"input.1": "x"}, constants={"sr": 3, "state": 0.5}, batch_axis={"stateN": 1})
    found = runner(recurrent(rows), interface).run(BATCH)
    assert np.array_equal(found["output"], BATCH["x"] * 3 + 1)
    assert np.array_equal(found["stateN"], np.ones((5, 2, 3)))


def test_a_scalar_is_the_one_value_of_all_rows(recurrent):
    interface = FileInterface(inputs={"input.1": "x", "state": "h"}, batch_axis={"state": 1})
    batch = BATCH | {"sr": np.full(5, 3)}
    run = runner(recurrent(), interface, batch).run
    assert np.array_equal(run(batch)["output"], BATCH["x"] * 3 + 2)
    with pytest.raises(DataError, match="takes one `sr` for a whole batch"):
        run(BATCH | {"sr": np.arange(5)})


def test_a_module_graph_has_the_outputs_names_of_the_interface(recurrent):
    found = runner(recurrent(), INTERFACE)
    module_graph = found.module_graph()
    assert module_graph.output_names() == ("y", "hidden")
    assert np.array_equal(module_graph.outputs(BATCH, ["y"])["y"], BATCH["x"] * 3 + 2)
    assert np.array_equal(module_graph.subgraph([], "y").run({**module_graph.feed(BATCH)}), BATCH["x"] * 3 + 2)
    assert np.array_equal(module_graph.run_without(BATCH, [])["hidden"], BATCH["h"] * 2)


@pytest.mark.parametrize(
    ("interface", "why", "hint"),
    [
        (FileInterface(inputs={"input": "x"}), "`inputs` names `input`", "did you mean `input.1`?"),
        (FileInterface(outputs={"y": "output"}), "`outputs` names `y`", "it has `output`, `stateN`"),
        (FileInterface(constants={"width": 1}), "`constants` names `width`", "it has `input.1`, `state`, `sr`"),
        (FileInterface(batch_axis={"states": 1}), "`batch_axis` names `states`", "did you mean `state` or `stateN`?"),
        (FileInterface(), "takes an input `input.1`", 'inputs = { "input.1" = "..." }'),
        (
            FileInterface(inputs={"input.1": "y"}),
            "takes an input `input.1` as `y`, which this task does not give",
            "the task gives",
        ),
        (
            FileInterface(inputs={"input.1": "x", "state": "h"}, constants={"sr": 1}),
            "`state` with a length of exactly 2 along axis 0",
            "if axis 1 counts its rows, say `batch_axis = { state = 1 }`",
        ),
        (
            FileInterface(inputs={"input.1": "x", "state": "h"}, constants={"sr": 1}, batch_axis={"state": 3}),
            "`batch_axis` of `state` is 3, and it has 3 axes",
            "",
        ),
        (FileInterface(inputs={"input.1": "x"}, constants={"sr": 1.5, "state": 0}), "the constant is 1.5", ""),
        (FileInterface(inputs={"input.1": "x"}, constants={"sr": "1", "state": 0}), "the constant is '1'", ""),
        (
            FileInterface(constants={"input.1": 0, "sr": 1, "state": 0}),
            "every input of `.*` is a constant",
            "of the data",
        ),
    ],
)
def test_a_misfit_is_reported_with_what_would_fit(recurrent, interface, why, hint):
    with pytest.raises(DataError, match=why) as refused:
        runner(recurrent(), interface)
    assert hint in (refused.value.hint or "")


def test_a_constant_takes_its_size_from_inputs_that_share_its_axes():
    nodes = [SimpleNamespace(name=name, shape=["b", "s"]) for name in ("ids", "types")]
    types = {"ids": np.int64, "types": np.int64}
    fed = FileInterface(constants={"types": 1}).feed(nodes, {"ids": np.zeros((2, 3))}, types)
    assert np.array_equal(fed["types"], np.ones((2, 3)))
    nodes[1].shape = ["b", "t"]
    with pytest.raises(DataError, match="the shape of the constant `types` is not known"):
        FileInterface(constants={"types": 1}).feed(nodes, {"ids": np.zeros((2, 3))}, types)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"inputs": {"a": "x"}, "constants": {"a": 1}}, "`a` is in `inputs` and in `constants`"),
        ({"batch_axis": {"a": -1}}, "`batch_axis` of `a` is -1"),
        ({"outputs": {"a": "x", "b": "x"}}, "`outputs` gives two outputs the name `x`"),
    ],
)
def test_contradicting_options_are_refused(options, why):
    with pytest.raises(DataError, match=why):
        FileInterface(**options)


def test_the_interface_is_part_of_the_identity():
    assert FileInterface().identity() == {}
    assert FileInterface(constants={"sr": 1}).identity() != FileInterface(constants={"sr": 2}).identity()
