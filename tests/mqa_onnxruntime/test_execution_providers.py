"""Where each node runs, and which of those on the CPU keep a GPU's run from being one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mqa_onnxruntime.execution_providers import (
    CPU,
    CUDA,
    PlacedNode,
    compute_nodes,
    node_placement,
    placed_nodes,
    resolve_providers,
)
from mqa_onnxruntime.session.backend import SessionOptions
from mqa_onnxruntime.session.factory import SessionConfig, open_session
from mqa_registry import NotRunError, RunContext

TENSORRT = "TensorrtExecutionProvider"


@pytest.fixture
def context(tmp_path):
    return lambda device="auto": RunContext(exports=tmp_path, device=device)


@pytest.fixture
def reshaping(graph):
    """Rows of floats, flattened by a shape computed from their own, and multiplied by a weight."""
    from onnx import helper, numpy_helper

    weights = {
        "axis": np.array(0, np.int64),
        "rest": np.array([-1], np.int64),
        "zero": np.array([0], np.int64),
        "weight": np.ones((12, 12), np.float32),
        "scale": np.array(2, np.float32),
    }
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"], name="shape"),
        helper.make_node("Gather", ["shape", "axis"], ["rows"], name="rows"),
        helper.make_node("Unsqueeze", ["rows", "zero"], ["row_axis"], name="unsqueeze"),
        helper.make_node("Concat", ["row_axis", "rest"], ["wanted"], name="concat", axis=0),
        helper.make_node("Cast", ["wanted"], ["floats"], name="cast", to=1),
        helper.make_node("Sqrt", ["floats"], ["roots"], name="sqrt"),
        helper.make_node("Add", ["scale", "scale"], ["four"], name="constant"),
        helper.make_node("Mul", ["x", "four"], ["scaled"], name="mul"),
        helper.make_node("Reshape", ["scaled", "wanted"], ["flat"], name="reshape"),
        helper.make_node("MatMul", ["flat", "weight"], ["y"], name="matmul"),
    ]
    initializers = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    return graph(nodes, {"x": ["n", 3, 4]}, weights=initializers)


def nodes(**operators):
    return [PlacedNode(name, operator) for name, operator in operators.items()]


SHAPES = nodes(shape="Shape", rows="Gather", unsqueeze="Unsqueeze", concat="Concat", cast="Cast", sqrt="Sqrt")
DATA = nodes(mul="Mul", reshape="Reshape", matmul="MatMul")


@pytest.fixture
def session():
    """A session whose providers got these nodes."""

    def with_nodes(**found):
        names = {"cuda": CUDA, "tensorrt": TENSORRT, "cpu": CPU}
        parts = [
            SimpleNamespace(
                ep_name=names[provider],
                get_nodes=lambda given=given: [SimpleNamespace(name=n.name, op_type=n.operator) for n in given],
            )
            for provider, given in found.items()
        ]
        providers = [names[provider] for provider in found]
        return SimpleNamespace(get_provider_graph_assignment_info=lambda: parts, get_providers=lambda: providers)

    return with_nodes


def test_nodes_computed_from_shapes_and_small_constants_do_not_matter(reshaping):
    assert compute_nodes([*SHAPES, *nodes(constant="Add")], reshaping) == []


def test_nodes_that_floating_point_data_pass_through_matter(reshaping):
    assert compute_nodes([*SHAPES, *DATA], reshaping) == DATA


def test_nodes_that_onnx_runtime_adds_to_carry_values_do_not_matter(reshaping):
    made = nodes(Gather_token_1="Gather", fused="FusedMatMul")
    assert compute_nodes(made, reshaping) == made[1:]


def test_masks_and_positions_do_not_matter_and_looking_up_a_weight_by_them_does(graph):
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "table": np.ones((101, 1), np.float32),
        "causal": np.ones((64, 64), bool),
        "places": np.zeros((1, 1), np.int64),
        "shut": np.array(-1e9, np.float32),
        "open": np.array(0, np.float32),
    }
    made = [
        helper.make_node("Cast", ["mask"], ["flags"], name="cast", to=TensorProto.BOOL),
        helper.make_node("GatherND", ["flags", "places"], ["picked"], name="pick"),
        helper.make_node("And", ["picked", "causal"], ["allowed"], name="and"),
        helper.make_node("Where", ["allowed", "open", "shut"], ["bias"], name="where"),
        helper.make_node("Gather", ["table", "ids"], ["vectors"], name="lookup"),
        helper.make_node("Add", ["vectors", "bias"], ["y"], name="add"),
    ]
    types = {"ids": TensorProto.INT64, "mask": TensorProto.INT64}
    weights = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    path = graph(made, {"ids": ["n"], "mask": ["n"]}, weights=weights, types=types)
    masks = nodes(cast="Cast", pick="GatherND", **{"and": "And"}, where="Where")
    assert compute_nodes([*masks, *nodes(lookup="Gather", add="Add")], path) == nodes(lookup="Gather", add="Add")


def test_quantized_weights_are_weights(graph):
    from onnx import helper, numpy_helper

    weights = [
        numpy_helper.from_array(np.ones((16, 16), np.int8), "weight"),
        numpy_helper.from_array(np.array(0.1, np.float32), "scale"),
    ]
    made = [helper.make_node("DequantizeLinear", ["weight", "scale"], ["y"], name="dequantize")]
    path = graph(made, {"x": ["n"]}, weights=weights)
    assert len(compute_nodes(nodes(dequantize="DequantizeLinear"), path)) == 1


def test_nodes_of_subgraphs_have_provenance_too(graph):
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    branches = {
        f"{which}_branch": helper.make_graph(
            [helper.make_node(operator, ["shape"], [which], name=f"{which}_{operator}"),
             helper.make_node("Neg", ["x"], [f"{which}_y"], name=f"{which}_neg")],
            which, [], [value(f"{which}_y", TensorProto.FLOAT, None)],
        )
        for which, operator in (("then", "Neg"), ("else", "Abs"))
    }  # fmt: skip
    path = graph(
        [helper.make_node("Shape", ["x"], ["shape"], name="shape"),
         helper.make_node("If", ["flag"], ["y"], name="if", **branches)],
        {"x": ["n"], "flag": []}, types={"flag": TensorProto.BOOL},
    )  # fmt: skip
    found = compute_nodes(nodes(then_Neg="Neg", then_neg="Neg", else_Abs="Abs"), path)
    assert found == nodes(then_neg="Neg")


def test_the_nodes_of_a_session_are_counted_by_provider(context, reshaping):
    session, _ = open_session(reshaping, resolve_providers(context("cpu"), None), SessionConfig("disabled"))
    assert {(node.name, node.operator) for node in placed_nodes(session)[CPU]} >= {("matmul", "MatMul"), ("mul", "Mul")}
    facts = node_placement(session, resolve_providers(context("cpu"), None), reshaping, ())
    assert facts == {"nodes_by_provider": {CPU: len(placed_nodes(session)[CPU])}}


def test_a_run_on_cuda_leaves_shapes_to_the_cpu(context, session, reshaping):
    facts = node_placement(session(cuda=DATA, cpu=SHAPES), resolve_providers(context("cuda"), None), reshaping, ())
    assert facts == {"nodes_by_provider": {CUDA: 3, CPU: 6}, "cpu_fallback": {}}


def test_a_gpu_session_that_leaves_a_product_to_the_cpu_is_not_run(context, session, reshaping):
    split = session(cuda=DATA[:2], cpu=[*SHAPES, DATA[2]])
    with pytest.raises(
        NotRunError, match=f"`{CUDA}` was requested, and left nodes of .* to `{CPU}`: 1 MatMul"
    ) as refused:
        node_placement(split, resolve_providers(context("cuda"), None), reshaping, ())
    assert "`cpu_operators`" in refused.value.hint


def test_operators_that_are_allowed_on_the_cpu_are_counted_and_not_refused(context, session, reshaping):
    split = session(cuda=DATA[:2], cpu=[DATA[2]])
    facts = node_placement(split, resolve_providers(context("cuda"), None), reshaping, ("MatMul",))
    assert facts["cpu_fallback"] == {"MatMul": 1}


def test_where_cuda_is_preferred_alone_the_fallback_is_reported_and_not_refused(
    context, session, reshaping, monkeypatch
):
    from mqa_registry import machine

    monkeypatch.setattr(machine, "gpu_names", lambda: ("NVIDIA H200",))
    facts = node_placement(session(cuda=DATA[:2], cpu=[DATA[2]]), resolve_providers(context(), None), reshaping, ())
    assert facts["cpu_fallback"] == {"MatMul": 1}


def test_a_provider_that_takes_no_node_did_not_run_the_model(context, session, reshaping):
    idle = session(tensorrt=[], cuda=DATA, cpu=SHAPES)
    with pytest.raises(NotRunError, match=f"`{TENSORRT}` was requested, and took no node"):
        node_placement(idle, resolve_providers(context(), [TENSORRT, CUDA]), reshaping, ())


def test_the_report_of_a_run_says_where_its_nodes_are(backend, model_under_test):
    with backend.open(model_under_test, SessionOptions()) as runner:
        assert list(runner.facts.details["nodes_by_provider"]) == [CPU]
        assert runner.facts.details["nodes_by_provider"][CPU] > 5


def test_the_option_cpu_operators_changes_no_identity(backend, model_under_test):
    assert backend.identity(model_under_test, SessionOptions(cpu_operators=["MatMul"])) == backend.identity(
        model_under_test, SessionOptions()
    )


def test_a_session_never_goes_to_another_provider_by_itself(context, reshaping):
    session, _ = open_session(reshaping, resolve_providers(context("cpu"), None))
    assert session._enable_fallback is False


@pytest.mark.gpu
def test_on_a_gpu_every_node_that_matters_runs_there(gpu, backend, make):
    with backend.open(make(device="cuda"), SessionOptions()) as runner:
        facts = runner.facts
    assert facts.details["cpu_fallback"] == {}
    assert facts.details["nodes_by_provider"][CUDA] > facts.details["nodes_by_provider"].get(CPU, 0)


@pytest.mark.gpu
def test_on_a_gpu_a_node_that_it_has_no_kernel_for_is_not_run_unless_it_is_named(gpu, backend, make):
    int8 = {"precision": "int8-dynamic"}  # CUDA has no quantized kernels
    with pytest.raises(NotRunError, match=rf"`{CUDA}` was requested, and left nodes of .* to `{CPU}`: ") as refused:
        backend.open(make(device="cuda"), SessionOptions(**int8)).__enter__()
    left = {part.split()[1] for part in refused.value.message.rpartition(": ")[2].split(", ")}
    with backend.open(make(device="cuda"), SessionOptions(**int8, cpu_operators=sorted(left))) as runner:
        assert set(runner.facts.details["cpu_fallback"]) == left
