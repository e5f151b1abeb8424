"""`mqa parity` passes a file that predicts as its model does, fails others, and names where they differ."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app


def test_a_file_that_predicts_as_its_model_passes(parity):
    done = parity.run()
    assert done.exit_code == 0, done.output
    report = parity.report()
    assert (report["verdict"], report["first_divergence"]) == ("PASS", None)
    assert report["results"][0]["numbers"]["ratio"]["estimate"] < 10


def test_batch_invariance_is_reported_of_both_sides_and_is_not_critical(parity):
    def change(graph):  # the last row's scores stand in for those of every row
        (last,) = [node for node in graph.node if "scores" in node.output]
        last.output[0] = "own"
        graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1]), "last"))
        graph.node.append(onnx.helper.make_node("Gather", ["own", "last"], ["one"], axis=0))
        graph.node.append(onnx.helper.make_node("Sub", ["own", "own"], ["none"]))
        graph.node.append(onnx.helper.make_node("Add", ["one", "none"], ["scores"]))

    parity.damage(change)
    done = parity.run()
    assert done.exit_code == 1, done.output
    results = parity.report()["results"]
    moved = {one["backend"]: one["verdict"] for one in results if one["check"] == "invariance" and not one["critical"]}
    assert moved == {"torch": "PASS", "onnx": "FAIL"}


def test_a_few_wrong_rows_of_many_are_found(parity):
    """The task decides nothing: all rows are compared, and the file is judged by the most different too."""
    rows = np.random.default_rng(7).normal(size=(600, 8)).astype(np.float32)
    rows[[400, 500], 0] = 50
    np.savez(parity.folder / "rows.npz", x=rows)

    def change(graph):  # 0.49 more where the first number is large
        (last,) = [node for node in graph.node if "scores" in node.output]
        last.output[0] = "own"
        for name, value in (("zero", [0]), ("large", 9.0), ("more", 0.49)):
            kind = np.int64 if name == "zero" else np.float32
            graph.initializer.append(onnx.numpy_helper.from_array(np.array(value, kind), name))
        nodes = (
            ("Gather", ["x", "zero"], "first", {"axis": 1}), ("Greater", ["first", "large"], "is_large", {}),
            ("Cast", ["is_large"], "one", {"to": 1}), ("Mul", ["one", "more"], "added", {}),
            ("Add", ["own", "added"], "scores", {}),
        )  # fmt: skip
        graph.node.extend(onnx.helper.make_node(kind, given, [out], **more) for kind, given, out, more in nodes)

    assert parity.run().exit_code == 0
    report = parity.report()
    assert [one["message"] for one in report["findings"] if one["topic"] == "rows"] == [
        "80 of 600 rows were compared, the most different of 600 among them"
    ]
    parity.damage(change)
    done = parity.run("--force")
    assert done.exit_code == 1, done.output
    (tensors, *_) = parity.report()["results"]
    assert tensors["numbers"]["ratio"]["estimate"] > 1000
    assert sum(one["details"]["error"] > 0.4 for one in tensors["evidence"]["examples"]) == 2


def add_outputs(parity, *names):
    """Further outputs of the file: every value of its graph that ends like one of these."""

    def change(graph):
        values = [value for node in graph.node for value in node.output]
        for name in names:
            value = next(one for one in values if one.endswith(name))
            graph.output.append(onnx.helper.make_tensor_value_info(value, 1, None))

    parity.damage(change)


def test_an_unmatched_output_is_a_note_and_no_fault(parity):
    add_outputs(parity, "gelu")
    done = parity.run()
    assert done.exit_code == 0, done.output
    assert "which the model does not: not compared" in " ".join(done.stdout.split())
    assert parity.report()["results"][0]["evidence"]["details"]["unmatched_outputs"] == ["gelu"]


def test_an_unmatched_output_may_not_move_with_the_batch(parity):
    def change(graph):
        graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1]), "last"))
        graph.node.append(onnx.helper.make_node("Gather", ["scores", "last"], ["one"], axis=0))
        graph.node.append(onnx.helper.make_node("Sub", ["scores", "one"], ["apart"]))
        graph.output.append(onnx.helper.make_tensor_value_info("apart", 1, None))

    parity.damage(change)
    done = parity.run()
    assert done.exit_code == 1, done.output
    results = parity.report()["results"]
    assert {one["check"]: one["verdict"] for one in results if one["backend"] == "onnx"} == {
        "tensors": "PASS",
        "invariance": "FAIL",
    }
    assert all(one["critical"] for one in results)


def test_an_additional_output_is_a_note(parity):
    from onnx import helper

    parity.damage(lambda graph: graph.output.append(helper.make_tensor_value_info("layer_norm", 1, None)))
    done = parity.run()
    assert done.exit_code == 0, done.output
    assert "`layer_norm`" in done.stdout
    report = parity.report()
    assert report["first_divergence"] is None
    assert any("`layer_norm`" in note for note in report["results"][0]["evidence"]["notes"])


def test_a_file_with_another_bias_fails_and_the_module_is_named(parity):
    from onnx import numpy_helper

    def change(graph):
        bias = next(tensor for tensor in graph.initializer if tensor.name == "second.bias")
        bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.01), bias.name))

    parity.damage(change)
    done = parity.run("--reproduction")
    assert done.exit_code == 1, done.output
    found = parity.report()["first_divergence"]
    assert (found["kind"], found["module"], found["class"]) == ("weights", "second", "Linear")
    assert "second" in done.stdout
    script = parity.folder / found["reproduction"] / "reproduce.py"
    shown = subprocess.run([sys.executable, "-P", script], capture_output=True, text=True, check=False)
    assert shown.returncode == 1, shown.stderr
    assert "mqa" not in script.read_text().replace("without mqa", "")


def fix_rows(graph, rows):
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = rows


@pytest.mark.parametrize("rows", [1, 3])
def test_a_file_that_takes_a_fixed_number_of_rows_is_compared_like_any_other(parity, rows):
    from onnx import numpy_helper

    parity.damage(lambda graph: fix_rows(graph, rows))
    done = parity.run()
    assert done.exit_code == 0, done.output
    report = parity.report()
    assert report["environment"]["backends"]["onnx"]["facts"]["fixed_rows"] == rows

    def change(graph):
        bias = next(tensor for tensor in graph.initializer if tensor.name == "second.bias")
        bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.01), bias.name))

    parity.damage(change)
    done = parity.run("--reproduction")
    assert done.exit_code == 1, done.output
    found = parity.report()["first_divergence"]
    assert (found["kind"], found["module"]) == ("weights", "second")
    shown = subprocess.run(
        [sys.executable, "-P", Path(found["reproduction"], "reproduce.py")], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 1, shown.stderr


def test_a_fixed_tolerance_replaces_the_ratio(parity):
    done = parity.run("--tolerance", "1e-3", "1e-3")
    assert done.exit_code == 0, done.output
    assert "outside" in done.stdout


def test_the_limit_of_rows_holds_for_the_sample(parity):
    parity.run("--limit", "5")
    numbers = parity.report()["results"][0]["numbers"]
    assert numbers["mean"]["rows"] == 5


def test_the_verdict_is_written_to_the_stamp_of_the_file(parity):
    from mqa_onnxruntime.graph.onnx_file import read_onnx_file

    stamp = {"sha256": read_onnx_file(parity.folder / "model.onnx").sha256(), "verdict": None}
    beside = parity.folder / "model.mqa.json"
    beside.write_text(json.dumps(stamp))
    done = parity.run()
    assert done.exit_code == 0, done.output
    assert json.loads(beside.read_text())["verdict"]["verdict"] == "PASS"


def test_a_run_of_parity_can_be_judged_again(parity):
    parity.run()
    again = CliRunner().invoke(app, ["judge", "last"])
    assert again.exit_code == 0, again.output


FROZEN = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.entry = torch.nn.Linear(8, 16)
        self.out = torch.nn.Linear(16, 4)

    def forward(self, x):
        return self.out(self.entry(x).reshape(int(x.shape[0]), int(x.shape[1]), 16).mean(1))

def make():
    torch.manual_seed(7)
    return Net().eval()
"""


def test_frozen_lengths_are_reported_of_a_file_that_runs_no_row_and_renames_its_output(tmp_path, monkeypatch):
    import torch

    (tmp_path / "net.py").write_text(FROZEN)
    names: dict = {}
    exec(FROZEN, names)  # the module as the command will build it
    axes = {"x": {0: "rows", 1: "long"}, "y": {0: "rows"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's own
        torch.onnx.export(
            names["make"](), (torch.randn(2, 12, 8),), tmp_path / "net.onnx", input_names=["x"], output_names=["y"],
            dynamic_axes=axes, dynamo=False, opset_version=17,
        )  # fmt: skip
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(7).normal(size=(6, 9, 8)).astype(np.float32))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["parity", "net:make", "net.onnx", "--inputs", "rows.npz", "--allow-code"])
    assert done.exit_code == 1, done.output
    assert "the file runs only with 2 rows and 12 along axis 1 of `x`" in " ".join(done.stdout.split())
