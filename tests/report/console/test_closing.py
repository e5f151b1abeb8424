"""The last lines: what counts, and what it means for the release."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mqa_registry.judging.result import Verdict


@pytest.mark.parametrize(
    ("verdict", "code", "words"),
    [
        (Verdict.PASS, 0, "the model may ship"),
        (Verdict.FAIL, 1, "do not ship it"),
        (Verdict.ERROR, 3, "no ground to ship on"),
        (Verdict.INCONCLUSIVE, 4, "add rows"),
    ],
)
def test_the_verdict_comes_last_with_what_it_means(make, verdict, code, words):
    shown = make.rendered(make.finished([make.result("one", verdict=verdict)], verdict), 160)
    last = shown.split("─\n")[1]
    assert last.startswith(f"{verdict}  1 check: ")
    assert words in last
    assert f"Exit code {code}." in last


def test_rows_are_not_asked_for_where_none_would_settle_it(make):
    beyond = make.result("ratio", "onnx", verdict=Verdict.INCONCLUSIVE, evidence={"beyond_rows": True})
    some = make.result("accuracy", verdict=Verdict.INCONCLUSIVE)
    held = make.result("ratio", "torch")
    alone = make.rendered(make.finished([held, beyond], Verdict.INCONCLUSIVE), 160)
    assert "no rows would settle every check" in alone
    assert "add rows" not in alone
    assert "add rows" in make.rendered(make.finished([beyond, some], Verdict.INCONCLUSIVE), 160)


def test_what_is_timed_asks_for_repetitions_and_not_for_rows(make):
    def closing(*results):
        return make.rendered(make.finished(list(results), Verdict.INCONCLUSIVE), 160)

    timed = make.result("latency", verdict=Verdict.INCONCLUSIVE, evidence={"settled_by": "repetitions"})
    rows = make.result("accuracy", verdict=Verdict.INCONCLUSIVE)
    waits = make.result("accuracy", verdict=Verdict.INCONCLUSIVE, critical=False)
    alone = "these repetitions do not settle every check: do not ship on them, add repetitions."
    assert alone in closing(timed)
    assert alone in closing(waits, timed)
    assert "add rows and repetitions." in closing(timed, rows)


def test_a_check_is_counted_once_and_as_its_worst_backend(make):
    results = [*make.both("one"), make.result("two"), make.result("two", "onnx", verdict=Verdict.FAIL)]
    results += [make.result("three", verdict=Verdict.FAIL, critical=False)]
    results += [make.result("four", verdict=Verdict.INCONCLUSIVE, critical=False)]
    (line,) = make.rendered(make.finished(results, Verdict.FAIL), 160, verbose=-1).splitlines()
    counts = "1 held, 2 failed (1 of them not critical), 1 inconclusive (not critical)"
    assert line == f"FAIL  reviews: 4 checks: {counts} (exit code 1)"


def test_the_checks_to_look_at_are_named_but_for_those_that_are_not_critical(make):
    results = [make.result(f"check {number}", verdict=Verdict.FAIL) for number in range(7)]
    results.append(make.result("spared", verdict=Verdict.FAIL, critical=False))
    shown = make.rendered(make.finished(results, Verdict.FAIL), 160)
    assert "see check 0, check 1, check 2, check 3, check 4 and 2 more\n" in shown


def test_where_no_check_ran_nothing_is_said_to_hold(make):
    shown = make.rendered(make.finished([]))
    assert "No check ran" in shown
    assert "may ship" not in shown


def test_the_work_is_told_in_the_singular_and_the_plural(make):
    report = replace(make.finished([make.result("one")]), work={"torch": {"predicted": 1, "found": 2, "passes": 1}})
    assert "1 row predicted, 2 found in the store, 1 forward pass\n" in make.rendered(report, 160)
    report = replace(report, work={"torch": {"passes": 1}, "onnx": {"passes": 1}})
    assert "2 forward passes\n" in make.rendered(report, 160)
