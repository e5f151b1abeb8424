"""`mqa parity`: a file that answers as its model does, and files that do not, from the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app

CODE = """
import torch

class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(8, 16)
        self.norm = torch.nn.LayerNorm(16)
        self.second = torch.nn.Linear(16, 4)

    def forward(self, x):
        return self.second(torch.nn.functional.gelu(self.norm(self.first(x))))

def make():
    torch.manual_seed(7)
    return Tiny().eval()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a model of one's own, its export, and rows for both."""
    import torch

    folder = tmp_path_factory.mktemp("parity")
    (folder / "ours.py").write_text(CODE)
    names: dict = {}
    exec(CODE, names)  # the module as the command will build it
    batch = {0: torch.export.Dim("rows")}
    given = {"input_names": ["x"], "output_names": ["scores"], "dynamic_shapes": (batch,), "dynamo": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(names["make"](), (torch.randn(5, 8),), folder / "model.onnx", verbose=False, **given)
    rows = np.random.default_rng(7).normal(size=(20, 8)).astype(np.float32)
    np.savez(folder / "rows.npz", x=rows)
    return folder


@pytest.fixture
def parity(made, tmp_path, monkeypatch):
    """`mqa parity ours:make model.onnx` in a copy of that folder."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)

    def run(*more, model="ours:make", file="model.onnx"):
        return CliRunner().invoke(app, ["parity", model, file, "--inputs", "rows.npz", "--allow-code", *more])

    return SimpleNamespace(run=run, folder=tmp_path)


def damage(folder, change):
    import onnx

    model = onnx.load(str(folder / "model.onnx"))
    change(model.graph)
    onnx.save(model, str(folder / "model.onnx"))


def test_a_file_that_answers_as_its_model_passes(parity):
    done = parity.run("--json", "told.json")
    assert done.exit_code == 0, done.output
    told = json.loads((parity.folder / "told.json").read_text())
    assert (told["verdict"], told["first_divergence"]) == ("PASS", None)
    assert told["results"][0]["numbers"]["ratio"]["estimate"] < 10


def test_a_file_with_another_bias_fails_and_the_module_is_named(parity):
    from onnx import numpy_helper

    def change(graph):
        bias = next(tensor for tensor in graph.initializer if tensor.name == "second.bias")
        bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.01), bias.name))

    damage(parity.folder, change)
    done = parity.run("--json", "told.json", "--repro")
    assert done.exit_code == 1, done.output
    found = json.loads((parity.folder / "told.json").read_text())["first_divergence"]
    assert (found["kind"], found["module"], found["class"]) == ("weights", "second", "Linear")
    assert "second" in done.stdout
    script = parity.folder / found["repro"] / "repro.py"
    shown = subprocess.run([sys.executable, "-P", script], capture_output=True, text=True, check=False)
    assert shown.returncode == 1, shown.stderr
    assert "mqa" not in script.read_text().replace("without mqa", "")


def test_a_fixed_tolerance_takes_the_place_of_the_ratio(parity):
    done = parity.run("--tolerance", "1e-3", "1e-3")
    assert done.exit_code == 0, done.output
    assert "outside" in done.stdout


def test_the_verdict_goes_into_the_stamp_beside_the_file(parity):
    from mqa_onnxruntime.graph import read_graph

    stamp = {"sha256": read_graph(parity.folder / "model.onnx").sha256(), "verdict": None}
    beside = parity.folder / "model.mqa.json"
    beside.write_text(json.dumps(stamp))
    done = parity.run()
    assert done.exit_code == 0, done.output
    assert json.loads(beside.read_text())["verdict"]["verdict"] == "PASS"


def test_the_task_that_was_taken_is_told_where_none_was_named(parity):
    told = "task  transformers/forward, which takes arrays as they are"
    assert told in parity.run().stdout
    assert told not in parity.run("--task", "transformers/forward").stdout


def test_a_run_of_it_can_be_judged_again(parity):
    parity.run()
    again = CliRunner().invoke(app, ["judge", "last"])
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"file": "missing.onnx"}, "there is no file `missing.onnx`"),
        ({"file": "rows.npz"}, "rows.npz"),
        ({"model": "ours:missing"}, "has no function `missing`"),
    ],
)
def test_what_cannot_be_held_against_each_other_is_one_line_and_2(parity, more, reason):
    done = parity.run(**more)
    assert done.exit_code == 2, done.output
    assert reason in done.stderr


def test_two_kinds_of_rows_are_refused(parity):
    done = parity.run("--data", "rows.csv")
    assert (done.exit_code, "both name rows" in done.stderr) == (2, True)


def test_code_is_not_run_without_its_flag(parity):
    done = CliRunner().invoke(app, ["parity", "ours:make", "model.onnx", "--inputs", "rows.npz"])
    assert (done.exit_code, "--allow-code" in done.stderr) == (2, True)
