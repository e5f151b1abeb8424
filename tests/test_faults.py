"""What the benchmark of faults does to exports, how it measures that, and how it scores: `python -m tests.benchmarks.faults`."""

from __future__ import annotations

import copy

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from tests.benchmarks.faults import __main__ as faults
from tests.benchmarks.faults import graph, inserted_nodes, module_faults, node_faults, weight_faults
from tests.benchmarks.faults.architectures import ARCHITECTURES
from tests.benchmarks.faults.effect import Effect, measure_effect
from tests.benchmarks.faults.fault import Truth
from tests.benchmarks.faults.model_under_test import build_model
from tests.benchmarks.faults.sampling import GENERATORS
from tests.benchmarks.faults.scoring import EXACTLY, NEARLY, OTHER_KIND, UNATTRIBUTED, WRONGLY, score

CNN = ARCHITECTURES["plain CNN"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return build_model(CNN, tmp_path_factory.mktemp("faults") / "cnn", seed=7)


def test_the_command_prints_what_was_caught_and_attributed(monkeypatch, capsys):
    kinds = ["a bias left out", "classes reversed"]
    arguments = ["--faults", "2", "--sound", "1", "--architecture", CNN.name, "--exporter", "script", "--only", *kinds]
    monkeypatch.setattr("sys.argv", ["faults", *arguments])
    with pytest.raises(SystemExit) as ended:
        faults.main()
    told = capsys.readouterr().out
    assert "2 faults of 2 kinds in 1 architectures\ncaught: 2;" in told
    assert "attributed: 2 exactly" in told
    assert "sound: 1 files: 1 PASS" in told
    assert not ended.value.code


def test_a_sound_export_has_next_to_no_effect(model):
    _, sound = model.sound("script")
    assert sound.probability < 1e-5
    assert not sound.counts(sound)
    assert not sound.large


def test_an_effect_is_that_of_the_worst_channel(model, tmp_path):
    """The last class's bias, by half of its spread: the others keep their numbers."""
    found = model.graph("script")
    bias = found.weights()["model.head.bias"].copy()
    right = np.concatenate([outputs[0] for outputs in model.expected.outputs])
    bias[-1] += 0.5 * right[:, -1].std()
    found.set_weight("model.head.bias", bias)
    onnx.save(found.proto, tmp_path / "biased.onnx")
    assert measure_effect(tmp_path / "biased.onnx", model.expected).channel == pytest.approx(0.5, rel=1e-2)


def test_a_file_that_cannot_run_has_an_infinite_effect(model, tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    assert measure_effect(tmp_path / "broken.onnx", model.expected).large


def test_an_effect_counts_where_it_is_more_than_rounding():
    assert Effect(0.0, 1e-3).counts(sound=Effect(0.0, 1e-6))
    assert not Effect(0.0, 1e-3).counts(sound=Effect(0.0, 1e-3))
    assert not Effect(0.0, 1e-5).counts(sound=Effect(0.0, 0.0))


@pytest.mark.parametrize("kind", [kind for kind, one in GENERATORS.items() if one.in_graph])
def test_a_fault_in_a_graph_leaves_a_valid_file(model, kind, tmp_path):
    found = model.graph("script")
    before = found.proto.SerializeToString()
    truth = GENERATORS[kind].in_graph(found, np.random.default_rng(3))
    if truth is None:  # the graph takes no such fault
        assert found.proto.SerializeToString() == before
        return
    assert found.proto.SerializeToString() != before
    assert truth.kinds
    onnx.checker.check_model(found.proto)


@pytest.mark.parametrize("kind", [kind for kind, one in GENERATORS.items() if one.in_module])
def test_a_fault_in_a_module_names_existing_modules(model, kind):
    module = model.copy()
    truth = GENERATORS[kind].in_module(module, np.random.default_rng(3))
    if truth is not None:
        assert truth.anywhere or set(truth.modules) & model.modules


def test_the_truth_of_a_weight_is_the_module_that_reads_it(model):
    truth = weight_faults.weight_truth(model.graph("script"), "model.hidden.weight")
    assert truth.modules == ("hidden",)
    assert truth.nodes == ("/model/hidden/Gemm",)


def test_the_module_of_a_node_is_read_from_either_exporter(model):
    found = model.graph("script")
    by_name = helper.make_node("Relu", [], [], name="/model/features/features.0/act/Relu")
    by_scopes = helper.make_node("Relu", [], [], name="node_relu")
    by_scopes.metadata_props.add(key=graph.SCOPES, value="['', 'features', 'features.0', 'features.0.act', 'relu']")
    assert found.owner(by_name) == found.owner(by_scopes) == "features.0.act"
    assert found.owner(helper.make_node("Relu", [], [], name="Relu_3")) == ""


def test_a_node_put_before_an_output_leaves_the_output_its_name():
    weight = numpy_helper.from_array(np.eye(2, dtype=np.float32), "w")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in ("x", "y")]
    body = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"], "one")], "g", ends[:1], ends[1:], [weight])
    found = graph.Graph(helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)]), frozenset())
    found.put_after("y", inserted_nodes.multiply(found, "y", np.random.default_rng(1)))
    onnx.checker.check_model(found.proto, full_check=True)
    assert [one.name for one in found.proto.graph.output] == ["y"]
    assert [one.op_type for one in found.nodes] == ["MatMul", "Mul"]


def test_a_skipped_layer_returns_its_input(model):
    module = copy.deepcopy(model.module)
    truth = module_faults.skip_layer(module, np.random.default_rng(0))
    name = truth.modules[0]
    x = torch.ones(1, 2)
    assert module.get_submodule(name)(x) is x


def test_there_is_no_softmax_of_an_attention_in_a_cnn(model):
    assert node_faults.change_softmax_axis(model.graph("script"), np.random.default_rng(0)) is None


TRUTH = Truth(frozenset({"exporter"}), ("encoder.layer.1.output",), ("node_add",), near=("encoder.layer.2.attention",))


@pytest.mark.parametrize(
    ("module", "node", "expected"),
    [
        ("encoder.layer.1.output", "", EXACTLY),
        ("encoder.layer.1.output.dense", "", EXACTLY),
        ("", "node_add", EXACTLY),
        ("encoder.layer.1", "", NEARLY),
        ("encoder.layer.1.attention", "", NEARLY),
        ("encoder.layer.2.attention", "", NEARLY),
        ("encoder.layer.10.output", "node_mul", WRONGLY),
        ("", "node_mul", WRONGLY),
    ],
)
def test_an_attribution_is_scored_by_how_near_it_is(module, node, expected):
    assert score(TRUTH, {"kind": "exporter", "module": module, "node": node}) == expected


def test_an_attribution_of_another_kind_is_wrong_whatever_its_module():
    assert score(TRUTH, {"kind": "kernel", "module": "encoder.layer.1.output"}) == OTHER_KIND
    assert score(TRUTH, {"reason": "nobody knows"}) == UNATTRIBUTED
