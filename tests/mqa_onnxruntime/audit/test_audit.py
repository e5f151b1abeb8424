"""An export is compared with its model once, and what is wrong with it is said in words."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
import torch

from mqa_onnxruntime.audit.audit import NO_REQUEST, AuditRequest, Reference, audit_file, reference_of
from mqa_onnxruntime.audit.findings import _review_axes
from mqa_onnxruntime.audit.shape_sweep import takes_another_size
from mqa_onnxruntime.export.cache import cached_export
from mqa_onnxruntime.graph.onnx_file import ValueInfo, parse_model


@pytest.fixture
def audited(model_under_test):
    """The audit of a file against the model."""
    rows = model_under_test.codec.encode(model_under_test.task.sample)

    def look(path, asked=NO_REQUEST, model_under_test=model_under_test):
        return audit_file(
            path,
            model_under_test,
            rows,
            reference_of(model_under_test, None, model_under_test.codec.collate(rows)),
            asked,
        )

    return look


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


def told(found, level="problem"):
    return [finding.message for finding in found.findings if finding.level == level]


def test_a_good_export_leaves_nothing_to_remark(audited, exported):
    found = audited(exported, AuditRequest(20, "float32"))
    assert found.findings == ()
    assert (found.opset, found.precision, found.trouble) == (20, "float32", "")
    assert [(value.name, value.type, len(value.shape)) for value in found.inputs] == [
        ("words", "int64", 2), ("mask", "int64", 2)
    ]  # fmt: skip
    assert [value.name for value in found.outputs] == ["logits", "pooled"]
    assert {shape.outcome for shape in found.shapes} == {"agrees"}
    assert found.weights.numbers >= found.weights.model_numbers == sum(found.types.values()) - found.types["int64"]
    assert set(found.files) == {"model.onnx", "model.onnx.data"}


def test_the_audit_of_a_kept_export_is_kept_with_it(model_under_test, exported, audited):
    kept = cached_export(model_under_test, None).audit
    again = json.loads(json.dumps(audited(exported, AuditRequest(None, "float32")).to_json()))
    for shape in (*kept["shapes"], *again["shapes"]):
        shape.pop("error")
    assert kept == again


def test_another_opset_than_was_asked_for_is_a_problem(audited, exported):
    assert told(audited(exported, AuditRequest(opset=16))) == ["opset 16 was asked for, and it is written in opset 20"]


def test_half_precision_that_is_none_is_a_problem(audited, exported):
    found = audited(exported, AuditRequest(precision="float16"))
    assert told(found) == ["`float16` was asked for, and most of its weights are float32"]


def test_half_precision_of_a_part_is_worth_a_note(audited, edited):
    def change(model):
        from onnx import helper, numpy_helper

        tensor = next(one for one in model.graph.initializer if one.name == "embedding.weight")
        half = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, "half"))
        model.graph.node.insert(0, helper.make_node("Cast", ["half"], ["embedding.weight"], to=1))

    found = audited(edited(change))
    assert (found.precision, told(found)) == ("float16", [])
    assert told(found, "note") == ["33 % of the numbers in its weights are float32, the others float16"]


def test_int8_without_a_quantized_operator_is_a_problem(audited, exported):
    assert "no operator in it is quantized" in told(audited(exported, AuditRequest(precision="int8-dynamic")))[1]


def test_one_weight_of_another_value_is_named(audited, edited):
    def change(model):
        from onnx import numpy_helper

        bias = next(tensor for tensor in model.graph.initializer if tensor.name == "classifier.bias")
        bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(1e-5), bias.name))

    found = audited(edited(change))
    assert told(found) == ["it has other values than the model in `classifier.bias`"]
    assert {shape.outcome for shape in found.shapes} == {"agrees"}  # by its answers alone nobody would know


def test_the_export_of_another_model_answers_otherwise(audited, exported, make, make_module):
    found = audited(exported, model_under_test=make(of=make_module(seed=8)))
    assert any("outputs differ from those of the model on" in message for message in told(found))
    assert any("other values than the model in `" in message for message in told(found))


def test_a_model_that_does_not_run_leaves_nothing_to_hold_a_file_against(model_under_test, exported):
    def broken(batch):
        raise ValueError("no such device")

    rows = model_under_test.codec.encode(model_under_test.task.sample)
    found = audit_file(exported, model_under_test, rows, Reference("the model", broken))
    assert told(found, "warning") == ["the model itself does not run, and no shape was tried: no such device"]


def test_a_fixed_length_is_found_out(audited, edited):
    def fix(model):
        for value in model.graph.input:
            for axis, length in zip(value.type.tensor_type.shape.dim, (3, 7), strict=True):
                axis.dim_value = length

    found = audited(edited(fix))
    assert {shape.outcome for shape in found.shapes} == {"agrees", "fails"}, "a batch of another length"
    assert told(found) != []
    assert told(found, "warning")[0] == "it takes a fixed number of rows as `words`, `mask`"


def test_a_fixed_number_of_rows_alone_is_run_so_many_at_a_time(audited, edited):
    def fix(model):
        for value in model.graph.input:
            value.type.tensor_type.shape.dim[0].dim_value = 1

    found = audited(edited(fix))
    assert {shape.outcome for shape in found.shapes} == {"agrees"}
    assert told(found) == []
    assert told(found, "warning") == ["it takes a fixed number of rows as `words`, `mask`"]


@pytest.mark.parametrize(("axis", "level"), [("int64", "warning"), ("float32", "note")])
def test_a_size_of_rows_that_was_fixed_by_what_the_file_was_traced_with_is_told(axis, level):
    inputs = [ValueInfo("pixels", axis, ("rows", 3, "wide")), ValueInfo("mask", "int64", ("rows", "long"))]
    assert not list(_review_axes(inputs, []))
    (found,) = _review_axes(inputs, inputs[:1])
    assert (found.level, found.message) == (
        level, "it takes rows of one size alone, that of those it was traced with: `pixels` 3 x ?"
    )  # fmt: skip


def test_a_size_that_the_model_alone_sets_is_no_finding(audited, edited):
    """As a perceptron's number of features is; a length that the model takes otherwise too was narrowed by the file."""

    def fix(model):
        for value in model.graph.input:
            value.type.tensor_type.shape.dim[1].dim_value = 7

    assert [value.name for value in audited(edited(fix)).narrowed] == ["words", "mask"]
    batch = {"x": np.zeros((2, 8), np.float32)}
    weight = np.zeros((8, 3), np.float32)
    assert not takes_another_size(lambda batch: {"y": batch["x"] @ weight}, batch, "x", 1)
    assert takes_another_size(lambda batch: {"y": batch["x"].sum(1)}, batch, "x", 1)


