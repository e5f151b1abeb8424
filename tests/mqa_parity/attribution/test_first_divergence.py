"""`parity/tensors` names the module that differs, and costs nothing where none does."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from mqa_onnxruntime.session.runner import SessionRunner
from mqa_parity.runners import Runners
from mqa_parity.tensors import probe
from mqa_parity.tensors.observations import TensorOptions
from mqa_parity.tensors.probe import TensorParity
from mqa_parity.tolerance import output_precision
from tests.stand_ins import make_codec

TENSORS = TensorParity()


def encode(examples):
    return [{"input_ids": np.array([5 + ord(letter) % 90 for letter in one["text"]])} for one in examples]


def collate(rows):
    width = max(len(row["input_ids"]) for row in rows)
    ids = np.array([np.pad(row["input_ids"], (0, width - len(row["input_ids"])), constant_values=1) for row in rows])
    return {"input_ids": ids, "attention_mask": (ids > 1).astype(np.int64)}


CODEC = make_codec(encode, collate, cost=lambda row: len(row["input_ids"]), padding_mask="attention_mask")


@pytest.fixture
def look(context, lab, reference, candidate):
    """The observations of the probe on an export, or on a graph that was damaged since."""

    def at(graph=None, **options):
        found = lab("bert")
        held = candidate(found.path if graph is None else graph, origin=found.path)
        return TENSORS.observe(context(held, reference(found.module), codec=CODEC), TensorOptions(rows=8, **options))

    return at


@pytest.fixture
def damaged(copied):
    graph = copied("bert", "graph")
    node = [node for node in graph.graph.node if node.op_type == "Gelu"][2]
    del node.attribute[:]
    node.attribute.append(helper.make_attribute("approximate", "tanh"))
    return graph


def test_the_first_divergence_is_in_the_evidence(look, damaged):
    told = json.loads(json.dumps(TENSORS.evidence(look(damaged)).details, allow_nan=False))["first_divergence"]
    assert told["module"] == "bert.encoder.layer.2.intermediate.intermediate_act_fn"
    assert (told["class"], told["node"], told["kind"]) == ("GELUActivation", "node_gelu_2", "exporter")
    assert told["source"].startswith("transformers/activations.py:")
    assert told["ratio"] > 20


def test_a_sound_export_has_no_divergence(look):
    assert "first_divergence" not in TENSORS.evidence(look()).details


def test_a_file_that_crashes_on_rows_the_model_takes_fails_with_its_kind(look, copied):
    graph = copied("bert", "graph")
    tables = [one for one in graph.graph.initializer if "position_embeddings" in one.name and len(one.dims) == 2]
    (table,) = tables
    table.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(table)[:9].copy(), table.name))
    observations = look(graph)
    found = TENSORS.numbers(observations)
    assert found["mismatches"] > 0
    assert found["ratio"] == np.inf
    shown = TENSORS.evidence(observations)
    assert (
        shown.details["first_divergence"]["kind"],
        "position_embeddings" in shown.details["first_divergence"]["module"],
    ) == (
        "weights",
        True,
    )
    assert "crashes" in shown.remarks[0]


def test_no_divergence_is_searched_for_without_the_option(look, damaged):
    assert "first_divergence" not in TENSORS.evidence(look(damaged, attribute=False)).details


def test_an_error_of_attribution_becomes_the_reason(look, damaged, monkeypatch):
    def fails(*arguments, **options):
        raise RuntimeError("no room for the taps")

    monkeypatch.setattr(probe, "attribute_difference", fails)
    observations = look(damaged)
    assert TENSORS.numbers(observations)["ratio"] > 30
    assert "no room for the taps" in TENSORS.evidence(observations).details["first_divergence"]["reason"]


def test_an_output_of_another_type_has_no_reproduction(lab, reference, candidate, copied, tmp_path):
    graph, found = copied("bert", "graph"), lab("bert")
    result = graph.graph.output[0]
    maker = next(node for node in graph.graph.node if result.name in node.output)
    maker.output[0] = "single"
    graph.graph.node.append(helper.make_node("Cast", ["single"], [result.name], to=TensorProto.DOUBLE))
    result.type.tensor_type.elem_type = TensorProto.DOUBLE
    model = reference(found.module)
    with model.variant(dtype="float64") as exact:
        three = Runners(exact, model, candidate(graph, origin=found.path), "float32", output_precision("float32"))
        rows = CODEC.encode([{"text": "a row"}])
        told = json.loads(
            probe.find_first_divergence(
                three, [SimpleNamespace(arrays=CODEC.collate(rows))], CODEC.padding_mask, tmp_path / "reproduction"
            )
        )
    assert (told["kind"], told["reason"]) == ("signature", f"`{result.name}` comes as float64, and not float32")
    assert "reproduction" not in told
    assert not (tmp_path / "reproduction").exists()


def test_weights_are_compared_once_for_the_verdict_and_for_the_cause(look, copied, monkeypatch):
    graph, compared = copied("bert", "graph"), []
    bias = next(one for one in graph.graph.initializer if one.name.endswith("layer.1.output.dense.bias"))
    changed = numpy_helper.to_array(bias).copy()
    changed[3] += 0.2
    bias.CopyFrom(numpy_helper.from_array(changed, bias.name))
    compare = SessionRunner.compare_weights
    monkeypatch.setattr(SessionRunner, "compare_weights", lambda *given: compared.append(1) or compare(*given))
    told = TENSORS.evidence(look(graph)).details["first_divergence"]
    assert (told["kind"], told["module"]) == ("weights", "bert.encoder.layer.1.output.dense")
    assert compared == [1]
    assert TENSORS.evidence(look(graph, weights=False)).details["first_divergence"]["module"] == told["module"]
    assert compared == [1, 1]
