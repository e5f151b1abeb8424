"""Reports of format 1 as reports of format 2, key by key, and the page that has the same tables."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import mqa_registry
from mqa_registry.contributions import ExampleRow
from mqa_registry.findings import Finding
from mqa_registry.judging.result import McNemarTest, ResultEvidence, SweepSummary
from mqa_registry.reports import format_1
from mqa_registry.reports.format_1 import upgrade_report

PAGE = Path(mqa_registry.__file__).parent / "REPORT_FORMATS.md"
DIGEST = {"characters": 501, "sha256": "0"}


def upgraded(**result):
    (found,) = upgrade_report({"format": 1, "run": "r", "results": [{"check": "one", **result}]})["results"]
    return found


def test_what_is_no_evidence_is_as_it_was():
    report = {"format": 1, "run": "r", "suite": {"missing": 1}, "results": [{"check": "trace", "numbers": {"p": 1}}]}
    assert upgrade_report(report) == report | {"format": 2}


@pytest.mark.parametrize(("old", "new"), format_1.EVIDENCE.items())
def test_a_key_of_evidence_is_renamed_and_its_value_kept(old, new):
    assert upgraded(evidence={old: [3]})["evidence"] == {new: [3]}


@pytest.mark.parametrize("key", format_1.EVIDENCE_STAYED)
def test_a_key_of_evidence_that_stayed_is_as_it_was(key):
    assert upgraded(evidence={key: 3})["evidence"] == {key: 3}


def test_what_a_plugin_says_is_under_details():
    given = {"remarks": ["so"], "flips": {"count": 2}, "terms": []}
    assert upgraded(evidence=given)["evidence"] == {"remarks": ["so"], "details": {"flips": {"count": 2}, "terms": []}}


@pytest.mark.parametrize(("key", "names"), [("mcnemar", format_1.MCNEMAR), ("sweep", format_1.SWEEP)])
def test_keys_of_a_test_and_of_a_sweep_are_renamed(key, names):
    old = {name: number for number, name in enumerate((*names, "break_point"))}
    new = {name: number for number, name in enumerate((*names.values(), "break_point"))}
    assert upgraded(evidence={key: old})["evidence"] == {key: new}


def test_an_example_has_one_name_for_each_prediction():
    for judged, compared in (("prediction", "reference"), ("candidate", "reference"), ("after", "before")):
        example = {"id": "r", judged: "a", compared: "b", "disturbed": {"text": "x"}, "tie": True, "margin": 0.1}
        assert upgraded(evidence={"examples": [example]})["evidence"]["examples"] == [
            {
                "id": "r", "prediction": "a", "reference": "b", "perturbed": {"text": "x"}, "margin": 0.1,
                "details": {"tie": True},
            }
        ]  # fmt: skip


def test_a_truncated_text_is_found_where_it_stands_now():
    cut = dict.fromkeys(("fields.text", "disturbed.text", "candidate", "other.fields.text"), DIGEST)
    (example,) = upgraded(evidence={"examples": [{"id": "r", "cut": cut}]})["evidence"]["examples"]
    assert example["truncated"] == dict.fromkeys(
        ("fields.text", "perturbed.text", "prediction", "details.other.fields.text"), DIGEST
    )


def test_a_severity_says_how_many_edits_by_its_new_key():
    step = {"severity": 1, "evidence": {"rows": 9, "changed": 3, "declined": 0, "edits": 1.5}}
    (found,) = upgraded(series=[step])["series"]
    assert found["evidence"] == {"rows": 9, "changed": 3, "declined": 0, "mean_edits": 1.5}


def test_a_finding_has_a_topic_and_a_fix():
    finding = {"level": "note", "subject": "x", "message": "y", "mend": "z", "evidence": ""}
    (found,) = upgrade_report({"format": 1, "results": [], "findings": [finding]})["findings"]
    assert (Finding(**found).topic, Finding(**found).fix) == ("x", "z")


@pytest.mark.parametrize("result", [{}, 3, None, {"evidence": None, "series": 3}, {"series": [1, {"evidence": []}]}])
def test_what_is_not_as_format_1_has_it_is_left_alone(result):
    assert upgrade_report({"format": 1, "results": [result]})["results"] == [result]


@pytest.mark.parametrize(
    ("record", "renamed", "stayed"),
    [
        (ResultEvidence, format_1.EVIDENCE, format_1.EVIDENCE_STAYED),
        (McNemarTest, format_1.MCNEMAR, ()),
        (SweepSummary, format_1.SWEEP, ("break_point",)),
        (ExampleRow, format_1.EXAMPLE, format_1.EXAMPLE_STAYED),
    ],
)
def test_the_new_keys_are_the_fields_of_the_records(record, renamed, stayed):
    names = {field.name for field in fields(record)}
    assert {*renamed.values(), *stayed} == names - {"details", "lost", "too_close"}  # later than format 1


def test_the_page_has_every_key_that_changed():
    rows = re.findall(r"^\| `(\S+)` \| `(\S+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    tables = (format_1.EVIDENCE, format_1.MCNEMAR, format_1.SWEEP, format_1.EXAMPLE, format_1.FINDING)
    assert rows == [pair for names in tables for pair in names.items()]
