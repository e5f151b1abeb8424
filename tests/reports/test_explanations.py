"""Explanations: the sentences on a result that every form of the report has."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mqa_registry import Verdict
from mqa_registry.judging.waivers import AppliedWaiver, WaiverState
from mqa_registry.observations import LostRow, ViewLoss
from mqa_registry.reports.explanations import describe_lost_rows, explain_result
from mqa_registry.reports.report import blocks_release
from tests.reports.conftest import result

WAIVER = AppliedWaiver(date(2027, 1, 31), "retrained", WaiverState.ACCEPTED)


def test_of_a_check_that_holds_there_are_its_notes_alone():
    assert explain_result(result("a")) == ()
    assert explain_result(result("a", evidence={"notes": ("cached",), "remarks": ("odd",)})) == ("cached",)


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Verdict.FAIL, "it lies beyond its bound"),
        (Verdict.INCONCLUSIVE, "the rows at hand settle it neither way"),
        (Verdict.ERROR, "it crashed"),
        (Verdict.NOT_RUN, "it could not run as asked"),
    ],
)
def test_a_verdict_without_a_note_has_a_reason(verdict, reason):
    assert explain_result(result("a", verdict=verdict)) == (reason,)


def test_rows_that_would_settle_it_are_said_once():
    evidence = {"required_rows": 1157, "required_unit": "pairs"}
    wide = result("a", verdict=Verdict.INCONCLUSIVE, note="too wide", evidence=evidence)
    assert explain_result(wide) == ("too wide; about 1,157 pairs would settle it",)
    told = replace(wide, note="too wide; about 1,157 pairs would settle it")
    assert explain_result(told) == (told.note,)


def test_remarks_classes_and_rows_follow_the_reason():
    evidence = {"remarks": ("mixed up",), "absent_classes": ("grey",), "missing_targets": 3, "declined": 2}
    assert explain_result(result("a", verdict=Verdict.FAIL, note="too low", evidence=evidence)) == (
        "too low", "mixed up", "no row is of class `grey`", "rows: 2 declined, 3 without a target",
    )  # fmt: skip


def test_lost_rows_are_counted_whatever_the_verdict_and_named_with_their_reasons():
    first = tuple(LostRow(f"r{number}", "truncated") for number in range(20))
    losses = (ViewLoss("words", "one", 500, 2, first[:2]), ViewLoss("words.typos", "", 400, 21, first))
    lost = result("a", evidence={"lost": losses})
    assert explain_result(lost) == ("rows: 21 lost",)
    assert describe_lost_rows(lost) == (
        "2 of 500 rows of `words` on `one` lost: `r0`: truncated; `r1`: truncated",
        f"21 of 400 rows of `words.typos` lost: {'; '.join(f'`r{number}`: truncated' for number in range(5))}; and 16 more",
    )
    assert describe_lost_rows(result("a")) == ()


def test_an_overdue_waiver_comes_first():
    failed = result("a", verdict=Verdict.FAIL, note="too low", waiver=WAIVER)
    assert explain_result(failed) == ("too low", "waived until 2027-01-31: retrained")
    expired = replace(failed, waiver=replace(WAIVER, state=WaiverState.EXPIRED))
    assert explain_result(expired)[0].startswith("FAIL: the waiver expired after 2027-01-31")
    unneeded = result("a", waiver=replace(WAIVER, state=WaiverState.UNNEEDED))
    assert explain_result(unneeded)[0].startswith("FAIL: the check holds without its waiver")


@pytest.mark.parametrize(
    ("parts", "blocks"),
    [
        ({}, False),
        ({"verdict": Verdict.FAIL}, True),
        ({"verdict": Verdict.INCONCLUSIVE}, True),
        ({"verdict": Verdict.NOT_RUN}, True),
        ({"verdict": Verdict.FAIL, "critical": False}, False),
        ({"verdict": Verdict.FAIL, "waiver": WAIVER}, False),
        ({"verdict": Verdict.NOT_RUN, "waiver": WAIVER}, True),
        ({"waiver": replace(WAIVER, state=WaiverState.UNNEEDED)}, True),
        ({"waiver": replace(WAIVER, state=WaiverState.EXPIRED), "critical": False}, True),
    ],
)
def test_what_blocks_a_release(parts, blocks):
    assert blocks_release(result("a", **parts)) is blocks