def test_nodes_that_tell_no_module_are_worth_a_note(audited, edited):
    path = edited(lambda model: None)
    path.with_suffix(".trace.json").write_text("{}")
    (message,) = told(audited(path), "note")
    assert message.startswith("none of its nodes tells which module it came from")


def test_a_weight_that_is_written_twice_is_worth_a_note(audited, edited):
    def twice(model):
        tensor = next(one for one in model.graph.initializer if one.name == "embedding.weight")
        model.graph.initializer.add().CopyFrom(tensor)
        model.graph.initializer[-1].name = "again"
        next(node for node in model.graph.node if "embedding.weight" in node.input).input[0] = "again"

    (message,) = told(audited(edited(twice)), "note")
    assert message.endswith("numbers in its weights, and the model 274")


def test_an_output_that_got_lost_is_a_warning(audited, edited):
    found = audited(edited(lambda model: model.graph.output.pop()))
    assert told(found, "warning") == ["it does not give `pooled`, which the model gives"]


def test_an_output_that_the_model_does_not_give_is_compared_with_nothing(audited, edited):
    def show(model):
        node = next(node for node in model.graph.node if node.op_type == "Gather")
        model.graph.output.add(name=node.output[0]).type.tensor_type.elem_type = 1

    (message,) = told(audited(edited(show)), "note")
    assert re.fullmatch(r"it gives `\S+`, which the model does not give: they are compared with nothing", message)


def test_operators_that_nobody_knows_are_named_and_nothing_is_run(audited, edited):
    def change(model):
        model.graph.node[0].domain = "acme.secret"
        model.opset_import.add(domain="acme.secret", version=1)

    found = audited(edited(change))
    kind = parse_model(edited(change)).graph.node[0].op_type
    assert told(found) == [f"it uses operators that ONNX Runtime does not bring: `acme.secret::{kind}`"]
    assert found.shapes == ()


def test_functions_that_a_model_defines_itself_are_not_foreign(graph):
    from onnx import helper

    from mqa_onnxruntime.graph.onnx_file import read_onnx_file

    path = graph([helper.make_node("Twice", ["x"], ["y"], domain="mine")], {"x": [1]})
    assert read_onnx_file(path).custom_operators == ("mine::Twice",)
    model = parse_model(path)
    body = [helper.make_node("Add", ["a", "a"], ["b"])]
    model.functions.append(helper.make_function("mine", "Twice", ["a"], ["b"], body, [helper.make_opsetid("", 17)]))
    path.write_bytes(model.SerializeToString())
    assert read_onnx_file(path).custom_operators == ()


def test_a_weight_that_is_not_used_is_worth_a_note(audited, exported, make, module):
    import copy

    import torch

    other = copy.deepcopy(module)
    other.register_parameter("spare", torch.nn.Parameter(torch.ones(40)))
    found = audited(exported, model_under_test=make(of=other))
    assert told(found) == []
    assert told(found, "note") == ["it is without some of the model's weights (1): `spare`"]


def test_every_finding_that_is_a_problem_says_what_to_do(audited, exported, edited):
    found = audited(exported, AuditRequest(16, "float16"))
    assert all(finding.fix for finding in found.findings)
    assert dataclasses.asdict(found.findings[0])["level"] == "problem"


def test_predictions_that_depend_on_the_batch_are_remarked_on(model_under_test, exported):
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


def test_the_model_answers_under_the_names_that_its_export_has(make):
    model_under_test = make(of=Twice().eval())
    batch = model_under_test.codec.collate(model_under_test.codec.encode(model_under_test.task.sample))
    answers = reference_of(model_under_test, None, batch).run(batch)
    assert list(answers) == ["0", "1"]  # test_naming.py has what else a model may give
    np.testing.assert_array_equal(answers["1"], 2 * batch["words"].astype(np.float32))
