from __future__ import annotations

import os

import numpy as np
import pytest

from mqa_registry import MqaError
from mqa_registry.reports.json_report import to_json
from mqa_registry.runs import RunOptions, run


def numbers(report):
    """Every result of a report, as the file would have it, without its duration."""
    results = to_json(report)["results"]
    return [{key: value for key, value in result.items() if key != "seconds"} for result in results]


@pytest.fixture
def rerun(letters, monkeypatch):
    monkeypatch.setenv("LETTERS_LOG", os.devnull)
    return lambda: numbers(run(letters.folder / "letters.toml", RunOptions(plugin_files=(letters.plugin,))))


@pytest.mark.parametrize("flips", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_a_flipped_byte_anywhere_in_the_store_gives_the_same_numbers_or_exit_3(letters, rerun, flips):
    expected = rerun()
    whole = letters.database.read_bytes()
    rng = np.random.default_rng(99)
    outcomes = []
    for place in rng.integers(len(whole), size=flips):
        flipped = bytearray(whole)
        flipped[place] ^= int(rng.integers(1, 256))
        for leftover in letters.database.parent.glob("predictions.sqlite*"):
            leftover.unlink()
        letters.database.write_bytes(flipped)
        try:
            assert rerun() == expected
            outcomes.append(0)
        except MqaError as error:
            outcomes.append(int(error.exit_code))
    assert set(outcomes) <= {0, 3}
    assert outcomes.count(0) > flips / 2


@pytest.mark.parametrize("left", [0, 10, 100, 5_000])
def test_a_store_cut_short_gives_the_same_numbers_or_exit_3(letters, rerun, left):
    expected = rerun()
    letters.database.write_bytes(letters.database.read_bytes()[:left])
    try:
        found, code = rerun(), 0
    except MqaError as error:
        found, code = expected, error.exit_code
    assert found == expected
    assert code in {0, 3}
