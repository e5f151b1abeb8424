from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_registry.contributions import ExampleRow
from mqa_registry.errors import NotRunError
from mqa_registry.judging.result import Number, Part, Result, ResultEvidence, Step, StepEvidence, Verdict
from mqa_registry.reports import SuiteIdentity, to_json, without_examples, write_report

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
    max_leaves=8,
)
NUMBERS = st.builds(
    Number,
    estimate=st.none() | st.floats(),
    low=st.none() | st.floats(),
    high=st.none() | st.floats(),
    rows=st.integers(0),
    method=st.text(),
    corrected=st.none() | st.tuples(st.floats(), st.floats()),
)
SUITE = SuiteIdentity("gate", "gate.toml", "sha256:s", 0, math.nan)
PARTS = {
    "verdict": st.sampled_from(Verdict),
    "numbers": st.dictionaries(st.text(), NUMBERS, max_size=3),
    "note": st.text(),
}
RESULTS = st.builds(
    Result,
    **PARTS,
    measure=st.dictionaries(st.text(), VALUES, max_size=2),
    perturb=VALUES,
    groups=st.dictionaries(st.text(), st.builds(Part, **PARTS), max_size=2),
    series=st.tuples(st.builds(Step, **PARTS, severity=st.floats(0, 5))),
    evidence=st.builds(ResultEvidence, details=st.dictionaries(st.text(), VALUES, max_size=2)),
)


@pytest.fixture(name="report")
def _report(make):
    return make.finished(make.demo())


def test_the_report_has_the_keys_of_the_contract_and_no_others(report):
    found = to_json(report)
    assert list(found) == [
        "format", "run", "suite", "verdict", "exit_code", "started", "seconds", "environment", "backends", "work",
        "results",
    ]  # fmt: skip
    assert list(found["suite"]) == ["name", "path", "digest", "seed", "confidence"]
    assert list(found["results"][0]) == [
        "check", "measure", "definition", "data", "backend", "perturb", "by", "against", "expect", "critical", "tags",
        "verdict", "note", "numbers", "groups", "series", "evidence", "seconds",
    ]  # fmt: skip
    value = {"estimate": 0.813, "low": pytest.approx(0.801), "high": 0.825, "rows": 4200, "method": "exact"}
    assert found["results"][0]["numbers"] == {"value": value}


def test_a_group_and_a_severity_have_the_keys_of_the_contract(make):
    grouped = make.sliced("domains", 0.1, {"nyt": make.part(0.75, 1050)})[0]
    swept = make.result("sweep", series=(make.step(1, 0.02),))
    found = to_json(make.finished([grouped, swept]))["results"]
    assert list(found[0]["groups"]["nyt"]) == ["verdict", "numbers"]
    assert list(found[1]["series"][0]) == ["severity", "verdict", "numbers", "groups"]
    said = make.result("sweep", series=(make.step(1, 0.02, evidence=StepEvidence(40, 12, 0, 1.5)),))
    (found,) = to_json(make.finished([said]))["results"]
    assert found["series"][0]["evidence"] == {"rows": 40, "changed": 12, "declined": 0, "mean_edits": 1.5}


def test_the_corrected_interval_stands_beside_the_other_where_there_is_one(make):
    number = Number(0.9, 0.8, 0.95, 100, "exact", corrected=(0.75, 0.97))
    found = to_json(make.finished([make.result("one", numbers={"value": number})]))
    assert found["results"][0]["numbers"]["value"]["corrected"] == [0.75, 0.97]


def test_a_number_has_its_own_verdict_where_something_is_expected_of_it(make):
    number = Number(0.9, 0.8, 0.95, 100, "exact", verdict=Verdict.FAIL)
    found = to_json(make.finished([make.result("one", numbers={"value": number})]))
    assert found["results"][0]["numbers"]["value"]["verdict"] == "FAIL"


