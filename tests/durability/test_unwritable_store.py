"""A store that cannot be written, or that two runs write at once: every run has its verdict, and nothing stored is lost."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from mqa_registry.errors import ExitCode
from mqa_registry.reports.json_report import to_json
from mqa_registry.run_options import HistoryOptions
from mqa_registry.runs import RunOptions, run
from mqa_registry.store import claim


def numbers(report):
    """Every result of a report, as the file would have it, without its duration."""
    return [{key: value for key, value in result.items() if key != "seconds"} for result in to_json(report)["results"]]


def warnings(report):
    return {finding.topic: finding.message for finding in report.findings if finding.level == "warning"}


@pytest.fixture
def rerun(letters, monkeypatch):
    """Runs the suite in this process; with what is given, for its history."""
    monkeypatch.setenv("LETTERS_LOG", os.devnull)
    monkeypatch.setenv("LETTERS_SECONDS", "0")
    return lambda **history: run(
        letters.folder / "letters.toml",
        RunOptions(plugin_files=(letters.plugin,)),
        history=HistoryOptions(**history),
    )


@pytest.fixture
def store(letters, mount):
    """The store of the suite, on a small file system, with nothing in it."""
    folder = letters.folder / ".mqa"
    folder.mkdir()
    mount(folder, "size=4m")
    claim(folder)
    return folder


def fill(store):
    """Fill the file system of a store up."""
    with pytest.raises(OSError, match="No space left"):
        (store / "ballast").write_bytes(bytes(5_000_000))


def test_a_run_on_a_full_disk_has_the_same_numbers_and_says_what_is_not_stored(letters, store, rerun):
    fill(store)
    report = rerun()
    assert warnings(report).keys() == {"store", "history"}
    assert warnings(report)["store"].startswith("no prediction of this run is stored: ")
    (store / "ballast").unlink()
    expected = rerun()
    assert not warnings(expected)
    assert (numbers(report), report.exit_code) == (numbers(expected), expected.exit_code)


def test_a_run_over_a_read_only_store_predicts_nothing_that_is_there(letters, store, rerun):
    expected = rerun()
    subprocess.run(["mount", "-o", "remount,ro", str(store)], check=True)
    report = rerun()
    assert [work.predicted for work in report.work.values()] == [0]
    assert warnings(report).keys() == {"store", "history"}
    assert (numbers(report), report.exit_code) == (numbers(expected), expected.exit_code)
    tagged = rerun(tag="v1")  # which others rely on
    assert (tagged.exit_code, tagged.tags) == (ExitCode.NOT_TRUSTWORTHY, ())


def test_a_store_that_fills_up_in_the_middle_keeps_what_it_took(letters, store, rerun):
    room = 300_000
    (store / "ballast").write_bytes(bytes((4 << 20) - room))
    report = rerun()
    assert warnings(report)["store"].startswith("not every prediction of this run is stored: ")
    (store / "ballast").unlink()
    expected = rerun()
    (work,) = expected.work.values()
    assert work.found > 0
    assert work.predicted > 0
    assert (numbers(report), report.exit_code) == (numbers(expected), expected.exit_code)


def test_two_runs_at_once_lose_no_row_that_either_has_predicted(letters):
    both = [letters.start("--json", name, LETTERS_SECONDS="0.03") for name in ("one.json", "two.json")]
    ends = [process.communicate() for process in both]
    assert {process.returncode for process in both} <= {0, 1, 4}, ends
    reports = [json.loads((letters.folder / name).read_text()) for name in ("one.json", "two.json")]
    assert not [finding for report in reports for finding in report.get("findings", ()) if finding["topic"] == "store"]
    first, second = ([result["numbers"] for result in report["results"]] for report in reports)
    assert first == second
    begun = len(letters.log)
    assert letters.run()[0] in {0, 1, 4}
    assert len(letters.log) == begun  # all is there
