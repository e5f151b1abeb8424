"""Folders of models and ONNX files, one file changed at random, are loaded or refused in one line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import mqa_transformers
from mqa_registry import NotRunError, RunContext
from mqa_registry.errors import ExitCode
from mqa_registry.runs import RunOptions, run
from mqa_transformers.model_source import AutoOptions, AutoSource

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
        model = AutoSource().load(TEXTS, RunContext(tmp_path), AutoOptions(id=folder))
        return model.processor, model.module

    for content in fuzz.changed([(DEMO / name).read_bytes()], binary=name.endswith(".safetensors")):
        (folder / name).write_bytes(content)
        fuzz.tried_apart(loaded, content)


@pytest.fixture
def small(tmp_path):
    """A folder with a small ONNX file, rows for it, and a suite that has ONNX Runtime run it as it is and unoptimized."""
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])
    got = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])
    weight = helper.make_tensor("w", TensorProto.FLOAT, [4, 2], [float(number) for number in range(8)])
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]
    graph = helper.make_graph(nodes, "g", [given], [got], [weight])
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(whole, tmp_path / "model.onnx")
    np.savez(tmp_path / "rows.npz", x=np.ones((4, 4), np.float32))
    (tmp_path / "suite.toml").write_text(
        'format = 1\nname = "small"\n[data.rows]\nuse = "datasets/arrays"\npath = "rows.npz"\n'
        '[model]\nuse = "onnx/file"\nid = "model.onnx"\ntask = "transformers/forward"\n'
        '[backends.plain]\nuse = "onnxruntime/session"\noptimization = "disabled"\n[backends.fast]\nuse = "onnxruntime/session"\n'
        '[[check]]\nmeasure = "parity/tensors"\nexpect.max_abs = { max = 1e-3 }\n'
    )
    return tmp_path


@pytest.mark.slow
@pytest.mark.trials(500)
def test_changed_onnx(fuzz, small):
    """What ONNX Runtime crashes of is tried again as the command, which has to say so in one line."""
    path, suite = small / "model.onnx", small / "suite.toml"
    whole = path.read_bytes()

    def ran():
        report = run(suite, RunOptions(timeout=10.0))
        if report.exit_code == ExitCode.NOT_TRUSTWORTHY:
            raise NotRunError(next(result.note for result in report.results if result.note))

    ran()  # once, so that no trial has to load what it needs
    for content in fuzz.changed([whole], size=8, binary=True):
        path.write_bytes(content)
        shutil.rmtree(small / ".mqa", ignore_errors=True)
        if fuzz.tried_apart(ran, content, may_crash=True):
            continue
        done = subprocess.run(
            [sys.executable, "-m", "mqa_registry.cli", "run", "suite.toml", "--timeout", "10"], cwd=small, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == ExitCode.NOT_TRUSTWORTHY, (done, content)
        assert done.stderr.count("error: ") == 1, (done, content)
