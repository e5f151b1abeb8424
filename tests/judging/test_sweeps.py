from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.judging.result import Number, Result, ResultEvidence, Step, Verdict
from mqa_registry.judging.sweeps import compare_with_reference, summarize_sweep
from mqa_registry.suite import Expect

PASS, OPEN, FAIL = Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL
VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def steps(*values, verdicts=()):
    """Severities from 1 on."""
    verdict_list = verdicts or [PASS] * len(values)
    numbers = [Number(value, None, None, 100, "exact") for value in values]
    pairs = zip(verdict_list, numbers, strict=True)
    return [Step(verdict, {"value": number}, severity=level) for level, (verdict, number) in enumerate(pairs, 1)]


@pytest.mark.parametrize(
    ("verdicts", "passes_through", "break_point"),
    [
        ([PASS, PASS, PASS], 3, None),
        ([PASS, PASS, FAIL], 2, 3),
        ([PASS, OPEN, FAIL], 1, 3),
        ([OPEN, PASS, OPEN], None, None),
        ([FAIL, PASS, FAIL], None, 1),
        ([PASS, FAIL, PASS], 1, 2),
    ],
)
def test_a_check_holds_up_to_the_first_severity_that_is_not_shown_to_hold(verdicts, passes_through, break_point):
    made = steps(0.9, 0.8, 0.7, verdicts=verdicts)
    for order in (made, made[::-1]):
        found = summarize_sweep(order, Expect(min=0.75), 0.9)
        assert (found.passes_through, found.break_point) == (passes_through, break_point)


def test_the_corruption_error_and_its_ratio_to_the_clean_error_by_hand():
    found = summarize_sweep(steps(0.8, 0.7, 0.6), Expect(min=0.5), 0.85)
    assert (found.corruption_error, found.clean_error_ratio) == (pytest.approx(0.3), pytest.approx(2.0))
    less_is_better = summarize_sweep(steps(0.2, 0.4), Expect(max_rise=0.5), 0.1)
    assert (less_is_better.corruption_error, less_is_better.clean_error_ratio) == (
        pytest.approx(0.3),
        pytest.approx(3.0),
    )


def test_the_corruption_error_is_also_told_relative_to_that_of_the_reference_backend():
    one, two, apart = (
        Result(PASS, check=check, backend=backend, evidence=ResultEvidence(sweep=sweep))
        for check, backend, sweep in [
            ("a", "one", summarize_sweep(steps(0.9, 0.7), Expect(min=0.5), 0.9)),
            ("a", "two", summarize_sweep(steps(0.8, 0.6), Expect(min=0.5), 0.9)),
            ("b", "two", summarize_sweep(steps(0.8, 0.6), Expect(min=0.5), 0.9)),
        ]
    )
    plain = Result(PASS, check="c", backend="two")
    found = compare_with_reference([one, two, apart, plain], "one")
    assert found[1].evidence.sweep.relative_corruption_error == {"one": pytest.approx(0.3 / 0.2)}
    assert (found[0], *found[2:]) == (one, apart, plain)


@pytest.mark.parametrize("expect", [Expect(max_gap=0.1), Expect(min=0.1, max=0.9)])
def test_where_no_way_is_better_there_is_no_error(expect):
    found = summarize_sweep(steps(0.8, 0.7), expect, 0.9)
    assert (found.corruption_error, found.clean_error_ratio) == (None, None)


def test_a_value_above_the_best_has_no_error():
    assert summarize_sweep(steps(31.0, 28.0), Expect(min=20.0), 33.0).corruption_error is None
    assert summarize_sweep(steps(0.9, 1.5), Expect(min=0.5), 0.9).corruption_error is None


@pytest.mark.parametrize("clean", [1.0, math.nan])
def test_without_a_clean_error_there_is_no_ratio(clean):
    found = summarize_sweep(steps(0.8, 0.7), Expect(min=0.5), clean)
    assert (found.corruption_error, found.clean_error_ratio) == (pytest.approx(0.25), None)


def test_what_is_undefined_at_one_severity_has_no_error():
    found = summarize_sweep(steps(0.8, None, 0.9), Expect(min=0.5), 0.9)
    assert (found.corruption_error, found.non_monotonic_at) == (None, (3,))


@given(VALUES, st.floats(0, 1), st.sampled_from([Expect(min=0), Expect(max=1), Expect(max_gap=1)]))
def test_severities_at_which_a_sweep_is_not_monotonic_are_named(values, clean, expect):
    found = summarize_sweep(steps(*values), expect, clean)
    whole = [clean, *values]
    falls = all(after <= before for before, after in pairwise(whole))
    rises = all(after >= before for before, after in pairwise(whole))
    worse = {Expect(min=0): falls, Expect(max=1): rises, Expect(max_gap=1): falls or rises}[expect]
    assert (found.non_monotonic_at == ()) == worse
