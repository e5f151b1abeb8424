from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from mqa_registry.stats.bootstrap import BootstrapEstimate
from mqa_registry.stats.estimates import Claim, PointEstimate, ShortfallEstimate, Undefined
from mqa_registry.stats.means import Mean
from mqa_registry.stats.proportions import Proportion
from mqa_registry.stats.unpaired_differences import ProportionDifference
from tests.stats.strategies import CONFIDENCES, SHARES

SCORES = st.integers(-5000, 5000).map(lambda number: number / 1000)


@given(st.lists(SCORES, min_size=3, max_size=50).filter(lambda rows: np.std(rows) > 1e-3), CONFIDENCES)
def test_the_interval_of_a_mean_is_students(rows, confidence):
    estimate = Mean(float(np.mean(rows)), float(np.std(rows, ddof=1)) / math.sqrt(len(rows)), len(rows) - 1, len(rows))
    oracle = stats.ttest_1samp(rows, 0).confidence_interval(confidence)
    assert estimate.interval(confidence) == pytest.approx((oracle.low, oracle.high), rel=1e-6, abs=1e-9)


@given(SHARES, SHARES, CONFIDENCES)
def test_the_difference_of_two_shares_is_newcombes(one, two, confidence):
    ours = ProportionDifference(Proportion(*one), Proportion(*two)).interval(confidence)
    oracle = confint_proportions_2indep(*one, *two, method="newcomb", compare="diff", alpha=1 - confidence)
    assert ours == pytest.approx(oracle, abs=1e-9)


def test_the_bca_interval_is_scipys():
    rows = np.random.default_rng(3).exponential(size=60)
    oracle = stats.bootstrap((rows,), np.mean, n_resamples=20_000, rng=np.random.default_rng(1), vectorized=True)
    rng = np.random.default_rng(2)
    replicates = rng.choice(rows, (20_000, 60)).mean(axis=1)
    without = (rows.sum() - rows) / 59
    distance = without.mean() - without
    ours = BootstrapEstimate(float(rows.mean()), 60, replicates, float((distance**2).sum()), float((distance**3).sum()))
    expected = oracle.confidence_interval
    assert ours.interval(0.95) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_where_all_resamples_agree_there_is_no_interval():
    assert BootstrapEstimate(1.0, 100, np.ones(1000)).interval(0.95) is None


def test_rows_that_are_all_alike_have_no_interval():
    assert Mean(0.25, 0.0, 99, 100).interval(0.95) is None


def test_one_row_has_no_interval():
    assert Mean(0.25, math.nan, 0, 1).interval(0.95) is None


def test_a_number_of_the_whole_population_has_no_interval():
    assert PointEstimate(3.0, 10).interval(0.95) is None


@pytest.mark.parametrize(
    ("value", "low", "high", "is_above"),
    [
        (0.6, 0.5, 0.9, False),
        (0.8, 0.5, 0.9, True),
        (0.3, 0.5, 0.9, True),
        (0.95, 0.5, 0.9, False),
        (0.9, 0.5, 0.9, True),
        (0.5, 0.5, 0.9, False),
        (0.5, 0.5, math.inf, False),
        (0.5, -math.inf, 0.5, True),
    ],
)
def test_the_nearest_bound_lies_above_or_below_and_where_it_is_met_on_its_own_side(value, low, high, is_above):
    assert Claim("", PointEstimate(value, 10), low, high).nearest_bound_is_above is is_above


@given(SHARES, st.floats(0, 1), CONFIDENCES, st.booleans())
def test_a_shortfall_is_as_sure_as_the_number_that_falls_short(share, claimed, confidence, less_is_better):
    measured = Proportion(*share)
    shortfall = ShortfallEstimate(measured, claimed, less_is_better)
    sign = 1 if less_is_better else -1
    assert shortfall.value == pytest.approx(sign * (measured.value - claimed))
    ends = sorted(sign * (end - claimed) for end in measured.interval(confidence))
    assert shortfall.interval(confidence) == pytest.approx(ends)
    assert shortfall.span == pytest.approx(sorted(sign * (end - claimed) for end in measured.span))
    more = shortfall.with_rows(2 * measured.rows)
    assert (more.rows, more.origin, more.method) == (2 * measured.rows, claimed, measured.method)


def test_the_shortfall_of_what_is_undefined_is_undefined_for_the_same_reason():
    shortfall = ShortfallEstimate(Undefined(3, "is undefined", never_settles=True), 0.9)
    assert math.isnan(shortfall.value)
    assert (shortfall.undefined_reason, shortfall.never_settles) == ("is undefined", True)
    assert (shortfall.interval(0.95), shortfall.with_rows(10)) == (None, None)


def test_a_claim_fails_beyond_its_failing_ends_where_it_has_such():
    number = Proportion(900, 1000)  # 0.880 to 0.918
    assert not Claim("", number, low=0.85).fails(0.95)
    assert not Claim("", number, low=0.85, failing=(0.91, math.inf)).fails(0.95)
    assert Claim("", number, low=0.85, failing=(0.93, math.inf)).fails(0.95)
    assert Claim("", number, failing=(-math.inf, 0.87)).fails(0.95)
