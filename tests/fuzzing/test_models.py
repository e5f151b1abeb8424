"""Folders of models and ONNX files, one file changed at random, are loaded or refused in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import mqa_transformers
from mqa_registry import Conditions
from mqa_transformers.source import auto

DEMO = Path(__file__).parents[2] / "suites/models/reviews-minilm"
TEXTS = next(task for task in mqa_transformers.mqa_tasks() if task.name == "text-classification")
FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")


@pytest.mark.slow
@pytest.mark.trials(60)
@pytest.mark.parametrize("name", FILES)
def test_changed_folders(fuzz, tmp_path, name):
    import torch  # noqa: F401 - once, before every trial has a process of its own
    import transformers  # noqa: F401

    if not (DEMO / name).is_file():
        pytest.skip(f"the model has no `{name}`")
    folder = Path(shutil.copytree(DEMO, tmp_path / "model"))

    def loaded():
        model = auto(TEXTS, Conditions(tmp_path), id=folder)
        return model.processor, model.module

    for content in fuzz.changed([(DEMO / name).read_bytes()], binary=name.endswith(".safetensors")):
        (folder / name).write_bytes(content)
        fuzz.tried_apart(loaded, content)


@pytest.mark.slow
@pytest.mark.trials(200)
def test_changed_onnx(fuzz, tmp_path):
    import onnx
    from onnx import TensorProto, helper

    from mqa_onnxruntime.graph import read_graph

    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])
    got = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])
    weight = helper.make_tensor("w", TensorProto.FLOAT, [4, 2], [float(number) for number in range(8)])
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]
    graph = helper.make_graph(nodes, "g", [given], [got], [weight])
    path = tmp_path / "model.onnx"
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(whole)
    for content in fuzz.changed([whole.SerializeToString()], size=8, binary=True):
        path.write_bytes(content)
        fuzz.tried_apart(lambda: read_graph(path).facts, content)
