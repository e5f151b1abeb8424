"""`onnx/file`: an ONNX file as a model, with no PyTorch behind it."""

from __future__ import annotations

import json

import pytest
from onnx import TensorProto, helper, save_model

from mqa_onnx.file import infer_task, load_onnx_model
from mqa_registry import DataError, ModelSource, NotRunError, RunContext, Task


@pytest.fixture
def file(tmp_path):
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "same",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", 3])],
    )
    folder = tmp_path / "model" / "onnx"
    folder.mkdir(parents=True)
    save_model(helper.make_model(graph), folder / "model.onnx")
    return folder / "model.onnx"


@pytest.fixture
def made(tmp_path):
    task = Task("forward", lambda model: None, schema="vector", fields={}, sample=(), metric="")
    return lambda path, **options: load_onnx_model(task, RunContext(exports=tmp_path), id=path, **options)


def test_it_is_a_source_that_tells_its_task(tmp_path):
    import mqa_onnx

    (source,) = mqa_onnx.mqa_models()
    assert isinstance(source, ModelSource)
    assert (source.name, infer_task(RunContext(exports=tmp_path))) == ("file", "transformers/forward")


def test_a_model_is_the_file_and_known_by_its_bytes(made, file):
    model = made(file)
    assert model.file == file
    assert model.about == {"id": str(file), "form": "ONNX"}
    before = model.digest
    file.write_bytes(file.read_bytes() + b"\x00")
    assert made(file).digest != before


def test_there_is_no_module_of_it(made, file):
    with pytest.raises(NotRunError, match="there is no PyTorch model behind it") as refused:
        _ = made(file).module
    assert "`onnxruntime/session` without a `path`" in refused.value.hint
    assert made(file).processor is None


def test_labels_and_longest_input_are_those_of_the_configuration_above(made, file):
    told = {"id2label": {"1": "good", "0": "bad"}, "max_position_embeddings": 64}
    (file.parent.parent / "config.json").write_text(json.dumps(told))
    assert made(file).labels == ()
    (file.parent.parent / "tokenizer_config.json").write_text("{}")
    model = made(file)
    assert model.labels == ("bad", "good")
    assert model.about["positions"] == 64
    with pytest.raises(DataError, match="has no tokenizer that can be loaded"):
        _ = model.processor


def test_a_folder_may_be_named(made, file, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"id2label": {"0": "a", "1": "b"}}')
    assert made(file, processor=tmp_path / "other").labels == ("a", "b")


@pytest.mark.parametrize("told", ["[]", '{"id2label": {"x": "a"}}', "{}"])
def test_a_configuration_without_labels_has_none(made, file, told):
    (file.parent / "config.json").write_text(told)
    assert made(file).labels == ()


def test_what_is_not_there_or_cannot_be_read_is_told(made, file):
    with pytest.raises(DataError, match="there is no file"):
        made(file.with_name("nix.onnx"))
    (file.parent / "config.json").write_text("{")
    with pytest.raises(DataError, match=r"config\.json` cannot be read"):
        made(file)
