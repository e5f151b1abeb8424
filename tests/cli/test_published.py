"""Pairs as publishers ship them: TorchScript with a state inside, and a file that is given it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

WIDTH, BEFORE = 6, 2  # samples of a window, and of the one before that the file is given with it
SAID = ["--allow-code", "--inputs", "windows.npz", "--constant", "state=0", "--batch-axis", "stateN=1"]
CODE = """
import torch

class Cell(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = torch.nn.LSTMCell(8, 8)
        self.out = torch.nn.Linear(8, 1)

    def forward(self, input, state, sr):
        h, c = self.cell(input * (16000 / sr), (state[0], state[1]))
        return torch.sigmoid(self.out(h.to(torch.float32))), torch.stack([h, c])

class Listener(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell
        self.state = torch.zeros(0)
        self.before = torch.zeros(0)

    def forward(self, x, sr: int):
        if not len(self.state):
            self.state = torch.zeros((2, x.shape[0], 8), dtype=torch.float32)
            self.before = torch.zeros((x.shape[0], 2), dtype=torch.float32)
        whole = torch.cat([self.before, x], 1)
        found, self.state = self.cell(whole, self.state, torch.tensor(sr))
        self.before = whole[:, -2:]
        return found
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    import torch

    folder = tmp_path_factory.mktemp("published")
    (folder / "vad.py").write_text(CODE)
    module = _module(folder / "vad.py")
    torch.manual_seed(7)
    cell = module.Cell().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript and the exporter that goes by it are called outdated
        torch.jit.save(torch.jit.script(module.Listener(cell).eval()), folder / "vad.jit")
        axes = {"input": {0: "rows"}, "state": {1: "rows"}, "output": {0: "rows"}, "stateN": {1: "rows"}}
        given = (torch.ones(3, WIDTH + BEFORE), torch.ones(2, 3, 8), torch.tensor(16000))
        names = {"input_names": ["input", "state", "sr"], "output_names": ["output", "stateN"]}
        torch.onnx.export(cell, given, folder / "vad.onnx", dynamic_axes=axes, dynamo=False, **names)
    windows = np.random.default_rng(7).normal(size=(20, WIDTH)).astype(np.float32)
    _save(folder, windows, BEFORE)
    return folder


def _module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _save(folder, windows, before):
    rates = np.full(len(windows), 16000)
    np.savez(folder / "windows.npz", x=windows, input=np.pad(windows, ((0, 0), (before, 0))), sr=rates)


def _parity(folder, name="vad"):
    done = CliRunner().invoke(app, ["parity", f"{name}.jit", f"{name}.onnx", *SAID, "--json", "told.json", "--force"])
    assert (folder / "told.json").is_file(), done.output
    return SimpleNamespace(code=done.exit_code, output=done.output, told=json.loads((folder / "told.json").read_text()))


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_sound_pair_passes_by_the_ratio(folder):
    done = _parity(folder)
    assert done.code == 0, done.output
    tensors = done.told["results"][0]
    assert 0 < tensors["numbers"]["ratio"]["estimate"] < 10
    assert tensors["evidence"]["notes"] == [
        "the file also gives `stateN`, which the model does not: not compared",
        "the model is given `x`, which the file does not take",
        "the file is given `input`, which the model does not take",
    ]


@pytest.mark.parametrize("change", [
    lambda values: values + 0.01 * (np.arange(values.size).reshape(values.shape) == 3),
    lambda values: values * np.float32(1.0001),
])  # fmt: skip
def test_a_weight_that_is_another_fails(folder, change):
    import onnx
    from onnx import numpy_helper

    model = onnx.load("vad.onnx")
    (weight,) = [tensor for tensor in model.graph.initializer if tensor.name.endswith("out.weight")]
    weight.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(weight)).astype(np.float32), weight.name))
    onnx.save(model, "vad.onnx")
    done = _parity(folder)
    assert done.code == 1, done.output
    assert done.told["first_divergence"]["kind"] == "weights"


@pytest.mark.skipif(importlib.util.find_spec("silero_vad") is None, reason="silero-vad is not installed")
def test_silero_vad_passes_as_it_is_published(tmp_path, monkeypatch):
    data = Path(importlib.util.find_spec("silero_vad").origin).parent / "data"
    for name in ("silero_vad.jit", "silero_vad.onnx"):
        shutil.copy(data / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    _save(tmp_path, np.random.default_rng(7).normal(0, 0.1, size=(24, 512)).astype(np.float32), 64)
    done = _parity(tmp_path, "silero_vad")
    assert done.code == 0, done.output
    assert done.told["results"][0]["numbers"]["ratio"]["estimate"] < 10
