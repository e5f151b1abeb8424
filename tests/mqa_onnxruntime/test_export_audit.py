"""An export is compared with its model once, and what is wrong with it is said in words."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
import torch

from mqa_onnxruntime.audit_findings import _review_axes
from mqa_onnxruntime.export.cache import cached_export
from mqa_onnxruntime.export_audit import NO_REQUEST, AuditRequest, Reference, audit_file, reference_of
from mqa_onnxruntime.graph.onnx_file import ValueInfo, parse_model
from mqa_onnxruntime.shape_sweep import takes_another_size


@pytest.fixture
def audited(model_under_test):
    """The audit of a file against the model."""
    rows = model_under_test.codec.encode(model_under_test.task.sample)

    def audit(path, request=NO_REQUEST, model_under_test=model_under_test):
        return audit_file(
            path,
            model_under_test,
            rows,
            reference_of(model_under_test, None, model_under_test.codec.collate(rows)),
            request,
        )

    return audit


@pytest.fixture
def edited(exported, tmp_path):
    """A copy of the export, its weights inside, with its model changed."""

    def edit(change):
        import onnx

        model = onnx.load(str(exported))
        change(model)
        path = tmp_path / "edited.onnx"
        onnx.save(model, str(path))
        return path

    return edit


def messages(found, level="problem"):
    return [finding.message for finding in found.findings if finding.level == level]


def test_a_good_export_has_no_findings(audited, exported):
    found = audited(exported, AuditRequest(20, "float32"))
    assert found.findings == ()
    assert (found.opset, found.precision, found.session_error) == (20, "float32", "")
    assert [(value.name, value.type, len(value.shape)) for value in found.inputs] == [
        ("words", "int64", 2), ("mask", "int64", 2)
    ]  # fmt: skip
    assert [value.name for value in found.outputs] == ["logits", "pooled"]
    assert {shape.outcome for shape in found.shapes} == {"agrees"}
    assert (
        found.weights.elements
        >= found.weights.model_elements
        == sum(found.element_types.values()) - found.element_types["int64"]
    )
    assert set(found.files) == {"model.onnx", "model.onnx.data"}


def test_the_audit_of_a_cached_export_is_cached_with_it(model_under_test, exported, audited):
    cached = cached_export(model_under_test, None).audit
    again = json.loads(json.dumps(audited(exported, AuditRequest(None, "float32")).to_json()))
    for shape in (*cached["shapes"], *again["shapes"]):
        shape.pop("relative_error")
    assert cached == again


def test_another_opset_than_the_requested_one_is_a_problem(audited, exported):
    assert messages(audited(exported, AuditRequest(opset=16))) == [
        "opset 16 was requested, and it is written in opset 20"
    ]


def test_float32_weights_where_half_precision_was_requested_are_a_problem(audited, exported):
    found = audited(exported, AuditRequest(precision="float16"))
    assert messages(found) == ["`float16` was requested, and most of its weights are float32"]


def test_half_precision_of_a_part_is_a_note(audited, edited):
    def change(model):
        from onnx import helper, numpy_helper

        tensor = next(one for one in model.graph.initializer if one.name == "embedding.weight")
        half = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, "half"))
        model.graph.node.insert(0, helper.make_node("Cast", ["half"], ["embedding.weight"], to=1))

    found = audited(edited(change))
    assert (found.precision, messages(found)) == ("float16", [])
    assert messages(found, "note") == ["33 % of the numbers in its weights are float32, the others float16"]


def test_int8_without_a_quantized_operator_is_a_problem(audited, exported):
    assert "no operator in it is quantized" in messages(audited(exported, AuditRequest(precision="int8-dynamic")))[1]


def test_one_weight_of_another_value_is_named(audited, edited):
    def change(model):
        from onnx import numpy_helper

        bias = next(tensor for tensor in model.graph.initializer if tensor.name == "classifier.bias")
        bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(1e-5), bias.name))

    found = audited(edited(change))
    assert messages(found) == ["it has other values than the model in `classifier.bias`"]
    (difference,) = json.loads(json.dumps(found.to_json()))["weights"]["differences"]
    assert (difference["tensor"], difference["weight"]) == ("classifier.bias", "classifier.bias")
    assert {shape.outcome for shape in found.shapes} == {"agrees"}  # by its answers alone nobody would know


def test_the_export_of_another_model_differs(audited, exported, make, make_module):
    found = audited(exported, model_under_test=make(of=make_module(seed=8)))
    assert any("outputs differ from those of the model on" in message for message in messages(found))
    assert any("other values than the model in `" in message for message in messages(found))


def test_a_model_that_does_not_run_is_a_warning_of_the_audit(model_under_test, exported):
    def broken(batch):
        raise ValueError("no such device")

    rows = model_under_test.codec.encode(model_under_test.task.sample)
    found = audit_file(exported, model_under_test, rows, Reference("the model", broken))
    assert messages(found, "warning") == ["the model itself does not run, and no shape was tried: no such device"]


def test_a_fixed_length_is_a_problem(audited, edited):
    def fix(model):
        for value in model.graph.input:
            for axis, length in zip(value.type.tensor_type.shape.dim, (3, 7), strict=True):
                axis.dim_value = length

    found = audited(edited(fix))
    assert {shape.outcome for shape in found.shapes} == {"agrees", "fails"}, "a batch of another length"
    assert messages(found) != []
    assert messages(found, "warning")[0] == "it takes a fixed number of rows as `words`, `mask`"


def test_a_file_with_a_fixed_number_of_rows_is_run_so_many_at_a_time(audited, edited):
    def fix(model):
        for value in model.graph.input:
            value.type.tensor_type.shape.dim[0].dim_value = 1

    found = audited(edited(fix))
    assert {shape.outcome for shape in found.shapes} == {"agrees"}
    assert messages(found) == []
    assert messages(found, "warning") == ["it takes a fixed number of rows as `words`, `mask`"]


@pytest.mark.parametrize(("axis", "level"), [("int64", "warning"), ("float32", "note")])
def test_a_fixed_size_of_rows_is_reported_by_its_axes(axis, level):
    inputs = [ValueInfo("pixels", axis, ("rows", 3, "wide")), ValueInfo("mask", "int64", ("rows", "long"))]
    assert not list(_review_axes(inputs, []))
    (found,) = _review_axes(inputs, inputs[:1])
    assert (found.level, found.message) == (
        level, "it takes rows of one size alone, that of those it was traced with: `pixels` 3 x ?"
    )  # fmt: skip


def test_a_size_that_the_model_alone_sets_is_no_finding(audited, edited):
    """As a perceptron's number of features; a length that the model takes otherwise too was fixed by the export."""

    def fix(model):
        for value in model.graph.input:
            value.type.tensor_type.shape.dim[1].dim_value = 7

    assert [value.name for value in audited(edited(fix)).specialized_inputs] == ["words", "mask"]
    batch = {"x": np.zeros((2, 8), np.float32)}
    weight = np.zeros((8, 3), np.float32)
    assert not takes_another_size(lambda batch: {"y": batch["x"] @ weight}, batch, "x", 1)
    assert takes_another_size(lambda batch: {"y": batch["x"].sum(1)}, batch, "x", 1)


