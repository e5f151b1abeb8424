"""Suites changed at random are read, or refused with the place; what is said of them has no control characters."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_registry.errors import SuiteError
from mqa_registry.run_options import RunOptions
from mqa_registry.runs.pipeline import make_plan
from mqa_registry.suite import read, render

SUITES = sorted((Path(__file__).parents[2] / "suites").glob("*.toml"))


@pytest.mark.slow
@pytest.mark.trials(2000)
def test_changed_suites(fuzz, tmp_path):
    path = tmp_path / "suite.toml"

    def planned():
        try:
            make_plan(read(path), RunOptions(), files=False)
        except SuiteError as error:
            told = [line for problem in error.problems for line in render(problem).split("\n")]
            if not all(map(str.isprintable, told)):
                raise ValueError(told) from error
            raise

    for content in fuzz.changed([suite.read_bytes() for suite in SUITES]):
        path.write_bytes(content)
        fuzz.tried(planned, content)
    assert fuzz.outcomes["refused"] > fuzz.trials / 2
