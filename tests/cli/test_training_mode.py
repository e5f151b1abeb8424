"""Files that were exported in training mode: told of, and no cover for a fault behind a dropout."""

from __future__ import annotations

import json
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app

CODE = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(8, 16)
        self.drop = torch.nn.Dropout(0.1)
        self.second = torch.nn.Linear(16, 4)

    def forward(self, x):
        return self.second(self.drop(torch.relu(self.first(x)))).tanh()

def make():
    torch.manual_seed(7)
    return Net().eval()
"""


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """`mqa parity` of such a file."""
    import torch

    monkeypatch.chdir(tmp_path)
    (tmp_path / "ours.py").write_text(CODE)
    names: dict = {}
    exec(CODE, names)  # the module as the command will build it
    mode = {"training": torch.onnx.TrainingMode.TRAINING, "do_constant_folding": False, "dynamo": False}
    axes = {"input_names": ["x"], "dynamic_axes": {"x": {0: "rows"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(names["make"]().train(), (torch.randn(5, 8),), "model.onnx", **axes, **mode)
    np.savez("rows.npz", x=np.random.default_rng(7).normal(size=(20, 8)).astype(np.float32))

    def run():
        command = ["parity", "ours:make", "model.onnx", "--inputs", "rows.npz", "--allow-code"]
        done = CliRunner().invoke(app, [*command, "--json", "told.json", "--force"])
        return SimpleNamespace(
            code=done.exit_code, output=done.output, told=json.loads((tmp_path / "told.json").read_text())
        )

    return run


def test_it_is_told_of_a_file_that_passes(trained):
    done = trained()
    assert done.code == 0, done.output
    (note,) = done.told["results"][0]["evidence"]["notes"]
    assert note == (
        "it was exported in training mode, and a runtime that does as the file says drops at random or normalizes by the"
        " batch: /drop/Dropout (Dropout); export the model after `eval()`"
    )


def test_a_fault_behind_a_dropout_is_not_blamed_on_it(trained):
    import onnx

    model = onnx.load("model.onnx")
    (last,) = [node for node in model.graph.node if node.op_type == "Tanh"]
    last.op_type = "Erf"
    onnx.save(model, "model.onnx")
    done = trained()
    assert done.code == 1, done.output
    found = done.told["first_divergence"]
    assert (found["kind"], found["node"]) == ("exporter", "/Tanh")