def test_nodes_without_metadata_are_a_note(audited, edited):
    path = edited(lambda model: None)
    path.with_suffix(".trace.json").write_text("{}")
    (message,) = messages(audited(path), "note")
    assert message.startswith("none of its nodes has metadata of the module it came from")


def test_a_weight_that_is_written_twice_is_a_note(audited, edited):
    def twice(model):
        tensor = next(one for one in model.graph.initializer if one.name == "embedding.weight")
        model.graph.initializer.add().CopyFrom(tensor)
        model.graph.initializer[-1].name = "again"
        next(node for node in model.graph.node if "embedding.weight" in node.input).input[0] = "again"

    (message,) = messages(audited(edited(twice)), "note")
    assert message.endswith("numbers in its weights, and the model 274")


def test_a_missing_output_is_a_warning(audited, edited):
    found = audited(edited(lambda model: model.graph.output.pop()))
    assert messages(found, "warning") == ["it does not give `pooled`, which the model gives"]


def test_an_output_that_the_model_does_not_give_is_compared_with_nothing(audited, edited):
    def show(model):
        node = next(node for node in model.graph.node if node.op_type == "Gather")
        model.graph.output.add(name=node.output[0]).type.tensor_type.elem_type = 1

    (message,) = messages(audited(edited(show)), "note")
    assert re.fullmatch(r"it gives `\S+`, which the model does not give: they are compared with nothing", message)


