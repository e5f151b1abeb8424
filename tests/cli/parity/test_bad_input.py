"""Bad input of `mqa parity` is one line with a hint, before anything is predicted."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"file": "missing.onnx"}, "there is no file `missing.onnx`"),
        ({"file": "rows.npz"}, "rows.npz"),
        ({"model": "ours:missing"}, "has no function `missing`"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_exit_code_2(parity, more, reason):
    done = parity.run(**more)
    assert done.exit_code == 2, done.output
    assert reason in done.stderr


@pytest.mark.parametrize("file", [".", "no/such/folder.json", "x" * 300])
def test_a_report_that_cannot_be_written_is_refused_before_anything_is_predicted(parity, file):
    done = parity.run("--json", file)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"`{file}`" in done.stderr
    assert not (parity.folder / ".mqa").exists()


def test_two_kinds_of_rows_are_refused(parity):
    done = parity.run("--data", "rows.csv")
    assert (done.exit_code, "both name rows" in done.stderr) == (2, True)


def test_arrays_as_data_are_refused_with_a_hint(parity):
    done = CliRunner().invoke(app, ["parity", "ours:make", "model.onnx", "--data", "rows.npz"])
    assert (done.exit_code, "`--inputs rows.npz`" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("more", "error", "hint"),
    [
        (["--inputs", "rows.csv"], "`rows.csv` is no `.npz` of arrays", "rows are named with `--data rows.csv`"),
        (["--data", "gone.csv"], "there is no file `gone.csv`", ""),
        ([], "`model.onnx` is exported already", "name the file that it is compared with"),
    ],
)
def test_rows_that_are_none_and_a_file_without_another_are_refused(parity, more, error, hint):
    done = CliRunner().invoke(app, ["parity", "model.onnx", *more])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {error}")
    assert f"hint: {hint}" in done.stderr


def test_code_is_not_run_without_its_flag(parity):
    done = CliRunner().invoke(app, ["parity", "ours:make", "model.onnx", "--inputs", "rows.npz"])
    assert (done.exit_code, "--allow-code" in done.stderr) == (2, True)


@pytest.fixture
def odd(parity):
    """A copy of the folder, whose name is no UTF-8."""
    if sys.platform == "darwin":
        pytest.skip("its file systems take no such name")
    return shutil.copytree(parity.folder, Path(os.fsdecode(b"f\xff")))


def test_a_run_with_a_path_that_is_no_utf8_is_stored_and_judged_again(parity, odd):
    done = parity.run("--inputs", str(odd / "rows.npz"))
    assert done.exit_code == 0, done.output
    again = CliRunner().invoke(app, ["judge", "last"])
    assert again.exit_code == 0, again.output


def test_a_file_with_a_path_that_is_no_utf8_is_not_run_and_the_report_says_why(parity, odd):
    done = parity.run(file=str(odd / "model.onnx"))
    assert done.exit_code == 3
    assert "opens no file whose path is not UTF-8" in " ".join(done.stdout.split())
