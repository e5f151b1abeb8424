"""The line of a verdict: what was judged, and why it does not hold."""

from __future__ import annotations

from datetime import date

import pytest
from rich.console import Console

from mqa_registry.judging import Verdict
from mqa_registry.judging.result import ResultEvidence
from mqa_registry.observations import ViewLoss
from mqa_registry.reports.console.text import TextBuilder
from mqa_registry.reports.console.verdict_lines import render_verdict
from mqa_registry.suite import Waiver

NEXT_CENTURY = date(2126, 1, 1)


@pytest.fixture(name="line")
def _line(samples):
    """Renders the line of a result as plain text."""

    def line(verdict, *waivers, **parts):
        return render_verdict(samples.result(verdict, **parts), waivers, TextBuilder(Console(width=40))).plain

    return line


def test_a_verdict_names_its_check_as_reports_do(line):
    check, parts = "metrics/accuracy / robustness/typos", {"perturb": {"use": "robustness/typos"}}
    assert line(Verdict.PASS, check=check, **parts) == "✓ accuracy / typos on one"
    assert line(Verdict.PASS, check="mine", backend="", note="all is well") == "✓ mine"


@pytest.mark.parametrize(
    ("verdict", "symbol"), [("FAIL", "✗"), ("INCONCLUSIVE", "?"), ("ERROR", "!"), ("NOT-RUN", "-")]
)
def test_what_does_not_hold_says_why(line, verdict, symbol):
    assert line(Verdict(verdict), note="value is [b]0.7\x1b[0m") == rf"{symbol} accuracy on one: value is [b]0.7\x1b[0m"


def test_a_known_failure_says_until_when_it_is_accepted(line):
    waiver = Waiver("accuracy", NEXT_CENTURY, "being retrained")
    assert line(Verdict.FAIL, waiver) == "✗ accuracy on one; waived until 2126-01-01"
    assert line(Verdict.ERROR, waiver) == "! accuracy on one"
    assert line(Verdict.FAIL, Waiver("accuracy", date(2020, 1, 1), "late")) == "✗ accuracy on one"


def test_a_check_that_holds_says_how_many_rows_it_lost(line):
    evidence = ResultEvidence(lost=(ViewLoss("words", "one", 500, 2), ViewLoss("words", "two", 500, 3)))
    assert line(Verdict.PASS, evidence=evidence) == "✓ accuracy on one, 3 rows lost"
