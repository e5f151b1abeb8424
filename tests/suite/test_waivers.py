from __future__ import annotations

from datetime import date

import pytest

from mqa_registry.suite import Overrides, Waiver
from mqa_registry.suite.check_names import matching_checks

CHECK = '[[check]]\nname = "acc"\nmeasure = "metrics/accuracy"\nexpect = { min = 0.8 }\n'
WAIVER = '[[waiver]]\ncheck = "acc"\nuntil = 2027-01-31\nreason = "ticket 7"\n'

MISTAKES = {
    "an unknown check": WAIVER.replace("acc", "ac"),
    "no reason": WAIVER.replace('reason = "ticket 7"\n', ""),
    "no date": WAIVER.replace("until = 2027-01-31\n", ""),
    "nothing at all": "[[waiver]]\n",
    "an empty reason": WAIVER.replace("ticket 7", ""),
    "a date in quotes": WAIVER.replace("2027-01-31", '"2027-01-31"'),
    "a date that is none": WAIVER.replace("2027-01-31", '"soon"'),
    "a date with a time": WAIVER.replace("2027-01-31", "2027-01-31T10:00:00Z"),
    "a year": WAIVER.replace("2027-01-31", "2027"),
    "an unknown key": WAIVER + 'untill = "x"\n',
    "two for one check": WAIVER + WAIVER,
    "one table": WAIVER.replace("[[waiver]]", "[waiver]"),
    "a wrong name": WAIVER.replace("[[waiver]]", "[[waivers]]"),
}


def test_a_waiver_names_a_check_a_day_and_a_reason(suite):
    assert suite(CHECK + WAIVER).waivers == (Waiver("acc", date(2027, 1, 31), "ticket 7"),)


def test_a_suite_has_none_unless_it_says_so(suite):
    assert suite(CHECK).waivers == ()


def test_a_check_without_a_name_is_waived_by_the_name_it_gets(suite):
    made = suite(CHECK.replace('name = "acc"\n', "") + WAIVER.replace("acc", "metrics/accuracy"))
    assert made.waivers[0].check == "metrics/accuracy"


def test_a_check_is_waived_by_the_name_that_reports_print(suite):
    unnamed = CHECK.replace('name = "acc"\n', "")
    assert suite(unnamed + WAIVER.replace("acc", "accuracy")).waivers[0].check == "metrics/accuracy"


def test_a_name_that_reports_give_two_checks_means_both():
    first, second = ("metrics/accuracy", "other/accuracy")
    assert matching_checks("accuracy", {first: "accuracy", second: "accuracy"}) == [first, second]
    assert matching_checks(second, {first: "accuracy", second: "accuracy"}) == [second]


def test_two_waivers_may_not_mean_one_check_by_both_its_names(problems):
    unnamed = CHECK.replace('name = "acc"\n', "")
    message = problems(unnamed + WAIVER.replace("acc", "accuracy") + WAIVER.replace("acc", "metrics/accuracy"))
    assert "two waivers are for the check `metrics/accuracy`" in message


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_shown_where_it_stands(problems, snapshot, mistake):
    assert problems(CHECK + MISTAKES[mistake]) == snapshot


def test_a_waiver_of_a_broken_check_is_no_second_problem(problems):
    assert "to waive" not in problems(CHECK.replace("accuracy", "acuracy") + WAIVER)


@pytest.mark.parametrize(
    ("overrides", "partial"),
    [
        (Overrides(), False),
        (Overrides(only=("acc",)), False),
        (Overrides(backends=("torch", "onnx")), False),
        (Overrides(backends=("torch",)), True),
        (Overrides(limit=10), True),
    ],
)
def test_a_run_of_a_part_cannot_show_that_a_waiver_is_not_needed(suite, overrides, partial):
    assert suite(CHECK + WAIVER, overrides=overrides).waivers[0].partial is partial


def test_a_waiver_changes_the_digest_of_a_suite(suite):
    digests = {suite(CHECK + more).digest for more in ("", WAIVER, WAIVER.replace("31", "30"))}
    assert len(digests) == 3
