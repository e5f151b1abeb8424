from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.judging.result import Number
from mqa_registry.naming import counted
from mqa_registry.reports.number_format import (
    format_as_in_suite,
    format_count,
    format_duration,
    format_estimate,
    format_number,
    format_p_value,
)


def told(estimate, low=None, high=None, limits=()):
    return " ".join(part for part in format_estimate(Number(estimate, low, high, 100, "exact"), limits) if part)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ((0.813, 0.801, 0.825), "0.813 [0.801, 0.825]"),
        ((-0.003, -0.011, 0.005), "-0.003 [-0.011, 0.005]"),
        ((0.0, -0.001, 0.001), "0.000 [-0.001, 0.001]"),
        ((0.0, -0.00091, 0.00091), "0.0000 [-0.0009, 0.0009]"),
        ((-0.0004, -0.0084, 0.0076), "0.000 [-0.008, 0.008]"),
        ((1.0, 0.9991, 1.0), "1.000 [0.999, 1.000]"),
        ((0.99952, 0.9983, 0.99994), "0.9995 [0.9983, 0.9999]"),
        ((0.00048, 0.00006, 0.0017), "0.0005 [0.0001, 0.0017]"),
        ((4.1e-10, 3.2e-10, 5.3e-10), "4.1e-10 [3.2e-10, 5.3e-10]"),
        ((12.34, 11.2, 13.9), "12.34 [11.20, 13.90]"),
        ((123.4, 119.0, 130.2), "123.4 [119.0, 130.2]"),
        ((12345.6, 11000.0, 14000.0), "12,346 [11,000, 14,000]"),
        ((22.0, 20.0, 1250.0), "22 [20, 1,250]"),
        ((22.0, 20.0, None), "22 [20, …]"),
        ((22.0, 20.5, 24.0), "22.00 [20.50, 24.00]"),
        ((1e17, 2e16, 3e17), "1.0e+17 [2.0e+16, 3.0e+17]"),
        ((1e300,), "1.0e+300"),
        ((3.1e-06,), "3.1e-06"),
        ((2.4e-04,), "2.4e-04"),
        ((0.009,), "0.009"),
        ((0.0,), "0"),
        ((3.0,), "3"),
        ((1234567.0,), "1,234,567"),
        ((None,), "undefined"),
        ((math.nan, 0.1, 0.2), "undefined"),
        ((0.5, -math.inf, math.inf), "0.500"),
        ((0.5, 0.4, None), "0.500 [0.400, …]"),
    ],
)
def test_a_number_reads_well(number, text):
    assert told(*number) == text


def test_an_interval_is_never_rounded_onto_a_bound_it_does_not_reach():
    assert told(0.998, 0.9948, 0.9993, limits=(0.995,)) == "0.9980 [0.9948, 0.9993]"
    assert told(0.998, 0.995, 0.9993, limits=(0.995,)) == "0.998 [0.995, 0.999]"
    assert told(0.99996, 0.99993, 0.99999, limits=(1.0,)) == "0.99996 [0.99993, 0.99999]"


@given(st.floats(0, 1), st.floats(0, 0.2), st.sampled_from([0.0, 0.05, 0.5, 0.78, 0.995, 1.0]))
def test_what_is_written_lies_on_the_side_of_the_bound_on_which_the_number_lies(estimate, half, limit):
    low, high = max(estimate - half, 0.0), min(estimate + half, 1.0)
    parts = told(estimate, low, high, limits=(limit,)).replace("[", "").replace("]", "").replace(",", "").split()
    for value, text in zip((estimate, low, high), parts, strict=True):
        if abs(value - limit) > 1e-5:
            assert (float(text) > limit) == (value > limit)
            assert (float(text) < limit) == (value < limit)


@given(st.floats(allow_nan=True, allow_infinity=True), st.none() | st.floats(), st.none() | st.floats())
def test_any_number_at_all_can_be_written(estimate, low, high):
    text = told(estimate, low, high)
    assert "nan" not in text
    assert "inf" not in text
    assert format_number(estimate)


@pytest.mark.parametrize(
    ("bound", "text"),
    [
        (0.78, "0.78"), (0.8, "0.80"), (0.1, "0.10"), (0.995, "0.995"), (0, "0"), (1, "1"), (1.0, "1"),
        (20, "20"), (1.5, "1.5"), (1e-4, "1e-04"), (2.5e-6, "2.5e-06"), (-0.1, "-0.10"), (1 / 3, "0.3333333333"),
    ],
)  # fmt: skip
def test_a_bound_reads_as_a_suite_would_say_it(bound, text):
    assert format_as_in_suite(bound) == text


@given(st.floats(-1e6, 1e6))
def test_a_bound_is_never_changed_by_writing_it(bound):
    assert float(format_as_in_suite(bound)) == pytest.approx(bound, rel=1e-5, abs=1e-300)


def test_counts_and_times():
    assert format_count(12345) == "12,345"
    assert counted(1, "row") == "1 row"
    assert counted(4200, "row") == "4,200 rows"
    assert format_duration(0.04) == "0.0 s"
    assert format_duration(12.34) == "12.3 s"
    assert format_duration(59.99) == "1 min 0 s"
    assert format_duration(3725) == "62 min 5 s"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0312, "p = 0.031"), (1.0, "p = 1"), (1e-82, "p = 1e-82"), (0.0, "p < 1e-300")]
)
def test_a_p_value_is_never_zero(value, text):
    assert format_p_value(value) == text
