"""What the severities of a sweep come to, and how far its rows were perturbed."""

from __future__ import annotations

import math

import pytest

from mqa_registry.reports.sweeps import SweepSummary, describe_perturbation, read_sweep_summary

SWEEP = {"holds_to": 2, "break_point": 4.0, "error": 0.2, "area": 1.5, "turns": [3], "area_beside": {"torch": 1.1}}


def test_a_summary_is_read_from_the_evidence(make):
    found = read_sweep_summary(make.result("one", evidence={"sweep": SWEEP}))
    assert found == SweepSummary(2, 4.0, 0.2, 1.5, {"torch": 1.1}, (3,))


@pytest.mark.parametrize("evidence", [{}, {"sweep": None}, {"sweep": [1]}])
def test_a_result_without_one_has_none(make, evidence):
    assert read_sweep_summary(make.result("one", evidence=evidence)) is None


@pytest.mark.parametrize("value", [None, math.nan, math.inf, True, "2"])
def test_what_is_no_finite_number_is_unknown(make, value):
    unknown = dict.fromkeys(SWEEP, value) | {"turns": [value], "area_beside": {"torch": value}}
    found = read_sweep_summary(make.result("one", evidence={"sweep": unknown}))
    assert found == SweepSummary(None, None, None, None, {}, ())


@pytest.mark.parametrize(
    ("changed", "rows", "text"),
    [
        (0, 1000, "0 %"), (1, 1000, "0.1 %"), (10, 1000, "1 %"), (15, 1000, "2 %"), (990, 1000, "99 %"),
        (995, 1000, "99.5 %"), (1000, 1000, "100 %"), (0, 0, ""), (None, 10, ""), (3, None, ""),
    ],
)  # fmt: skip
def test_a_share_is_never_rounded_to_none_or_all(make, changed, rows, text):
    step = make.step(1, 0.1, evidence={"changed": changed, "rows": rows})
    assert describe_perturbation([step, make.step(2, 0.1)]) == ({"changed": [text, ""]} if text else {})


def test_edits_and_declined_rows_have_a_line_where_there_are_any(make):
    steps = [make.step(1, 0.1, evidence={"edits": 1.26, "declined": 0}), make.step(2, 0.1, evidence={"declined": 1200})]
    assert describe_perturbation(steps) == {"edits a row": ["1.3", ""], "declined": ["", "1,200"]}
    assert describe_perturbation(steps[:1]) == {"edits a row": ["1.3"]}
