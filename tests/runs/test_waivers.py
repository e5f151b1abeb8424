from __future__ import annotations

from datetime import date

import pytest

from mqa_registry.errors import ExitCode
from mqa_registry.judging import Result, Verdict
from mqa_registry.judging.waivers import WaiverState, apply_waivers
from mqa_registry.reports.json_report import to_json
from mqa_registry.runs import exit_code
from mqa_registry.suite import Waiver

DAY = date(2026, 11, 22)
PASS, FAIL, OPEN, ERROR, NOT_RUN = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.NOT_RUN


def results(*verdicts, check="known", **rest):
    return [Result(verdict, check=check, backend=f"b{number}", **rest) for number, verdict in enumerate(verdicts)]


def judged(found, *, until=date(2027, 1, 31), partial=False):
    with_waivers = apply_waivers(found, (Waiver("known", until, "why", partial),), DAY)
    states = {result.waiver.state for result in with_waivers if result.waiver}
    return states, exit_code(with_waivers)


@pytest.mark.parametrize("verdicts", [(FAIL,), (OPEN,), (PASS, FAIL), (FAIL, OPEN)])
def test_a_known_failure_leaves_the_exit_code_alone(verdicts):
    assert judged(results(*verdicts)) == ({WaiverState.ACCEPTED}, ExitCode.OK)


def test_it_covers_its_own_check_alone():
    others = results(FAIL, check="other")
    assert judged([*results(FAIL), *others])[1] is ExitCode.FAILED
    assert all(result.waiver is None for result in apply_waivers(others, (Waiver("known", DAY, "why"),), DAY))


@pytest.mark.parametrize("verdict", [ERROR, NOT_RUN])
def test_what_did_not_run_is_no_known_failure(verdict):
    assert judged(results(verdict, FAIL)) == ({WaiverState.ACCEPTED}, ExitCode.NOT_TRUSTWORTHY)


@pytest.mark.parametrize("verdicts", [(PASS,), (FAIL,), (OPEN,), (PASS, PASS)])
def test_an_expired_waiver_is_a_failure(verdicts):
    assert judged(results(*verdicts), until=date(2026, 11, 21)) == ({WaiverState.EXPIRED}, ExitCode.FAILED)


def test_the_last_day_still_counts():
    assert judged(results(FAIL), until=DAY) == ({WaiverState.ACCEPTED}, ExitCode.OK)


def test_a_waiver_that_is_no_longer_needed_is_a_failure():
    assert judged(results(PASS, PASS)) == ({WaiverState.UNNEEDED}, ExitCode.FAILED)


def test_a_run_on_fewer_backends_or_rows_does_not_show_that_it_is_no_longer_needed():
    assert judged(results(PASS), partial=True) == ({WaiverState.ACCEPTED}, ExitCode.OK)


def test_something_that_crashed_outweighs_a_waiver_that_has_had_its_day():
    assert judged([*results(PASS), *results(ERROR, check="other")])[1] is ExitCode.NOT_TRUSTWORTHY


def test_a_check_that_did_not_take_part_says_nothing_of_its_waiver():
    assert judged(results(PASS, check="other")) == (set(), ExitCode.OK)


def test_a_check_that_is_not_critical_may_be_waived_too():
    assert judged(results(FAIL, critical=False)) == ({WaiverState.ACCEPTED}, ExitCode.OK)


def test_the_report_file_has_the_waiver_where_there_is_one(project):
    project.write(
        '[[check]]\nname = "a"\nmeasure = "metrics/accuracy"\nexpect = { min = 0.99 }\n'
        '[[check]]\nname = "b"\nmeasure = "metrics/accuracy"\nexpect = { min = 0.1 }\n'
        '[[waiver]]\ncheck = "a"\nuntil = 2999-12-31\nreason = "ticket 7"\n'
    )
    report = project.run()
    found = {result["check"]: result.get("waiver") for result in to_json(report)["results"]}
    assert found == {"a": {"until": "2999-12-31", "reason": "ticket 7", "state": "accepted"}, "b": None}
    assert (report.verdict, report.exit_code) == (PASS, ExitCode.OK)
    assert [result.waiver for result in project.judge().results] == [result.waiver for result in report.results]