def test_times_are_in_utc(report):
    elsewhere = datetime(2026, 11, 22, 3, 58, 59, 999_999, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert to_json(replace(report, started=elsewhere))["started"] == "2026-11-21T22:28:59Z"


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(results=st.lists(RESULTS, max_size=3))
def test_no_number_of_the_file_is_nan_or_infinite(results):
    report = _bare_report(results)
    text = json.dumps(to_json(report), allow_nan=False)
    assert json.loads(text) == to_json(report)


def _bare_report(results):
    from mqa_registry.errors import ExitCode
    from mqa_registry.reports import Report

    started = datetime(2026, 11, 21, tzinfo=UTC)
    return Report("run", SUITE, Verdict.PASS, ExitCode.OK, started, math.nan, {"load": math.inf}, tuple(results))


def test_a_number_that_is_undefined_is_null_with_the_reason_in_the_note(make):
    numbers = {"value": Number(math.nan, 0.1, math.inf, 3, "bca"), "drop": Number(None, None, None, 3, "none")}
    (found,) = to_json(make.finished([make.result("one", numbers=numbers)]))["results"]
    assert found["numbers"]["value"] == {"estimate": None, "low": 0.1, "high": None, "rows": 3, "method": "bca"}
    assert found["note"] == "`value` came out as NaN; `drop` is undefined"


def test_the_judges_own_reason_stands_alone(make):
    part = Part(Verdict.INCONCLUSIVE, {"value": Number(None, None, None, 3, "none")}, "one class only")
    (found,) = to_json(make.finished([make.result("one", groups={"nyt": part})]))["results"]
    assert found["groups"]["nyt"]["note"] == "one class only"
    assert found["note"] == ""


def test_numbers_of_numpy_and_other_objects_become_plain(make):
    evidence = {
        "count": np.int64(3),
        "share": np.float32(0.5),
        "flag": np.bool_(True),
        "table": np.array([[1.0, math.nan]]),
        "path": Path("a/b"),
        "verdict": Verdict.PASS,
        "half an emoji": "\ud83d",
    }
    (found,) = to_json(make.finished([make.result("one", evidence={"details": evidence})]))["results"]
    assert found["evidence"]["details"] == {
        "count": 3, "share": 0.5, "flag": True, "table": [[1.0, None]], "path": "a/b", "verdict": "PASS",
        "half an emoji": "\ud83d",
    }  # fmt: skip
    assert {type(value) for value in found["evidence"]["details"].values()} == {int, float, bool, list, str}


def test_a_dash_writes_to_standard_output_and_nothing_else(report, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_report(report, "-")
    out, err = capsys.readouterr()
    assert json.loads(out) == to_json(report)
    assert err == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), NotRunError),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), BrokenPipeError),
    ],
)
def test_a_full_disk_behind_standard_output_is_told_and_a_reader_who_left_is_not(report, monkeypatch, error, raised):
    class Full(io.StringIO):
        def flush(self):
            raise error

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(raised):
        write_report(report, "-")


def test_the_file_is_ascii_so_that_no_text_in_it_acts_on_a_terminal(make, tmp_path):
    hostile = "\x1b[31m \u202e \x9b \x7f ✓ \ud83d"
    write_report(make.finished([make.result(hostile)]), tmp_path / "report.json")
    text = (tmp_path / "report.json").read_bytes()
    assert all(byte == 10 or 32 <= byte < 127 for byte in text)
    assert json.loads(text)["results"][0]["check"] == hostile


def test_without_examples_no_word_of_a_row_is_left_and_its_id_is(make):
    secret = ExampleRow(
        "r-1", {"text": "secret"}, {"text": "secret"}, target="secret", prediction="secret", probability=0.9,
        reference={"label": "secret"}, details={"words": ["secret"], "other": "secret", "edits": 3},
    )  # fmt: skip
    evidence = {"examples": (secret,), "changed": 12, "traceback": "ValueError: secret"}
    report = make.finished([make.result("one", evidence=evidence), make.result("two")])
    bare = without_examples(report)
    assert "secret" not in json.dumps(to_json(bare))
    example = ExampleRow("r-1", probability=0.9, details={"edits": 3})
    assert bare.results[0].evidence == ResultEvidence(examples=(example,), changed=12)
    assert bare.results[1] == report.results[1]
    assert "secret" in json.dumps(to_json(report))


def test_a_long_text_of_a_row_is_cut_and_its_digest_tells_the_whole(make):
    whole = "ß" * 1_000_000
    example = ExampleRow(
        "r", {"text": whole, "short": "x" * 500}, reference=[{"text": whole + "."}], details={"other": whole}
    )
    report = make.finished([make.result("one", evidence={"examples": (example,)})])
    (found,) = to_json(report)["results"][0]["evidence"]["examples"]
    assert found["fields"] == {"text": whole[:500], "short": "x" * 500}
    digest = {"characters": 1_000_000, "sha256": hashlib.sha256(whole.encode()).hexdigest()}
    assert found["truncated"] == {
        "fields.text": digest,
        "reference.0.text": {"characters": 1_000_001, "sha256": hashlib.sha256(f"{whole}.".encode()).hexdigest()},
        "details.other": digest,
    }
    assert report.results[0].evidence.examples == (example,)


def test_of_many_texts_of_a_row_the_first_are_shown_and_their_number_is_told(make):
    texts = [f"candidate {number}" for number in range(10_000)]
    example = ExampleRow("q", {"query": "which", "text": texts}, prediction=texts[:100])
    report = make.finished([make.result("one", evidence={"examples": (example,)})])
    (found,) = to_json(report)["results"][0]["evidence"]["examples"]
    assert found["fields"] == {"query": "which", "text": texts[:100]}
    assert found["prediction"] == texts[:100]
    assert found["truncated"] == {"fields.text": {"texts": 10_000}}
