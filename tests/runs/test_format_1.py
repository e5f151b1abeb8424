"""A run and a report that a version of mqa wrote whose reports have format 1: they are read, and say the same today."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from mqa_registry import runs
from mqa_registry.reports import to_json
from mqa_registry.reports.report_file import load_report, read_report
from mqa_registry.runs.archive import find_run

FOLDER = Path(__file__).parent / "format_1"  # a store, and the report of the run in it


@pytest.fixture(name="report")
def _report():
    return FOLDER / "report.json"


def without_times(value):
    """Plain values without the seconds that judging took, and without verdicts of numbers, which format 1 has not."""
    if isinstance(value, dict):
        left_out = {"seconds", "verdict"} if "method" in value else {"seconds"}
        return {key: without_times(inner) for key, inner in value.items() if key not in left_out}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def test_a_report_of_format_1_is_what_judging_its_run_again_says(report):
    assert json.loads(report.read_text(encoding="utf-8"))["format"] == 1
    upgraded, judged = read_report(report), to_json(runs.judge(report, store=FOLDER))
    assert without_times(upgraded["results"]) == without_times(judged["results"])
    for key in ("format", "run", "suite", "verdict", "exit_code", "started"):
        assert upgraded[key] == judged[key]
    assert {result["verdict"] for result in judged["results"]} == {"PASS", "FAIL", "INCONCLUSIVE"}


def test_it_has_every_kind_of_evidence_that_changed_its_place(report):
    by_check = {(one["check"], one["backend"]): one for one in read_report(report)["results"]}
    typos, agreement = by_check["typos", "device"]["evidence"], by_check["agreement", "device"]["evidence"]
    assert (typos["sweep"]["passes_through"], typos["sweep"]["break_point"]) == (1, 4)
    assert typos["sweep"]["relative_corruption_error"] == {"service": 2.0}
    assert typos["mean_edits"] > 1
    assert any(one.get("perturbed", one["fields"]) != one["fields"] for one in typos["examples"])
    assert (agreement["mcnemar"]["negative_flips"], agreement["mcnemar"]["positive_flips"]) == (2, 0)
    assert agreement["details"]["flips"]["count"] == 2
    assert [one["details"] for one in agreement["examples"]] == [{"tie": False}] * 2
    assert by_check["accuracy", "device"]["evidence"]["required_rows"] > 24
    assert by_check["languages", None]["evidence"]["details"]["scripts"]["cyrillic"] == 1


def test_the_report_that_was_kept_with_the_run_is_upgraded_too(report):
    kept, given = to_json(find_run("last", FOLDER, None).report), to_json(load_report(report))
    assert without_times(kept) == without_times(given)


def test_findings_of_a_kept_run_have_their_topic_and_fix(tmp_path):
    shutil.copytree(FOLDER / "runs", tmp_path / "runs")
    (folder,) = (tmp_path / "runs").iterdir()
    content = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    finding = {"level": "note", "subject": "device", "message": "is slow", "mend": "wait", "evidence": ""}
    (folder / "run.json").write_text(json.dumps(content | {"findings": [finding]}), encoding="utf-8")
    write_checksums(folder)
    (found,) = runs.judge("last", store=tmp_path).findings
    assert (found.topic, found.message, found.fix) == ("device", "is slow", "wait")


def test_a_run_that_is_kept_today_has_the_keys_of_today(tmp_path, project):
    project.run()
    (folder,) = (project.folder / ".mqa" / "runs").iterdir()
    content = json.loads(gzip.decompress((folder / "run.json.gz").read_bytes()))
    assert content["format"] == 5
    assert content["probe_results"]
    assert all("perturbed_rows" in view for view in content["views"])
    assert json.loads(gzip.decompress((folder / "report.json.gz").read_bytes()))["format"] == 2


def write_checksums(folder):
    from mqa_registry.runs.run_folder import CHECKSUMS, drop_folder, write_folder

    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != CHECKSUMS}
    drop_folder(folder)
    write_folder(folder, files)
