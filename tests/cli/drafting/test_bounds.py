"""Measured bounds: the worst end of any interval, rounded outward."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.cli.drafting.bounds import measure_bounds, round_outward
from mqa_registry.judging import Result, Verdict
from mqa_registry.judging.result import Number, Part, Step

DAY = date(2026, 11, 30)


def number(estimate, low, high, rows=100, **more):
    return Number(estimate, low, high, rows, "exact", **more)


def result(groups=None, series=(), **numbers):
    return Result(Verdict.PASS, numbers, groups=groups or {}, series=series)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9))
def test_a_bound_is_outside_of_the_value_by_less_than_a_hundredth_of_it(value):
    low, high = round_outward(value, down=True), round_outward(value, down=False)
    assert low <= value <= high
    assert Decimal(high) - Decimal(low) <= Decimal("0.011") * abs(Decimal(value))
    assert all(len(Decimal(repr(bound)).normalize().as_tuple().digits) <= 3 for bound in (low, high))


def test_the_worst_backend_bounds_and_the_comment_has_its_interval():
    results = [result(value=number(0.9, 0.8761, 0.92)), result(value=number(0.85, 0.8129, 0.88, rows=4200))]
    found = measure_bounds({"min": 0.5, "max": 0.99}, results, DAY)
    assert found.expect == {"min": 0.812, "max": 0.92}
    assert found.comment == (
        "measured 2026-11-30, on 4,200 rows: 0.85 [0.813, 0.88]; measured 2026-11-30, on 100 rows: 0.9 [0.876, 0.92]"
    )


@pytest.mark.parametrize(("high", "bound"), [(0.02345, 0.0235), (-0.01, 0.0)])
def test_a_drop_that_never_was_is_bounded_by_none(high, bound):
    found = measure_bounds({"max_drop": 0.1}, [result(drop=number(-0.02, -0.03, high))], DAY)
    assert found.expect == {"max_drop": bound}


def test_every_group_of_rows_enough_and_every_severity_counts():
    groups = {"large": Part(Verdict.PASS, {"value": number(0.9, 0.8, 1.0)}),
              "small": Part(Verdict.PASS, {"value": number(0.1, 0.0, 0.9, rows=29)})}  # fmt: skip
    assert measure_bounds({"min": 0.5}, [result(groups, value=number(0.9, 0.85, 1.0))], DAY).expect == {"min": 0.8}
    steps = tuple(Step(Verdict.PASS, {"drop": number(0.1, 0.0, high)}, severity=1.0) for high in (0.1, 0.3))
    assert measure_bounds({"max_drop": 0.5}, [result(series=steps)], DAY).expect == {"max_drop": 0.3}


def test_numbers_of_a_probe_are_bounded_by_name():
    found = measure_bounds({"p95_ms": {"max": 100}}, [result(p95_ms=number(12, 11, 13.21))], DAY)
    assert found.expect == {"p95_ms": {"max": 13.3}}


def test_what_has_no_interval_stays_as_it_is():
    found = measure_bounds({"min": 0.5, "min_rows": 40}, [result(value=Number(0.9, None, None, 9, "none"))], DAY)
    assert (dict(found.expect), found.comment, found.unmeasured) == ({"min": 0.5, "min_rows": 40}, "", ("min",))
