"""The summary: the verdict and what it means, what was not judged, and what a backend costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mqa_registry.judging.result import Verdict
from mqa_registry.observations import Work


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
    beyond = make.result("ratio", "onnx", verdict=Verdict.INCONCLUSIVE, evidence={"never_settles": True})
    some = make.result("accuracy", verdict=Verdict.INCONCLUSIVE)
    held = make.result("ratio", "torch")
    alone = make.rendered(make.finished([held, beyond], Verdict.INCONCLUSIVE), 160)
    assert "no rows would settle every check" in alone
    assert "add rows" not in alone
    assert "add rows" in make.rendered(make.finished([beyond, some], Verdict.INCONCLUSIVE), 160)
    close = make.result("gap", "onnx", verdict=Verdict.INCONCLUSIVE, evidence={"too_close": True})
    assert "no rows would settle every check" in make.rendered(make.finished([held, close], Verdict.INCONCLUSIVE), 160)


def test_what_is_timed_asks_for_repetitions_and_not_for_rows(make):
    def closing(*results):
        return make.rendered(make.finished(list(results), Verdict.INCONCLUSIVE), 160)

    timed = make.result("latency", verdict=Verdict.INCONCLUSIVE, evidence={"required_unit": "repetitions"})
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
    report = replace(make.finished([make.result("one")]), work={"torch": Work(found=2, predicted=1, passes=1)})
    assert "2 found in the store, 1 row predicted, 1 forward pass\n" in make.rendered(report, 160)
    report = replace(report, work={"torch": Work(passes=1), "onnx": Work(passes=1)})
    assert "2 forward passes\n" in make.rendered(report, 160)


ERROR, NOT_RUN = Verdict.ERROR, Verdict.NOT_RUN


@pytest.fixture(name="quiet")
def _quiet(make):
    """The lines below the verdict, at `width` cells."""

    def lines(results, width=80):
        return make.rendered(make.finished(results, ERROR), width, verbose=-1).splitlines()[1:]

    return lines


def test_what_was_judged_is_not_told(make, quiet):
    failed = make.result("one", verdict=Verdict.FAIL, note="value is 0.7, below 0.76")
    assert quiet([failed, make.result("two", verdict=Verdict.INCONCLUSIVE, note="it is open")]) == []


def test_a_reason_is_told_once_with_how_many_checks_it_is_for(make, quiet):
    note = "no CUDA device is here; hint: `--device cpu`"
    results = [make.result(f"check {one}", name, verdict=NOT_RUN, note=note) for one in "abc" for name in ("x", "y")]
    results.append(make.result("check d", verdict=ERROR, note="KeyError: 'x'"))
    assert quiet(results) == [f"  NOT-RUN  check a and 2 more: {note}", "  ERROR  check d: KeyError: 'x'"]


def test_each_reason_of_a_check_is_told(make, quiet):
    results = [make.result("one", "torch", verdict=NOT_RUN, note="left"), make.result("one", "onnx", verdict=ERROR)]
    assert quiet(results) == ["  ERROR  one: it crashed", "  NOT-RUN  one: left"]


def test_a_check_that_is_not_critical_has_its_reason_told_too(make, quiet):
    assert quiet([make.result("one", verdict=NOT_RUN, note="left", critical=False)]) == ["  NOT-RUN  one: left"]


def test_a_long_reason_wraps_below_itself_and_says_nothing_as_a_code(make, quiet):
    lines = quiet([make.result("one", verdict=ERROR, note="\x1b[31m[bold]far " + "too long " * 20)])
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith(" " * 9) for line in lines[1:])
    assert lines[0].startswith("  ERROR  one: \\x1b[31m[bold]far too long")


@pytest.fixture(name="table")
def _table(make):
    """The lines of the table, of a report of these results."""

    def found(results, **report):
        text = make.rendered(make.finished(results, **report), 120)
        whole = text.partition("cost against damage")[2].partition("─")[0]
        return [line.rstrip() for line in whole.split("\n") if line.strip()]

    return found


def sized(make, **parts):
    expect = {"size": {"use": "performance/model-size"}}
    numbers = {"torch": make.number(20.4), "onnx": make.number(10.3)}
    return [
        make.result(
            "size", name, measure=expect["size"], expect={"max": 50}, numbers={"value": number}, tags=("cost",), **parts
        )
        for name, number in numbers.items()
    ]


def flips(make, **parts):
    usual = {"measure": {"use": "parity/flip-rate"}, "expect": {"max": 0.01}, "tags": ("damage",)}
    usual |= {"against": {"backend": "torch"}, "numbers": {"value": make.number(0.043, 0.01)}}
    return [make.result("flips", "onnx", **(usual | parts))]


def test_every_backend_has_a_row_and_every_tagged_check_a_column(make, table):
    heads, torch, onnx = table([*sized(make), *flips(make, verdict=Verdict.FAIL)])
    assert heads.split() == ["size", "flips"]
    assert torch.split() == ["torch", "✓", "20.40", "reference"]
    assert onnx.split() == ["onnx", "✓", "10.30", "✗", "0.043"]


def test_one_side_alone_is_no_trade_off(make, table):
    assert table(sized(make)) == []
    assert table(flips(make)) == []


def test_one_backend_has_nothing_to_choose_from(make, table):
    one = [result for result in [*sized(make), *flips(make)] if result.backend == "onnx"]
    assert table(one, backends=("onnx",)) == []


def test_a_number_other_than_the_value_is_named(make, table):
    measure, numbers = {"use": "performance/latency"}, {"value": make.number(9.0), "p50_ms": make.number(7.5)}
    slow = [
        make.result("latency", name, measure=measure, expect={"p50_ms": {"max": 20}}, numbers=numbers, tags=("cost",))
        for name in ("torch", "onnx")
    ]
    lines = table([*slow, *flips(make)])
    assert "p50_ms" in lines[1]
    assert "7.5" in lines[2]


def test_of_groups_the_worst_is_shown_with_its_name(make, table):
    groups = {"news": make.part(0.9, 400), "tweets": make.part(0.6, 400)}
    split = make.both("domains", by={"use": "fairness/column"}, groups=groups, expect={"min": 0.5}, tags=("damage",))
    lines = table([*sized(make), *split])
    assert "worst group" in lines[1]
    assert "0.600" in lines[2]
    assert lines[3].strip() == "tweets"


def test_in_ascii_a_table_that_does_not_fit_is_folded_and_not_cut(make):
    results = [*sized(make), *flips(make)]
    many = [replace(one, check=f"{one.check} number {number}") for number in range(12) for one in results]
    shown = make.rendered(make.finished(many), 50, encoding="ascii")
    assert "cost against damage" in shown
    assert max(map(len, shown.split("\n"))) <= 50


def test_the_name_before_a_weak_point_is_cut(make):
    results = [one for letter in "ab" for one in make.perturbed(letter * 50, 0.1, 0.5)]
    lines = make.rendered(make.finished(results), 100).split("\n")
    assert f"  {'a' * 29}…  accuracy falls by 0.100 to 0.713" in lines
