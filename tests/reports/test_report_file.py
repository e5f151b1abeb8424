"""Report files: what was written is read back, as plain values and as a report; what is no report is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_registry.contributions import ExampleRow
from mqa_registry.errors import UsageError
from mqa_registry.findings import Finding
from mqa_registry.judging.result import (
    CheckLocation,
    McNemarTest,
    Number,
    Part,
    Result,
    ResultEvidence,
    Step,
    StepEvidence,
    SweepSummary,
    Verdict,
)
from mqa_registry.judging.view_summary import ViewSummary
from mqa_registry.judging.waivers import AppliedWaiver, WaiverState
from mqa_registry.observations import LostRow, ViewLoss, Work
from mqa_registry.reports import to_json, write_report
from mqa_registry.reports.report_file import load_report, parse_report, read_report
from mqa_registry.summaries import CalibrationBin, ConfusionMatrix, Distribution, LabelCounts, ValueSummary

NAMES = st.text(max_size=5)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
TABLES = st.dictionaries(NAMES, PLAIN, max_size=2)
NUMBERS = st.builds(
    Number,
    estimate=FLOATS, low=st.none() | FLOATS, high=st.none() | FLOATS, rows=st.integers(0), method=NAMES,
    corrected=st.none() | st.tuples(FLOATS, FLOATS), verdict=st.none() | st.sampled_from(Verdict),
)  # fmt: skip
PARTS = {
    "verdict": st.sampled_from(Verdict),
    "numbers": st.dictionaries(NAMES, NUMBERS, max_size=2),
    "note": NAMES,
}
GROUPS = st.dictionaries(NAMES, st.builds(Part, **PARTS), max_size=2)
SWEEPS = st.builds(
    SweepSummary,
    passes_through=st.none() | FLOATS, break_point=st.none() | FLOATS, clean_value=st.none() | FLOATS,
    corruption_error=st.none() | FLOATS, clean_error_ratio=st.none() | FLOATS,
    non_monotonic_at=st.lists(FLOATS, max_size=2).map(tuple), relative_corruption_error=st.dictionaries(NAMES, FLOATS),
)  # fmt: skip
EXAMPLES = st.builds(ExampleRow, id=NAMES, fields=TABLES, target=PLAIN, reference=PLAIN, details=TABLES)
LOSSES = st.builds(
    ViewLoss,
    view=NAMES, backend=NAMES, rows=st.integers(1), lost=st.integers(1),
    first=st.lists(st.builds(LostRow, id=NAMES, reason=NAMES), max_size=2).map(tuple),
)  # fmt: skip
EVIDENCE = st.builds(
    ResultEvidence,
    lost=st.lists(LOSSES, max_size=2).map(tuple),
    missing_targets=st.integers(0), absent_classes=st.lists(NAMES, max_size=2).map(tuple),
    mcnemar=st.none() | st.builds(McNemarTest, st.integers(0), st.integers(0), st.none() | FLOATS),
    sweep=st.none() | SWEEPS, required_rows=st.none() | st.integers(1), traceback=NAMES,
    remarks=st.lists(NAMES, max_size=2).map(tuple), examples=st.lists(EXAMPLES, max_size=2).map(tuple), details=TABLES,
)  # fmt: skip
STEP_EVIDENCE = st.builds(
    StepEvidence, st.integers(0), st.integers(0), st.integers(0), st.none() | FLOATS, st.integers(0)
)
RESULTS = st.builds(
    Result,
    **PARTS,
    check=NAMES, measure=TABLES, backend=NAMES, perturb=PLAIN, by=st.none() | TABLES, expect=TABLES,
    critical=st.booleans(), tags=st.lists(NAMES, max_size=2).map(tuple), groups=GROUPS, seconds=FLOATS,
    series=st.lists(
        st.builds(Step, **PARTS, severity=FLOATS, groups=GROUPS, evidence=st.none() | STEP_EVIDENCE), max_size=2
    ).map(tuple),
    evidence=EVIDENCE,
    waiver=st.none() | st.builds(AppliedWaiver, st.dates(), NAMES, st.sampled_from(WaiverState)),
)  # fmt: skip


@pytest.fixture(name="report")
def _report(make):
    return make.finished(make.demo())


def test_a_file_reads_back_as_what_was_written(report, tmp_path):
    write_report(report, tmp_path / "report.json")
    assert read_report(tmp_path / "report.json") == to_json(report)


def test_a_file_is_a_report_again(report, tmp_path):
    whole = replace(report, findings=(Finding("note", "onnx", "is slow", "wait"),), note="not kept", hint="free some space",
                    work={"onnx": Work(1, 2, 3)}, options=("--limit", "5"), views=(
                        ViewSummary("a", "torch", "label", 2, ConfusionMatrix(("x", "y"), ((1, 0), (1, 0)), 1),
                                    (CalibrationBin(0.0, 1.0, 2, 0.5, 0.5),)),
                        ViewSummary("a", "onnx", "labels", 2, labels=(LabelCounts("x", 2, 1, 1),)),
                        ViewSummary("b", "onnx", "value", 2, values=ValueSummary(*[Distribution(*map(float, range(7)))] * 3))))  # fmt: skip
    write_report(whole, tmp_path / "report.json")
    assert load_report(tmp_path / "report.json") == whole


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None)
@given(results=st.lists(RESULTS, max_size=2))
def test_every_result_is_what_it_was(report, results):
    content = json.loads(json.dumps(to_json(replace(report, results=tuple(results)))))
    assert parse_report(content, "it").results == tuple(results)


def test_a_text_that_is_truncated_stays_so_with_its_digest(make):
    example = ExampleRow("r", {"text": "x" * 501})
    content = to_json(make.finished([make.result("one", evidence={"examples": (example,)})]))
    again = parse_report(content, "it")
    assert again.results[0].evidence.examples[0].truncated["fields.text"]["characters"] == 501
    assert to_json(again) == content


def test_keys_of_a_later_version_are_ignored(report):
    content = to_json(report)
    more = {**content, "mood": "good", "results": [{**one, "mood": 3} for one in content["results"]]}
    assert parse_report(more, "it") == parse_report(content, "it")


def test_a_report_of_an_earlier_version_has_no_work(report):
    content = to_json(report)
    del content["backends"]
    content.pop("work", None)
    again = parse_report(content, "it")
    assert (again.work, again.backends) == (None, ())


@pytest.mark.parametrize(
    "damage",
    [
        {"run": None, "verdict": "MAYBE"}, {"results": [3]}, {"results": [{}]}, {"started": "yesterday"}, {"exit_code": 9},
        {"suite": []}, {"environment": 3}, {"work": {"onnx": 3}}, {"findings": [{}]}, {"seconds": None},
    ],
)  # fmt: skip
def test_a_report_that_lacks_something_is_damaged(report, tmp_path, damage):
    file = tmp_path / "report.json"
    file.write_text(json.dumps(to_json(report) | damage), encoding="utf-8")
    with pytest.raises(UsageError, match=r"the report `.*report.json` is damaged: ") as caught:
        load_report(file)
    assert caught.value.hint


@pytest.mark.parametrize(
    "damage",
    [
        ("environment", "model", 5), ("environment", "backends", {"torch": 5}), ("environment", "data", []),
        ("suite", "path", 5), ("results", 0, "check", ["a"]), ("results", 0, "tags", [["a"]]),
        ("results", 0, "numbers", {"value": {"estimate": "0.5", "low": None, "high": None, "rows": 1, "method": "none"}}),
        ("results", 0, "evidence", {"examples": [{"id": 5}]}), ("results", 0, "series", [{"severity": "x"}]),
    ],
    ids=str,
)  # fmt: skip
def test_a_value_of_another_type_is_damage(report, damage):
    content = json.loads(json.dumps(to_json(report)))
    *path, key, value = damage
    table = content
    for step in path:
        table = table[step]
    table[key] = value
    with pytest.raises(UsageError, match="is damaged: "):
        parse_report(content, "it")


@pytest.mark.parametrize("number", [True, 2.0, "2", 3])
def test_a_format_is_a_whole_number_that_is_known(report, tmp_path, number):
    file = tmp_path / "report.json"
    file.write_text(json.dumps(to_json(report) | {"format": number}), encoding="utf-8")
    with pytest.raises(UsageError, match="has report format"):
        load_report(file)


def test_the_last_day_of_a_waiver_is_a_date(make):
    waiver = AppliedWaiver(date(2026, 12, 24), "ticket 7", WaiverState.EXPIRED)
    report = make.finished([make.result("one", waiver=waiver)])
    assert parse_report(to_json(report), "it").results[0].waiver == waiver


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "is no report file: Expecting value"),
        ("[]", "is no report file$"),
        ("{}", "is no report file$"),
        ('{"format": 1}', "is no report file$"),
        ('{"format": 3, "results": []}', "has report format 3, and this mqa reads 1 and 2"),
        ('{"format": 1, "results": [NaN]}', "is no report file: `NaN` is no JSON"),
        ("[" * 100_000, "is no report file"),
    ],
)
def test_a_file_that_is_no_report_is_refused_with_a_hint(tmp_path, text, message):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        read_report(tmp_path / "report.json")
    assert caught.value.hint


def test_bytes_that_are_no_text_and_files_that_are_not_there_are_refused(tmp_path):
    (tmp_path / "report.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is no report file"):
        read_report(tmp_path / "report.json")
    with pytest.raises(UsageError, match="no such file"):
        read_report(tmp_path / "gone.json")


def test_the_position_of_a_check_is_read_back(make):
    location = CheckLocation("suites/nlp.toml", 12, 3)
    report = make.finished([make.result("a", location=location), make.result("b")])
    assert [one.location for one in parse_report(to_json(report), "r.json").results] == [location, None]
