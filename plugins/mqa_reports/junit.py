"""JUnit XML: a test case for every check on every backend, for the pages of pipelines that show tests.

What keeps the release from passing is a `failure` where the model was judged, and an `error` where it was not, so that
there are none exactly if the exit code is 0. A check that does not hold and is waived or not critical is `skipped`: a
pipeline stays green by it, and shows its reason, which it would not show of a test case that passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from mqa_registry import Verdict, blocks_release, explain_comparison, explain_result, make_visible, name_family
from mqa_reports.descriptions import list_digests, list_examples, list_numbers, locate_result, name_backend

if TYPE_CHECKING:
    from mqa_registry import Report, Result, RunComparison

HEADER = '<?xml version="1.0" encoding="utf-8"?>\n<!-- report of mqa as JUnit XML -->\n'
FAILURE, ERROR, SKIPPED = "failure", "error", "skipped"


def render_junit(report: Report) -> str:
    """A report as JUnit XML: one test suite, named as the suite, whose test cases are of a class for each family."""
    suite = ET.Element("testsuite", name=make_visible(report.suite.name))
    properties = ET.SubElement(suite, "properties")
    for name, value in list_digests(report).items():
        ET.SubElement(properties, "property", name=name, value=value)
    suite.extend(_make_case(result, report) for result in report.results)
    if report.against:
        suite.append(_make_case_of_comparison(report.against, report))
    if report.note:
        suite.append(_make_case_of_note(report))
    counts = {kind: len(suite.findall(f"testcase/{kind}")) for kind in (FAILURE, ERROR, SKIPPED)}
    totals = {
        "tests": str(len(suite.findall("testcase"))),
        "failures": str(counts[FAILURE]),
        "errors": str(counts[ERROR]),
        "time": _format_seconds(report.seconds),
    }
    suite.attrib |= totals | {
        "skipped": str(counts[SKIPPED]),
        "timestamp": f"{report.started:%Y-%m-%dT%H:%M:%S}",
        "file": make_visible(report.suite.path),
    }
    root = ET.Element("testsuites", {"name": "mqa", **totals})
    root.append(suite)
    ET.indent(root)
    return HEADER + ET.tostring(root, encoding="unicode") + "\n"


def _make_case(result: Result, report: Report) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=make_visible(f"{report.suite.name}.{name_family(result)}"),
        name=name_backend(result),
        time=_format_seconds(result.seconds),
    )
    sentences = [make_visible(sentence) for sentence in explain_result(result)]
    outcome = _choose_outcome(result)
    numbers = list_numbers(result)
    if outcome is None:
        ET.SubElement(case, "system-out").text = "\n".join([*numbers, *sentences])
        return case
    verdict = "not critical: " * (not result.critical) + f"{result.verdict}: {sentences[0]}"
    waived = [sentence for sentence in sentences[1:2] if outcome == SKIPPED and result.waiver]
    element = ET.SubElement(case, outcome, type=str(result.verdict), message="; ".join([*waived, verdict]))
    lines = [locate_result(result), *sentences, *numbers, *list_examples(result)]
    element.text = "\n".join(filter(None, lines))
    return case


def _choose_outcome(result: Result) -> str | None:
    """The element of a test case that says that the check does not hold; None where it does."""
    if not blocks_release(result):
        return None if result.verdict is Verdict.PASS else SKIPPED
    if result.verdict is Verdict.INCONCLUSIVE:
        return FAILURE if result.waiver else ERROR  # a waiver that has had its day is a failure
    return FAILURE if result.verdict in (Verdict.PASS, Verdict.FAIL) else ERROR


def _make_case_of_comparison(comparison: RunComparison, report: Report) -> ET.Element:
    """The test case of the comparison with an earlier run."""
    case = ET.Element("testcase", classname=make_visible(report.suite.name), name="against", time=_format_seconds(0))
    sentences = [make_visible(sentence) for sentence in explain_comparison(comparison)]
    kinds = {Verdict.FAIL: FAILURE, Verdict.INCONCLUSIVE: ERROR}
    if comparison.verdict in kinds:
        element = ET.SubElement(
            case, kinds[comparison.verdict], type=str(comparison.verdict), message="; ".join(sentences[:2])
        )
        element.text = "\n".join(sentences)
    else:
        ET.SubElement(case, "system-out").text = "\n".join(sentences)
    return case


def _make_case_of_note(report: Report) -> ET.Element:
    """The test case of the run as a whole, where its verdict is not what the results add up to."""
    case = ET.Element("testcase", classname=make_visible(report.suite.name), name="run", time=_format_seconds(0))
    error = ET.SubElement(case, ERROR, type=str(report.verdict), message=make_visible(report.note))
    error.text = make_visible(report.hint)
    return case


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.3f}"  # more decimals are no time in the schema of Jenkins
