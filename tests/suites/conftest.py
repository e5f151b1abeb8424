"""Suites of a clone as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app

SUITES = Path(__file__).parents[2] / "suites"


@pytest.fixture(scope="session")
def expect_sound():
    """Expects of a suite, by its name, that `mqa validate` has nothing to say of it."""

    def validate(name):
        done = CliRunner().invoke(app, ["validate", str(SUITES / f"{name}.toml")])
        assert (done.exit_code, done.stderr) == (0, "")

    return validate


@pytest.fixture(scope="module")
def run_suite(tmp_path_factory):
    """Runs a suite, or some of its checks, by their names, with a store of its own; gives the report.

    `settings` set keys of the suite. The run has to end with the exit code.
    """

    def run(name, *checks, settings=(), exit_code=0):
        folder = tmp_path_factory.mktemp(name)
        command = [sys.executable, "-m", "mqa_registry.cli", "run", str(SUITES / f"{name}.toml")]
        command += ["--store", str(folder / "store"), "--json", str(folder / "report.json")]
        command += [part for check in checks for part in ("--only", check)]
        command += [part for setting in settings for part in ("--set", setting)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == exit_code, done.stdout + done.stderr
        return json.loads((folder / "report.json").read_text())

    return run


@pytest.fixture
def run_damaged(tmp_path):
    """Runs the parity checks of a suite on rows of its data and a damaged export; gives the exit code and the report.

    `damage` changes the graph of the sound export.
    """

    def run(name, model, damage, rows):
        done = CliRunner().invoke(app, ["export", str(SUITES / "models" / model), "--out", str(tmp_path / "export"),
            "--data", str(SUITES / "data" / "shapes.parquet"), "--store", str(tmp_path / "store")])  # fmt: skip
        assert done.exit_code == 0, done.output
        export = onnx.load(tmp_path / "export" / "model.onnx")
        damage(export.graph)
        onnx.save(export, tmp_path / "damaged.onnx")
        done = CliRunner().invoke(app, ["run", str(SUITES / f"{name}.toml"), "--limit", str(rows),
            "--only", "parity/tensors", "--only", "parity/agreement", "--set", f"backends.onnx.path={tmp_path / 'damaged.onnx'}",
            "--store", str(tmp_path / "store"), "--json", str(tmp_path / "report.json")])  # fmt: skip
        return done.exit_code, json.loads((tmp_path / "report.json").read_text())

    return run


def change_bias(graph, module, change):
    """Put what `change` makes of the bias of a module into its place; gives the name of it in the graph."""
    (bias,) = (one for one in graph.initializer if one.name.endswith(f"{module}.bias"))
    _change(bias, change)
    return bias.name


def change_linear(graph, module, change):
    """Change the bias, shape (outputs,), and the weight, shape (inputs, outputs), of a linear module of an export.

    The weight has no name of its own there: it is what is multiplied by before the bias is added.
    """
    bias = change_bias(graph, module, change)
    (addition,) = (node for node in graph.node if bias in node.input)
    (product,) = (node for node in graph.node if set(node.output) & set(addition.input))
    (weight,) = (one for one in graph.initializer if one.name in product.input)
    assert (addition.op_type, product.op_type) == ("Add", "MatMul")
    _change(weight, change)


def _change(tensor, change):
    values = onnx.numpy_helper.to_array(tensor)
    tensor.CopyFrom(onnx.numpy_helper.from_array(change(values).astype(values.dtype), tensor.name))


@pytest.fixture
def recipes(monkeypatch):
    """The folder of the recipes, whose modules can be imported."""
    monkeypatch.syspath_prepend(SUITES / "recipes")
    return SUITES / "recipes"
