"""What GitHub Actions shows of a report: annotations on the lines of the suite, and nothing that data asks for."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from functools import partial
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import Verdict
from mqa_registry.judging.result import CheckLocation, RunComparison
from mqa_registry.judging.waivers import AppliedWaiver, WaiverState
from mqa_reports.github import MAX_PAGE, MAX_SUMMARY, find_log, find_summary, render_annotations
from tests.cli.conftest import Project
from tests.reports.conftest import both, demo, finished, result

LOCATION = CheckLocation("suites/nlp.toml", 12, 3)
INJECTION = "::error::injected\n::add-mask::x ##[error]injected\r%0A::set-output name=a::b"


def commands(log):
    """The commands that a runner finds in a log, as its sources have it: command, properties, message."""
    found, stopped = [], None
    for line in re.split(r"\r?\n", log):
        if stopped:
            stopped = None if line.strip() == f"::{stopped}::" else stopped
            continue
        if match := re.match(r"::([a-z-]+)(?: (.*?))?::(.*)", line.lstrip()):
            name, properties, message = match.groups()
            stopped = message if name == "stop-commands" else None
            pairs = (pair.partition("=") for pair in (properties or "").split(",") if pair)
            found.append((name, {key: unescape(value) for key, _, value in pairs}, unescape(message)))
        elif "##[" in line:
            found.append(("##", {}, line))
    return [one for one in found if one[0] != "stop-commands"]


def unescape(text):
    for code, letter in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, letter)
    return text


def test_a_check_that_does_not_hold_is_an_error_on_its_line():
    broken = both("accuracy", verdict=Verdict.FAIL, note="below 0.78", location=LOCATION)
    broken[1] = replace(broken[1], note="too slow, by 5%")
    assert commands(render_annotations(finished(broken))) == [
        (
            "error",
            {"file": "suites/nlp.toml", "line": "12", "col": "3", "title": "accuracy: FAIL"},
            "torch: below 0.78\nonnx: too slow, by 5%",
        )
    ]


def test_one_that_does_not_count_is_a_warning():
    waiver = AppliedWaiver(date(2027, 1, 31), "retrained", WaiverState.ACCEPTED)
    report = finished(
        [
            result("aside", verdict=Verdict.FAIL, critical=False),
            result("known", verdict=Verdict.FAIL, waiver=waiver),
            result("late", waiver=replace(waiver, state=WaiverState.EXPIRED)),
        ]
    )
    found = [
        (name, properties["title"].partition(":")[0]) for name, properties, _ in commands(render_annotations(report))
    ]
    assert found == [("error", "late"), ("warning", "aside"), ("warning", "known")]


def test_a_run_that_holds_has_none():
    assert render_annotations(finished(demo())) == ""


def test_a_run_that_could_not_be_kept_is_an_error():
    report = replace(finished(demo()), note="the store is full", verdict=Verdict.ERROR)
    assert commands(render_annotations(report)) == [("error", {"title": "mqa: ERROR"}, "the store is full")]


def test_a_run_that_is_worse_than_an_earlier_one_is_an_error():
    report = replace(finished(demo()), against=RunComparison("a-run", "2026-11-20", Verdict.FAIL))
    ((name, properties, message),) = commands(render_annotations(report))
    assert (name, properties) == ("error", {"title": "mqa: against a-run"})
    assert message.startswith("against the run a-run of 2026-11-20: ")


def test_there_are_no_more_than_a_step_shows():
    report = finished([result(f"check {number}", verdict=Verdict.FAIL) for number in range(30)])
    assert len(commands(render_annotations(report))) == 10


def test_a_file_is_named_from_the_folder_of_the_repository(monkeypatch, tmp_path):
    (tmp_path / "repo" / "suites").mkdir(parents=True)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "repo"))
    monkeypatch.chdir(tmp_path / "repo" / "suites")
    for file in ("nlp.toml", str(tmp_path / "repo" / "suites" / "nlp.toml")):
        report = finished([result("a", verdict=Verdict.FAIL, location=replace(LOCATION, file=file))])
        ((_, properties, _),) = commands(render_annotations(report))
        assert properties["file"] == "suites/nlp.toml"


@given(st.one_of(st.just(INJECTION), st.text()))
def test_data_is_never_a_command(text):
    location = CheckLocation(text, 3, 1)
    report = finished(
        [result(text, text, verdict=Verdict.FAIL, note=text, location=location, evidence={"remarks": (text,)})]
    )
    written = render_annotations(replace(report, note=text))
    assert [name for name, _, _ in commands(written)] == ["error"] * (1 + bool(text))
    assert "\r" not in written
    assert all(line.startswith("::error ") for line in written.split("\n"))
    *_, (_, properties, _) = commands(written)
    assert set(properties) == {"file", "line", "col", "title"}


@pytest.mark.parametrize(("value", "active"), [("true", True), ("false", False), ("", False), (None, False)])
def test_it_is_active_on_a_runner_alone(monkeypatch, tmp_path, value, active):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    if value is not None:
        monkeypatch.setenv("GITHUB_ACTIONS", value)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    assert (find_log() == "-") is active
    assert (find_summary() == str(tmp_path / "summary")) is active


@pytest.mark.parametrize(("size", "has_room"), [(MAX_SUMMARY - MAX_PAGE, True), (MAX_SUMMARY - MAX_PAGE + 1, False)])
def test_a_summary_never_grows_too_large_to_be_shown(monkeypatch, tmp_path, size, has_room):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    (tmp_path / "summary").write_bytes(b"x" * size)
    assert (find_summary() is not None) is has_room


SUITE = """
format = 1
name = "replayed"
[data.reviews]
use = "datasets/file"
path = "reviews.parquet"
[backends.old]
use = "replay/file"
path = "old.parquet"

