"""Suites of a clone as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
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
    """Runs the parity checks of a suite on an export whose bias of a module was moved; gives the exit code and the report."""

    def run(name, model, module, reach):
        done = CliRunner().invoke(app, ["export", str(SUITES / "models" / model), "--out", str(tmp_path / "export"),
            "--data", str(SUITES / "data" / "shapes.parquet"), "--store", str(tmp_path / "store")])  # fmt: skip
        assert done.exit_code == 0, done.output
        damage_bias(tmp_path / "export" / "model.onnx", tmp_path / "damaged.onnx", module, reach)
        done = CliRunner().invoke(app, ["run", str(SUITES / f"{name}.toml"), "--limit", "40",
            "--only", "parity/tensors", "--only", "parity/agreement", "--set", f"backends.onnx.path={tmp_path / 'damaged.onnx'}",
            "--store", str(tmp_path / "store"), "--json", str(tmp_path / "report.json")])  # fmt: skip
        return done.exit_code, json.loads((tmp_path / "report.json").read_text())

    return run


def damage_bias(file, damaged, module, reach):
    """Write an ONNX file with a slope added to the bias of a module, which no normalization takes away."""
    model = onnx.load(file)
    bias = next(one for one in model.graph.initializer if one.name.endswith(f"{module}.bias"))
    values = onnx.numpy_helper.to_array(bias)
    moved = (values + np.linspace(-reach, reach, values.size)).astype(values.dtype)
    bias.CopyFrom(onnx.numpy_helper.from_array(moved, bias.name))
    onnx.save(model, damaged)


@pytest.fixture
def recipes(monkeypatch):
    """The folder of the recipes, whose modules can be imported."""
    monkeypatch.syspath_prepend(SUITES / "recipes")
    return SUITES / "recipes"