def test_custom_operators_are_named_and_nothing_is_run(audited, edited):
    def change(model):
        model.graph.node[0].domain = "acme.secret"
        model.opset_import.add(domain="acme.secret", version=1)

    found = audited(edited(change))
    kind = parse_model(edited(change)).graph.node[0].op_type
    assert messages(found) == [f"it uses operators that ONNX Runtime does not bring: `acme.secret::{kind}`"]
    assert found.shapes == ()


def test_functions_that_a_model_defines_itself_are_no_custom_operators(graph):
    from onnx import helper

    from mqa_onnxruntime.graph.onnx_file import read_onnx_file

    path = graph([helper.make_node("Twice", ["x"], ["y"], domain="mine")], {"x": [1]})
    assert read_onnx_file(path).custom_operators == ("mine::Twice",)
    model = parse_model(path)
    body = [helper.make_node("Add", ["a", "a"], ["b"])]
    model.functions.append(helper.make_function("mine", "Twice", ["a"], ["b"], body, [helper.make_opsetid("", 17)]))
    path.write_bytes(model.SerializeToString())
    assert read_onnx_file(path).custom_operators == ()


def test_a_weight_that_is_not_used_is_a_note(audited, exported, make, module):
    import copy

    import torch

    other = copy.deepcopy(module)
    other.register_parameter("spare", torch.nn.Parameter(torch.ones(40)))
    found = audited(exported, model_under_test=make(of=other))
    assert messages(found) == []
    assert messages(found, "note") == ["it lacks some of the model's weights (1): `spare`"]


def test_every_problem_has_a_fix(audited, exported, edited):
    found = audited(exported, AuditRequest(16, "float16"))
    assert all(finding.fix for finding in found.findings)
    assert dataclasses.asdict(found.findings[0])["level"] == "problem"


def test_predictions_that_depend_on_the_batch_are_a_warning(model_under_test, exported):
    rows = model_under_test.codec.encode(model_under_test.task.sample)
    sound = reference_of(model_under_test, None, model_under_test.codec.collate(rows))

    def leaking(batch):
        outputs = sound.run(batch)
        return outputs | {"logits": outputs["logits"] + (batch["mask"] == 0).sum(axis=1, keepdims=True)}

    found = audit_file(exported, model_under_test, rows, dataclasses.replace(sound, run=leaking))
    (message,) = [one.message for one in found.findings if one.topic == "batches"]
    assert "predictions of the model depend on the batch: outputs move by up to" in message
    assert message.endswith("when a row is padded")


class Twice(torch.nn.Module):
    def forward(self, words, mask):
        return words.float(), 2 * words.float()


def test_the_models_outputs_have_the_names_of_the_export(make):
    model_under_test = make(of=Twice().eval())
    batch = model_under_test.codec.collate(model_under_test.codec.encode(model_under_test.task.sample))
    outputs = reference_of(model_under_test, None, batch).run(batch)
    assert list(outputs) == ["0", "1"]  # test_naming.py has what else a model may give
    np.testing.assert_array_equal(outputs["1"], 2 * batch["words"].astype(np.float32))
