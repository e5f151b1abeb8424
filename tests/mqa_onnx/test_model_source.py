"""`onnx/file`: an ONNX file as a model, with no PyTorch behind it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from onnx import TensorProto, helper, save_model

import mqa_onnx
from mqa_onnx.model_source import FileOptions, FileSource
from mqa_registry import DataError, NotRunError, RunContext
from mqa_transformers.tasks.forward import Forward


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
def load(tmp_path):
    """The model in a file, with these options."""
    context = RunContext(exports=tmp_path)
    return lambda path, **options: FileSource().load(Forward(), context, FileOptions(id=path, **options))


def test_the_source_recognizes_onnx_files_and_gives_them_the_task_that_takes_any_model(tmp_path):
    (source,) = mqa_onnx.mqa_models()
    assert source.name == "file"
    assert [source.recognizes(name) for name in ("a.onnx", "a/b.onnx", "onnx", "a.pt")] == [True, True, False, False]
    assert source.infer_task(RunContext(exports=tmp_path), FileOptions(id=Path("a.onnx"))) == "transformers/forward"


@pytest.mark.parametrize(
    ("architecture", "task"),
    [
        ("ResNetForImageClassification", "transformers/image-classification"),
        ("YolosForObjectDetection", "transformers/object-detection"),
        ("SegformerForSemanticSegmentation", "transformers/image-segmentation"),
        ("Mask2FormerForUniversalSegmentation", "transformers/instance-segmentation"),
        ("MaskFormerForInstanceSegmentation", "transformers/instance-segmentation"),
        ("DetrForSegmentation", "transformers/instance-segmentation"),
        ("ASTForAudioClassification", "transformers/audio-classification"),
        ("Wav2Vec2ForSequenceClassification", "transformers/audio-classification"),
        ("BertForSequenceClassification", "transformers/forward"),  # `--task` says that it is a classifier
    ],
)
def test_the_configuration_beside_a_file_tells_the_task_of_images_and_sounds(tmp_path, architecture, task):
    (tmp_path / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    (source,) = mqa_onnx.mqa_models()
    options = FileOptions(id=tmp_path / "model.onnx")
    assert source.infer_task(RunContext(exports=tmp_path), options) == task


def test_a_models_digest_is_that_of_the_files_bytes(load, file):
    model = load(file)
    assert model.file == file
    assert model.about == {"id": str(file), "format": "ONNX"}
    before = model.digest
    file.write_bytes(file.read_bytes() + b"\x00")
    assert load(file).digest != before


def test_an_onnx_file_has_no_pytorch_module(load, file):
    with pytest.raises(NotRunError, match="there is no PyTorch model behind it") as refused:
        _ = load(file).module
    assert "`onnxruntime/session` without a `path`" in refused.value.hint
    assert load(file).processor is None


def test_labels_and_longest_input_are_those_of_the_configuration_above(load, file):
    config = {"id2label": {"1": "good", "0": "bad"}, "max_position_embeddings": 64}
    (file.parent.parent / "config.json").write_text(json.dumps(config))
    assert load(file).labels == ()
    (file.parent.parent / "tokenizer_config.json").write_text("{}")
    model = load(file)
    assert model.labels == ("bad", "good")
    assert model.about["max_positions"] == 64
    with pytest.raises(DataError, match="has no tokenizer that can be loaded"):
        _ = model.processor


def test_a_folder_may_be_named(load, file, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"id2label": {"0": "a", "1": "b"}}')
    assert load(file, processor=tmp_path / "other").labels == ("a", "b")


@pytest.mark.parametrize("config", ["[]", '{"id2label": {"x": "a"}}', "{}"])
def test_a_configuration_without_labels_has_none(load, file, config):
    (file.parent / "config.json").write_text(config)
    assert load(file).labels == ()


def test_a_missing_file_and_an_unreadable_configuration_are_refused(load, file):
    with pytest.raises(DataError, match="there is no file"):
        load(file.with_name("nix.onnx"))
    (file.parent / "config.json").write_text("{")
    with pytest.raises(DataError, match=r"config\.json` cannot be read"):
        load(file)
