"""The comparison with an earlier run on the console: groups that are worse by name, and of hundreds of others their number."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from mqa_registry import explain_comparison
from mqa_registry.contributions import ExampleRow
from mqa_registry.judging.result import Change, Flips, GroupFlips, McNemarTest, Number, RunComparison, Verdict
from mqa_registry.reports.console.comparison import print_comparison

BY = {"use": "fairness/column", "column": "country"}
NUMBER = Number(0.9, 0.88, 0.92, 500, "exact")


def change(verdict, group=""):
    where = {"by": BY, "group": group} if group else {}
    drop = Number(0.05, 0.03, 0.07, 500, "tango")
    numbers = {"before": NUMBER, "now": NUMBER, "change": drop}
    return Change(
        "countries" if group else "accuracy", {"use": "metrics/accuracy"}, "posts", "torch", verdict=verdict, **numbers, **where
    )  # fmt: skip


def compare(verdicts, max_drop=None, groups=()):
    changes = [change(Verdict.INCONCLUSIVE), *(change(one, f"g{number}") for number, one in enumerate(verdicts))]
    flips = Flips("posts", "torch", (), McNemarTest(40, 38, 0.9), NUMBER, (), tuple(groups))
    return RunComparison("earlier", "2026-11-20", Verdict.FAIL, max_drop, changes=tuple(changes), flips=(flips,))


def printed(comparison, verbose=0):
    console = Console(file=StringIO(), width=100, color_system=None)
    print_comparison(comparison, console, verbose=verbose)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("verbose", "others"), [(0, "301 measures, 300 of them of groups, are"), (1, "300 measures of groups are")]
)
def test_a_group_that_is_worse_is_named_and_hundreds_of_others_are_counted(verbose, others):
    shown = printed(compare([*[Verdict.INCONCLUSIVE] * 150, Verdict.FAIL, *[Verdict.PASS] * 150]), verbose)
    assert "✗ countries in `g150` on torch: 0.900 → 0.900, worse by 0.050 [0.030, 0.070]" in shown
    assert shown.count("countries in") == 1
    assert f"{others} not shown to be worse" in shown
    assert shown.count("accuracy on torch") == verbose


def test_of_many_groups_that_count_those_that_are_worse_come_first_and_the_rest_is_counted():
    found = compare([*[Verdict.INCONCLUSIVE] * 40, Verdict.FAIL, Verdict.FAIL], max_drop=0.01)
    for shown in (printed(found), "\n".join(explain_comparison(found))):
        named = [line for line in shown.splitlines() if "countries in" in line]
        assert len(named) == 20
        assert ["g40" in named[0], "g41" in named[1], "g0" in named[2]] == [True] * 3
        assert "22 more measures of groups" in shown
    assert "more measures" not in printed(compare([Verdict.FAIL]))


def test_the_flips_of_a_group_stand_below_those_of_its_view():
    group = GroupFlips(BY, "g0", McNemarTest(9, 1, 0.02), Number(0.09, 0.04, 0.16, 100, "exact"))
    found = compare([Verdict.FAIL], groups=[group])
    lines = printed(found).splitlines()
    (view,) = [number for number, line in enumerate(lines) if "posts on torch: 40 newly wrong" in line]
    assert "in g0: 9 newly wrong, 0.090 [0.040, 0.160] of 100 rows; 1 newly right" in "\n".join(lines[view + 1 :])
    assert any(one.startswith("`g0` of posts on torch: 9 newly wrong") for one in explain_comparison(found))


def test_a_question_without_an_answer_is_newly_wrong_in_words():
    found = compare([])
    example = ExampleRow("q1", {"question": "Who?"}, reference="", prediction="Rome", target=[])
    found = replace(found, flips=(replace(found.flips[0], examples=(example,)),))
    assert "q1: none → Rome, right is none" in printed(found)
