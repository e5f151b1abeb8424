"""Files that are not what they should be: one clear line each, before or instead of an answer."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mqa_onnxruntime.graph.onnx_file import parse_model
from mqa_onnxruntime.session.backend import SessionOptions
from mqa_registry import DataError, ModelUnderTest, MqaError, NotRunError


@pytest.fixture
def takes_words(graph):
    """A file that takes what the task gives, with this node in it."""

    def write(*args, opset=17, **attributes):
        from onnx import TensorProto, helper

        types = dict.fromkeys(("words", "mask", "logits"), TensorProto.INT64)
        node = helper.make_node(*args, **attributes)
        return graph([node], {name: ["b", "s"] for name in ("words", "mask")}, ["logits"], types=types, opset=opset)

    return write


@pytest.fixture
def refused(backend, model_under_test):
    """The error that a file is refused with, which is one line."""

    def open_(path, model_under_test=model_under_test, **options):
        with pytest.raises(MqaError) as error:
            backend.open(model_under_test, SessionOptions(path=path, **options)).__enter__()
        assert "\n" not in error.value.message
        return error.value

    return open_


def test_an_operator_of_an_unknown_domain_is_refused_before_the_run(refused, takes_words):
    error = refused(takes_words("Attend", ["words"], ["logits"], domain="acme.fast"))
    assert isinstance(error, DataError)
    assert "uses the operator `acme.fast::Attend`, which ONNX Runtime does not bring" in error.message
    assert "--allow-code" in error.hint


def test_a_library_of_operators_is_code_and_needs_a_flag(refused, takes_words, tmp_path):
    library = tmp_path / "ops.so"
    library.write_bytes(b"no library")
    error = refused(takes_words("Attend", ["words"], ["logits"], domain="acme.fast"), custom_ops=library)
    assert isinstance(error, DataError)
    assert "is a library of code" in error.message


def test_with_the_flag_a_library_is_loaded(refused, takes_words, model_under_test, tmp_path):
    library = tmp_path / "ops.so"
    library.write_bytes(b"no library")
    allowed = ModelUnderTest(
        model_under_test.model,
        model_under_test.task,
        dataclasses.replace(model_under_test.run_context, allow_code=True),
        {},
    )
    path = takes_words("Attend", ["words"], ["logits"], domain="acme.fast")
    error = refused(path, allowed, custom_ops=library)
    assert isinstance(error, NotRunError)
    assert "cannot run" in error.message
    assert "ops.so" in error.message


def test_an_operator_that_the_standard_does_not_know_is_named(refused, takes_words):
    error = refused(takes_words("Levitate", ["words"], ["logits"]))
    assert isinstance(error, NotRunError)
    assert "Levitate" in error.message
    assert "newer ONNX Runtime" in error.hint


def test_an_opset_that_the_runtime_lacks_is_named(refused, takes_words):
    error = refused(takes_words("Add", ["words", "mask"], ["logits"], opset=99))
    assert isinstance(error, NotRunError)
    assert "99" in error.message
    assert "newer ONNX Runtime" in error.hint


def test_an_unsupported_format_version_is_named(refused, takes_words):
    path = takes_words("Add", ["words", "mask"], ["logits"])
    model = parse_model(path)
    model.ir_version = 99
    path.write_bytes(model.SerializeToString())
    error = refused(path)
    assert isinstance(error, NotRunError)
    assert "99" in error.message
    assert "newer ONNX Runtime" in error.hint


def test_a_file_that_gives_nothing_is_refused(refused, takes_words):
    path = takes_words("Add", ["words", "mask"], ["logits"])
    model = parse_model(path)
    del model.graph.output[:]
    path.write_bytes(model.SerializeToString())
    error = refused(path)
    assert isinstance(error, DataError)
    assert "has no outputs" in error.message


def test_an_output_that_is_a_list_is_refused(refused, takes_words):
    from onnx import TensorProto, helper

    path = takes_words("SequenceConstruct", ["words", "mask"], ["both"])
    model = parse_model(path)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_sequence_value_info("both", TensorProto.INT64, None))
    path.write_bytes(model.SerializeToString())
    error = refused(path)
    assert isinstance(error, DataError)
    assert "gives `both` as seq(tensor(int64)), and only tensors can be read" in error.message


def no_opset(model):
    del model.opset_import[:]


def nowhere(model):
    model.graph.output[0].name = "nowhere"


def circle(model):
    model.graph.node[0].input[0] = "logits"


@pytest.mark.parametrize("damage", [no_opset, nowhere, circle])
def test_the_fix_of_an_invalid_graph_is_another_export(refused, takes_words, damage):
    path = takes_words("Add", ["words", "mask"], ["logits"])
    model = parse_model(path)
    damage(model)
    path.write_bytes(model.SerializeToString())
    error = refused(path)
    assert isinstance(error, NotRunError)
    assert "export the model again" in error.hint


def test_external_data_without_a_location_are_refused(refused, graph):
    from onnx import TensorProto, helper

    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    error = refused(graph([helper.make_node("Mul", ["x", "w"], ["y"])], {"x": [4]}, weights=[tensor]))
    assert isinstance(error, DataError)


@pytest.mark.parametrize(
    "location", ["", ".", "w\0.data", "w" * 5000, "a/b/../../../w", "w.data/x", "/dev/zero", "~/w"]
)
def test_external_data_where_no_file_can_be_are_refused(refused, graph, tmp_path, location):
    from onnx import TensorProto, helper

    (tmp_path / "w.data").write_bytes(bytes(16))
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    error = refused(graph([helper.make_node("Mul", ["x", "w"], ["y"])], {"x": [4]}, weights=[tensor]))
    assert isinstance(error, DataError)


@pytest.mark.parametrize(("offset", "length"), [("-4", "16"), ("0", "-16"), ("here", "16"), ("0", "1e3")])
def test_external_data_at_an_impossible_offset_are_refused(refused, graph, tmp_path, offset, length):
    from onnx import TensorProto, helper

    (tmp_path / "w.data").write_bytes(bytes(16))
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": "w.data", "offset": offset, "length": length}.items():
        tensor.external_data.add(key=key, value=value)
    error = refused(graph([helper.make_node("Mul", ["x", "w"], ["y"])], {"x": [4]}, weights=[tensor]))
    assert isinstance(error, DataError)
    assert "has an impossible offset or length for the data of `w`" in error.message


def test_a_folder_for_a_file_is_refused(refused, tmp_path):
    assert "cannot be read: it is a folder" in refused(Path(tmp_path)).message
