"""Two estimates of different rows: which method they are compared by, and what it gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from mqa_registry.stats.bootstrap import BootstrapEstimate
from mqa_registry.stats.clusters import ClusterDesign
from mqa_registry.stats.estimates import PointEstimate, Undefined
from mqa_registry.stats.means import BoundedMean, Mean
from mqa_registry.stats.proportions import Proportion
from mqa_registry.stats.quantiles import OrderStatistic
from mqa_registry.stats.unpaired_differences import difference, mover_ratio, ratio, widest_ratio

SCORES = np.array([0.1, 0.9, 0.4, 0.4, 0.7, 0.2, 1.3, 0.5])
NORMAL = stats.norm.ppf((np.arange(1000) + 0.5) / 1000)
ENDS = st.tuples(st.integers(-20, 20), st.integers(0, 20)).map(lambda pair: (pair[0] / 4, (pair[0] + pair[1]) / 4))


def resampled(value, span, rows=100):
    return BootstrapEstimate(value, rows, value + NORMAL / 50, span=span)


def bounded(scores):
    return BoundedMean.from_scores(np.array(scores), 0.0, 1.0)


def test_a_share_and_a_mean_differ_as_two_means_do_by_welch():
    right = np.array([1.0] * 14 + [0.0] * 6)
    error = SCORES.std(ddof=1) / math.sqrt(len(SCORES))
    mean = Mean(SCORES.mean(), error, len(SCORES) - 1, len(SCORES))
    found = difference(Proportion(14, 20), mean)
    oracle = stats.ttest_ind(right, SCORES, equal_var=False).confidence_interval(0.95)
    assert found.interval(0.95) == pytest.approx((oracle.low, oracle.high))
    assert (found.rows, found.method) == (28, "welch")


def test_a_share_in_clusters_has_the_error_of_its_design_beside_a_mean():
    share = Proportion(50, 101, design=ClusterDesign(10, 4.0))
    found = difference(share, Mean(0.0, 0.0, 99, 100))
    assert found.standard_error == pytest.approx(math.sqrt(share.value * (1 - share.value) * 4 / 100))
    assert (found.degrees_of_freedom, found.method) == (pytest.approx(9), "cluster welch")


def test_numbers_without_an_interval_have_none_together():
    apart = difference(PointEstimate(0.5, 10, span=(0.0, 1.0)), PointEstimate(0.25, 5, span=(0.0, 2.0)))
    assert apart == PointEstimate(0.25, 15, span=(-2.0, 1.0))
    assert difference(PointEstimate(0.5, 10), Proportion(1, 4)) == PointEstimate(0.25, 14)
    assert difference(Proportion(1, 4), PointEstimate(0.5, 10)) == PointEstimate(-0.25, 14)
    assert ratio(PointEstimate(0.5, 10), PointEstimate(0.25, 5)) == PointEstimate(2.0, 15)
    assert ratio(Proportion(1, 4), PointEstimate(0.5, 10)) == PointEstimate(0.5, 14)


@pytest.mark.parametrize("compare", [difference, ratio])
def test_what_is_undefined_on_one_side_is_undefined_together_on_the_rows_of_both(compare):
    found = compare(Proportion(1, 4), Undefined(3, "is undefined on 3 rows"))
    assert (found.rows, found.undefined_reason) == (7, "is undefined on 3 rows")


def test_a_ratio_to_0_is_undefined():
    found = ratio(Proportion(1, 4), bounded([0.0, 0.0]))
    assert (found.rows, found.undefined_reason) == (6, "is undefined, since the larger of the two is 0")


def test_a_ratio_of_numbers_from_0_on_recovers_the_variance_of_each():
    one, two = bounded([0.2, 0.3, 0.4] * 20), bounded([0.5, 0.6] * 40)
    found = ratio(one, two)
    assert (found.method, found.span, found.rows) == ("unpaired mover", (0.0, math.inf), 140)
    assert found.interval(0.95) == mover_ratio(one.value, two.value, one.interval(0.95), two.interval(0.95))


def test_a_ratio_of_numbers_that_may_be_below_0_is_the_widest_at_half_of_the_misses():
    one, two = resampled(0.3, (-1.0, 1.0)), resampled(0.6, (-1.0, 1.0))
    found = ratio(one, two)
    assert (found.method, found.span) == ("unpaired bonferroni", (-math.inf, math.inf))
    assert found.interval(0.95) == widest_ratio(one.interval(0.975), two.interval(0.975))


def test_a_ratio_of_quantiles_is_the_widest_and_never_below_0_where_they_are_not():
    one, two = (OrderStatistic(np.arange(1.0, 101.0) * by, 0.5, 100, span=(0.0, math.inf)) for by in (1, 2))
    found = ratio(one, two)
    assert (found.method, found.span) == ("unpaired bonferroni", (0.0, math.inf))
    assert found.interval(0.95) == widest_ratio(one.interval(0.975), two.interval(0.975))


@example((-0.75, -0.5), (1.0, 2.0))
@example((-0.5, 0.5), (1.0, 2.0))
@given(ENDS, ENDS)
def test_the_widest_ratio_is_that_of_the_corners_and_open_where_the_divisor_may_be_0(one, two):
    corners = [top / bottom for top in one for bottom in two] if two[0] > 0 else [-math.inf, math.inf]
    assert widest_ratio(one, two) == (min(corners), max(corners))


def test_a_ratio_recovered_has_no_end_above_where_the_divisor_may_be_0():
    low, high = mover_ratio(0.5, 0.5, (0.3, 0.7), (0.0, 0.8))
    assert 0 < low < 1
    assert high == math.inf
    assert mover_ratio(0.5, 0.5, (0.0, 0.7), (0.3, 0.8))[0] == 0
    assert mover_ratio(0.5, 0.5, (0.3, math.inf), (0.3, 0.8)) == (0.3 / 0.8, math.inf)


@given(st.integers(1, 39), st.integers(1, 39))
def test_the_ratio_recovered_is_turned_over_where_the_sides_are_swapped(one, two):
    """Fieller's form: of r and 1 / r the ends are each other's inverses."""
    shares = Proportion(one, 40), Proportion(two, 40)
    low, high = ratio(*shares).interval(0.95)
    turned = ratio(*shares[::-1]).interval(0.95)
    assert turned == pytest.approx((1 / high, 1 / low), rel=1e-6)
