"""JUnit XML of a report: what a pipeline counts and shows."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped

from mqa_registry import Number, Verdict
from mqa_registry.contributions import ExampleRow
from mqa_registry.judging.result import (
    Change,
    CheckLocation,
    Flips,
    McNemarTest,
    RunComparison,
)
from mqa_registry.judging.waivers import AppliedWaiver, WaiverState
from mqa_registry.reports import without_examples
from mqa_registry.runs.outcome import exit_code, release_verdict
from mqa_reports import JUNIT
from mqa_reports.junit import render_junit
from tests.reports.conftest import FLIP, both, demo, finished, number, result

NOTE = "value is 0.740 [0.728, 0.752], below 0.78"
WAIVER = AppliedWaiver(date(2027, 1, 31), "retrained in January", WaiverState.ACCEPTED)


def report_of(*results):
    code = exit_code(results)
    return replace(finished(list(results)), verdict=release_verdict(code), exit_code=code)


def comparison(verdict):
    numbers = {"before": number(0.83, 0.01), "now": number(0.80, 0.01), "change": number(0.03, 0.02)}
    change = Change("accuracy", {"use": "metrics/accuracy"}, "reviews", "torch", verdict=verdict, **numbers)
    flips = Flips("reviews", "torch", (), McNemarTest(12, 3), Number(0.012, 0.006, 0.02, 1000, "exact"))
    return RunComparison("20261120-101500-aaaa", "2026-11-20", verdict, 0.01, changes=(change,), flips=(flips,))


def read(report):
    (suite,) = JUnitXml.fromstring(render_junit(report).encode())
    return suite


def outcome(one):
    """What a pipeline reads of a test case with one result."""
    (case,) = read(report_of(one))
    return [(type(element), element.type, element.message) for element in case.result]


def test_a_case_stands_for_a_check_on_a_backend():
    report = finished(demo())
    suite = read(report)
    assert (suite.name, suite.tests, suite.failures, suite.errors, suite.skipped) == ("reviews", 35, 0, 0, 0)
    assert suite.time == pytest.approx(12.34)
    assert suite.timestamp == "2026-11-21T22:28:00"
    cases = [(case.classname, case.name) for case in suite]
    assert cases[0] == ("reviews.metrics", "accuracy [torch]")
    assert ("reviews.robustness", "typos [onnx]") in cases
    assert len(set(cases)) == len(report.results)


def test_times_are_those_of_the_results():
    (case,) = read(report_of(replace(result("accuracy"), seconds=1.25)))
    assert case.time == 1.25


def test_properties_identify_the_run():
    named = {one.name: one.value for one in read(finished(demo())).properties()}
    assert named["run"] == "20261121-222800-3f9a"
    assert named["suite.digest"] == "sha256:5"
    assert named["model.digest"].startswith("sha256:3f9a1c2b")
    assert named["backends.onnx.digest"] == "sha256:2"
    assert (named["verdict"], named["exit_code"]) == ("PASS", "0")


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        (Verdict.FAIL, Failure),
        (Verdict.INCONCLUSIVE, Error),
        (Verdict.NOT_RUN, Error),
        (Verdict.ERROR, Error),
    ],
)
def test_what_does_not_hold_is_a_failure_or_an_error_with_its_reason(verdict, kind):
    found = outcome(result("accuracy", verdict=verdict, note=NOTE))
    assert found == [(kind, str(verdict), f"{verdict}: {NOTE}")]


def test_rows_that_would_settle_it_are_in_the_reason():
    open_check = result("accuracy", verdict=Verdict.INCONCLUSIVE, note="too wide", evidence={"required_rows": 1157})
    ((_, _, message),) = outcome(open_check)
    assert message == "INCONCLUSIVE: too wide; about 1,157 rows would settle it"


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.ERROR])
def test_what_is_not_critical_is_skipped_with_its_reason(verdict):
    found = outcome(result("accuracy", verdict=verdict, note=NOTE, critical=False))
    assert found == [(Skipped, str(verdict), f"not critical: {verdict}: {NOTE}")]


def test_a_waived_failure_is_skipped_with_its_waiver():
    found = outcome(result("accuracy", verdict=Verdict.FAIL, note=NOTE, waiver=WAIVER))
    assert found == [(Skipped, "FAIL", f"waived until 2027-01-31: retrained in January; FAIL: {NOTE}")]


@pytest.mark.parametrize("state", [WaiverState.EXPIRED, WaiverState.UNNEEDED])
@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_a_waiver_that_has_had_its_day_is_a_failure(state, verdict):
    ((kind, _, message),) = outcome(result("accuracy", verdict=verdict, waiver=replace(WAIVER, state=state)))
    assert kind is Failure
    assert "waiver" in message


@given(
    st.lists(
        st.builds(
            result,
            st.sampled_from(["a", "b"]),
            verdict=st.sampled_from(Verdict),
            critical=st.booleans(),
            waiver=st.sampled_from([None, *(replace(WAIVER, state=state) for state in WaiverState)]),
        ),
        min_size=1,
    )
)
def test_a_pipeline_is_green_exactly_where_the_exit_code_is_0(results):
    report = report_of(*results)
    suite = read(report)
    assert (suite.failures + suite.errors == 0) == (report.exit_code == 0)
    assert suite.tests == len(results)


def test_a_run_that_could_not_be_kept_is_an_error_of_its_own():
    *_, case = read(replace(finished(demo()), note="the store is full", hint="free some space"))
    assert case.name == "run"
    assert [(type(one), one.message, one.text) for one in case.result] == [
        (Error, "the store is full", "free some space")
    ]


@pytest.mark.parametrize(
    ("verdict", "kinds"), [(Verdict.PASS, []), (Verdict.FAIL, [Failure]), (Verdict.INCONCLUSIVE, [Error])]
)
def test_a_comparison_with_an_earlier_run_is_a_case(verdict, kinds):
    *_, case = read(replace(finished(demo()), against=comparison(verdict)))
    assert case.name == "against"
    assert [type(one) for one in case.result] == kinds
    text = case.result[0].text if kinds else case.system_out
    assert "against the run 20261120-101500-aaaa of 2026-11-20" in text
    assert ("accuracy on torch: 0.830 → 0.800, worse by 0.030 [0.010, 0.050]" in text) is (verdict is not Verdict.PASS)
    assert "reviews on torch: 12 newly wrong, 0.012 [0.006, 0.020] of 1,000 rows; 3 newly right" in text


def test_a_case_has_line_numbers_bounds_and_examples():
    failed = result(
        "accuracy",
        verdict=Verdict.FAIL,
        note=NOTE,
        numbers={"value": number(0.74, 0.012)},
        location=CheckLocation("suites/nlp.toml", 12, 3),
        evidence={"examples": (FLIP,), "remarks": ("the classes are mixed up",)},
    )
    (case,) = read(report_of(failed))
    lines = case.result[0].text.splitlines()
    assert lines[:2] == ["suites/nlp.toml:12", NOTE]
    assert "the classes are mixed up" in lines
    assert "value 0.740 [0.728, 0.752], expected ≥ 0.78" in lines
    assert "e.g. nyt-0716: before negative, now positive (0.977), right is negative" in lines
    assert any("vioalted" in line for line in lines)


def test_a_case_that_holds_shows_its_numbers():
    (case,) = read(report_of(result("accuracy", evidence={"notes": ("from a cache",)})))
    assert case.system_out == "value 0.813 [0.801, 0.825], expected ≥ 0.78\nfrom a cache"


def test_without_examples_there_is_no_text_of_a_row():
    report = report_of(result("accuracy", verdict=Verdict.FAIL, evidence={"examples": (FLIP,)}))
    assert "counsel" in render_junit(report)
    written = render_junit(without_examples(report))
    assert "counsel" not in written
    assert "negative" not in written
    assert "nyt-0716" in written


@given(st.text(), st.text(), st.text())
def test_no_text_breaks_the_file(name, note, text):
    example = ExampleRow(id=text, fields={"text": text}, prediction=text)
    report = report_of(*both(name, verdict=Verdict.FAIL, note=note, data=text, evidence={"examples": (example,)}))
    report = replace(report, suite=replace(report.suite, name=name, path=text))
    assert len(read(report)) == 2


def test_characters_that_xml_has_not_are_written_out():
    hostile = "a\x00\x1b[31m\ufffe\ud83d<b>&]]>"
    written = render_junit(report_of(result(hostile, verdict=Verdict.FAIL, note=hostile)))
    (case,) = ET.fromstring(written).iter("testcase")
    assert case.get("name") == r"a\x00\x1b[31m\ufffe\ud83d<b>&]]> [torch]"


def test_the_file_is_known_again_by_its_marker():
    assert JUNIT.marker in render_junit(finished(demo())).encode()[:4096]


def test_elements_and_attributes_are_those_that_readers_of_junit_know():
    known = {
        "testsuites": {"name", "tests", "failures", "errors", "time"},
        "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "file"},
        "properties": set(),
        "property": {"name", "value"},
        "testcase": {"name", "classname", "time"},
        "failure": {"type", "message"},
        "error": {"type", "message"},
        "skipped": {"type", "message"},
        "system-out": set(),
    }
    results = [
        result(str(verdict), verdict=verdict, critical=critical) for verdict in Verdict for critical in (True, False)
    ]
    for element in ET.fromstring(render_junit(report_of(*results))).iter():
        assert set(element.attrib) == known[element.tag]
        assert re.fullmatch(r"\d+\.\d{3}", element.get("time", "0.000"))
