"""How large an error may be, in units of the baseline's own: by its precision, or by chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mqa_parity.tolerance import (
    FALSE_ALARM,
    PRIOR_FREEDOM,
    allowed_units,
    as_ratio,
    chance_limit,
    error_unit,
    in_units,
    moderate_noise,
)


def test_the_unit_is_the_baselines_error_and_at_least_its_floor():
    assert error_unit(3e-6, 10.0, 1e-7) == 3e-6
    assert error_unit(3e-7, 10.0, 1e-7) == pytest.approx(1e-6)
    assert error_unit(0.0, 0.0, 1e-7, 1e-38) == 1e-38
    assert error_unit(np.array([0.0, 5.0]), np.array([2.0, 2.0]), 0.5).tolist() == [1.0, 5.0]


def test_an_error_in_units_of_zero_is_infinite_and_no_error_is_zero():
    assert in_units(6.0, 2.0) == 3
    assert in_units(6.0, 0.0) == math.inf
    assert in_units(0.0, 0.0) == 0


@pytest.mark.parametrize(
    ("units", "allowed", "ratio"),
    [(0.5, 4.0, 0.5), (1.0, 4.0, 1.0), (1.5, 4.0, 2.5), (4.0, 4.0, 10.0), (7.0, 4.0, 19.0), (7.0, 10.0, 7.0)],
)
def test_the_allowed_error_is_a_ratio_of_ten_in_every_precision(units, allowed, ratio):
    assert as_ratio(units, allowed) == pytest.approx(ratio)


def test_noise_of_few_degrees_of_freedom_is_raised_most_towards_the_expected():
    freedom = np.array([1.0, 4.0, 1e9])
    assert moderate_noise(np.zeros(3), np.ones(3), freedom) == pytest.approx(
        [math.sqrt(0.8), math.sqrt(0.5), 0], abs=1e-4
    )
    assert moderate_noise(np.full(3, 2.0), np.ones(3), freedom).tolist() == [2, 2, 2]


@given(st.integers(1, 4000), st.integers(1, 10**6))
def test_the_limit_by_chance_is_the_quantile_of_the_f_distribution(count, groups):
    oracle = stats.f.isf(FALSE_ALARM / groups, count, count + PRIOR_FREEDOM)
    assert chance_limit(np.array([float(count)]), groups)[0] ** 2 == pytest.approx(oracle, rel=1e-3)


def test_few_numbers_of_a_whole_output_may_lie_farther_off():
    assert [round(allowed_units(number, 4.0), 1) for number in (0, 1, 2, 12, 1000)] == [4.0, 28.5, 17.2, 4.0, 4.0]
