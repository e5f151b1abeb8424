"""Suites of a clone as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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
    """Runs a suite, or some of its checks, by their names, with a store of its own; gives the report. It has to end with 0."""

    def run(name, *checks):
        folder = tmp_path_factory.mktemp(name)
        command = [sys.executable, "-m", "mqa_registry.cli", "run", str(SUITES / f"{name}.toml")]
        command += ["--store", str(folder / "store"), "--json", str(folder / "report.json")]
        command += [part for check in checks for part in ("--only", check)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads((folder / "report.json").read_text())

    return run


@pytest.fixture
def recipes(monkeypatch):
    """The folder of the recipes, whose modules can be imported."""
    monkeypatch.syspath_prepend(SUITES / "recipes")
    return SUITES / "recipes"
