"""The tools that editors check TOML with: they find nothing wrong with the suites of a clone, and a fault where one is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mqa_registry.plugins import load_all
from mqa_registry.suite import json_schema

SUITES = sorted((Path(__file__).parents[2] / "suites").glob("*.toml"))
STRICT = '[schema]\nenabled = true\nstrict = true\n[[schemas]]\npath = "{schema}"\ninclude = ["suites/*.toml"]\n'


@pytest.fixture(params=["taplo", "tombi"])
def linted(request, tmp_path):
    """What one of the tools says of a suite of this text, and whether it is content."""
    tool = shutil.which(request.param, path=str(Path(sys.executable).parent)) or shutil.which(request.param)
    if tool is None:
        pytest.skip(f"{request.param} is not installed")
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps(json_schema(load_all())))
    (tmp_path / "tombi.toml").write_text(STRICT.format(schema=schema))
    (tmp_path / "suites").mkdir()
    how = ["check", "--schema", schema.as_uri()] if request.param == "taplo" else ["lint", "--offline"]

    def lint(text):
        (tmp_path / "suites" / "suite.toml").write_text(text)
        done = subprocess.run(
            [tool, *how, "suites/suite.toml"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        output = done.stdout + done.stderr
        return done.returncode == 0 and "strict mode" not in output and "not allowed" not in output, output

    return lint


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_a_suite_has_no_unknown_key(linted, suite):
    sound, output = linted(suite.read_text())
    assert sound, output


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("seed = 7", "sead = 7"),
        ('use = "datasets/file"', 'use = "datasets/flie"'),
        ("confidence = 0.95", "confidence = 95"),
    ],
)
def test_a_fault_is_found(linted, right, wrong):
    text = next(path for path in SUITES if path.stem == "fairness").read_text()
    assert right in text
    sound, _ = linted(text.replace(right, wrong, 1))
    assert not sound