[[check]]
measure = "metrics/accuracy"
by = { use = "fairness/column", column = "domain" }
expect = { min = 0.95 }
"""


@pytest.fixture(name="pipeline")
def _pipeline(tmp_path):
    """A folder with a suite whose data asks for commands, and the command line as a runner runs it."""
    rows = 90
    labels = np.array(["no", "yes"])[np.arange(rows) % 2]
    domains = np.array(["::error::injected", "##[error]injected", "::stop-commands::x"])[np.arange(rows) % 3]
    ids = [str(number) for number in range(rows)]
    table = pa.table({"id": ids, "text": [INJECTION] * rows, "label": labels, "domain": domains})
    pq.write_table(table, tmp_path / "reviews.parquet")
    pq.write_table(pa.table({"id": ids, "label": labels[::-1]}), tmp_path / "old.parquet")
    (tmp_path / "suite.toml").write_text(SUITE, encoding="utf-8")

    runner = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    mqa = partial(Project(tmp_path).mqa, GITHUB_WORKSPACE=str(tmp_path), **runner)
    return SimpleNamespace(mqa=mqa, folder=tmp_path)


def test_a_run_in_a_pipeline_is_annotated_and_nothing_in_its_log_is_a_command_of_data(pipeline):
    done = pipeline.mqa("run", "suite.toml", "-v", "--markdown", "report.md")
    assert done.code == 1
    assert "::error::injected" in done.out
    ((name, properties, message),) = commands(done.out)
    assert (name, properties["file"], properties["line"]) == ("error", "suite.toml", "11")
    assert message.startswith("old: value in ")
    assert commands(done.err) == []
    summary = pipeline.folder / "summary.md"
    assert summary.read_text() == (pipeline.folder / "report.md").read_text()

    again = pipeline.mqa("judge", "last", "--json", "-")  # what goes to a program is that program's
    assert commands(again.err) == commands(done.out)  # a person reads there, and the kept suite has its lines
    assert pipeline.mqa("report", "last", "-q").out.count("\n::error file=suite.toml") == 1
    assert len(summary.read_text()) == 3 * len((pipeline.folder / "report.md").read_text())


def test_a_summary_that_cannot_be_written_costs_neither_the_report_nor_its_code(pipeline):
    (pipeline.folder / "summary.md").mkdir()
    done = pipeline.mqa("run", "suite.toml", "-q")
    assert done.code == 1
    assert "FAIL" in done.out
    assert "error: cannot write" in done.err


def test_lines_are_those_of_the_file_that_has_the_check_whatever_alters_it(pipeline):
    (pipeline.folder / "strict.toml").write_text(
        'extends = "suite.toml"\n\n[[check]]\nmeasure = "metrics/accuracy"\n'
        'by = { use = "fairness/column", column = "domain" }\nexpect = { min = 0.99 }\n'
    )
    for arguments, place in (
        (["strict.toml"], ("strict.toml", "3")),
        (["suite.toml", "--set", "check.metrics/accuracy.critical=false"], None),
        (["suite.toml", "--set", 'check."metrics/accuracy / fairness/column".expect.min=0.97'], ("suite.toml", "12")),
    ):
        done = pipeline.mqa("run", *arguments, "-q")
        found = [(properties["file"], properties["line"]) for _, properties, _ in commands(done.out)]
        assert found == ([place] if place else [])
