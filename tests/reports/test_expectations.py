"""What a check expects in words, and the mark of each number: that of its bounds, where these decided the verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mqa_registry.judging.result import Part, Verdict
from mqa_registry.reports.expectations import describe_bounds

PASS, FAIL, INCONCLUSIVE, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR


@pytest.mark.parametrize(
    ("expect", "texts"),
    [
        ({"min": 0.78}, {"value": "≥ 0.78"}),
        ({"max": 1e-4}, {"value": "≤ 1e-04"}),
        ({"min": 0.4, "max": 0.6}, {"value": "≥ 0.40, ≤ 0.60"}),
        ({"max_drop": 0.05}, {"drop": "drop ≤ 0.05"}),
        ({"max_rise": 0.05}, {"rise": "rise ≤ 0.05"}),
        ({"max_gap": 0.1, "min_ratio": 0.8}, {"gap": "gap ≤ 0.10", "ratio": "ratio ≥ 0.80"}),
        ({"min": 0.7, "max_gap": 0.1, "min_rows": 30}, {"value": "≥ 0.70", "gap": "gap ≤ 0.10"}),
        ({"p95_ms": {"max": 20}}, {"p95_ms": "p95_ms ≤ 20"}),
        ({"min_rows": 30}, {}),
        ({}, {}),
    ],
)
def test_every_number_that_is_judged_has_its_bound_in_words(expect, texts):
    assert {bound.number: bound.text for bound in describe_bounds(expect, grouped=False)} == texts


def test_a_bound_on_every_group_says_so_and_one_between_groups_does_not():
    found = describe_bounds({"min": 0.7, "max_drop": 0.05, "max_gap": 0.1}, grouped=True)
    assert [bound.text for bound in found] == ["each ≥ 0.70", "each drop ≤ 0.05", "gap ≤ 0.10"]
    assert [bound.is_between_groups for bound in found] == [False, False, True]


def test_the_bound_tells_which_way_is_better_where_it_can():
    found = describe_bounds({"min": 0.7, "max_drop": 0.1, "max_gap": 0.1}, grouped=True)
    assert [bound.better for bound in found] == ["high", "low", None]
    assert [bound.better for bound in describe_bounds({"min": 0.4, "max": 0.6}, grouped=True)] == [None]


@pytest.fixture(name="tensors")
def _tensors(make):
    """A check with two bounds, by the verdicts on these and of the whole."""

    def result(mismatches, ratio, verdict):
        numbers = {
            "mismatches": replace(make.number(0), verdict=mismatches),
            "ratio": replace(make.number(395.2), verdict=ratio),
        }
        return make.result(
            "tensors",
            "onnx",
            measure={"use": "parity/tensors"},
            against={"backend": "torch"},
            expect={"mismatches": {"max": 0}, "ratio": {"max": 10}},
            numbers=numbers,
            verdict=verdict,
        )

    return result


@pytest.fixture(name="lines")
def _lines(make):
    """What the report says of one result from its name on, without blanks."""

    def shown(result, width=80, **how):
        text = make.rendered(make.finished([result], result.verdict), width, **how)
        return [" ".join(line.split()) for line in text[text.index("\n" + result.check) :].splitlines() if line]

    return shown


def test_each_bound_has_the_mark_of_its_own_verdict(tensors, lines):
    assert lines(tensors(PASS, FAIL, FAIL))[:2] == [
        "tensors mismatches ≤ 0 reference ✓ 0",
        "ratio ≤ 10 reference ✗ 395.2",
    ]
    assert lines(tensors(PASS, INCONCLUSIVE, INCONCLUSIVE))[1] == "ratio ≤ 10 reference ? 395.2"


def test_in_ascii_and_below_one_another_too(tensors, lines):
    shown = lines(tensors(PASS, FAIL, FAIL), 30, encoding="ascii")
    assert shown[:6] == [
        "tensors mismatches <= 0",
        "torch reference",
        "onnx PASS 0",
        "ratio <= 10",
        "torch reference",
        "onnx FAIL 395.2",
    ]


def test_what_is_not_decided_by_the_bounds_stands_beside_all_of_them(tensors, lines):
    for bounds, verdict, mark in [((PASS, FAIL), ERROR, "!"), ((PASS, PASS), FAIL, "✗"), ((None, None), FAIL, "✗")]:
        shown = lines(tensors(*bounds, verdict))
        assert [line.split()[-2] for line in shown[:2]] == [mark, mark]


@pytest.mark.parametrize(("value", "drop"), [(PASS, FAIL), (FAIL, PASS), (FAIL, FAIL)])
def test_groups_are_shown_by_the_first_bound_that_does_not_hold(make, lines, value, drop):
    both = {"value": replace(make.number(0.8), verdict=value), "drop": replace(make.number(0.04), verdict=drop)}
    groups = {
        "nyt": Part(FAIL, {"value": make.number(0.72), "drop": make.number(0.09)}),
        "amazon": Part(PASS, {"value": make.number(0.84), "drop": make.number(0.01)}),
    }
    expect = {"min": 0.75, "max_drop": 0.05}
    sliced = make.result("domains", verdict=FAIL, numbers=both, groups=groups, expect=expect, by={"use": "fairness/x"})
    shown = lines(sliced)
    assert shown[0].startswith("domains each ≥ 0.75 ")
    assert shown[1].startswith("each drop ≤ 0.05 ")
    if value is FAIL:
        assert shown[2:4] == ["worst nyt n=4,200 ✗ 0.720", "best amazon n=4,200 ✓ 0.840"]
    else:
        assert shown[2:5] == [
            "drop:",
            "worst nyt n=4,200 ✗ 0.090 value 0.720",
            "best amazon n=4,200 ✓ 0.010 value 0.840",
        ]


def test_each_bound_of_a_sweep_tells_where_it_breaks_itself(make, lines):
    series = [
        replace(step, numbers={name: replace(one, verdict=own[name]) for name, one in step.numbers.items()})
        for step, own in [
            (make.step(1, 0.01), {"value": PASS, "drop": PASS}),
            (make.step(2, 0.03, FAIL), {"value": PASS, "drop": FAIL}),
            (make.step(3, 0.04, FAIL), {"value": INCONCLUSIVE, "drop": FAIL}),
        ]
    ]
    expect = {"min": 0.76, "max_drop": 0.02}
    swept = make.result(
        "typos", verdict=FAIL, numbers={}, series=tuple(series), expect=expect, perturb="robustness/typos"
    )
    shown = lines(swept)
    assert shown[0] == "typos ≥ 0.76 ? unsettled at 3"
    assert shown[2] == "torch ✓ 0.803 ✓ 0.783 ? 0.773"
    assert shown[3] == "drop ≤ 0.02 ✗ breaks at 2"
    assert shown[5] == "torch ✓ 0.010 ✗ 0.030 ✗ 0.040"
