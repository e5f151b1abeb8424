from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mqa_registry.contributions import Statistic
from mqa_registry.judging.measurements import MeasureOutput, estimate
from mqa_registry.stats.bootstrap import BootstrapEstimate
from mqa_registry.stats.estimates import Claim
from mqa_registry.stats.resampling import IntervalOptions
from mqa_registry.stats.sample_size import rows_to_settle
from mqa_registry.stats.unseen_rows import UnseenRowReplicates

NORMAL = stats.norm.ppf((np.arange(1000) + 0.5) / 1000)


def test_few_units_reach_as_far_as_students_t():
    few = BootstrapEstimate(0.0, 10, NORMAL).interval(0.95)
    reach = math.sqrt(10 / 9) * stats.t.ppf(0.975, 9)
    assert few == pytest.approx((-reach, reach), abs=0.05)
    many = BootstrapEstimate(0.0, 100_000, NORMAL).interval(0.95)
    assert many == pytest.approx((-1.96, 1.96), abs=0.01)


NOTHING_UNSEEN = UnseenRowReplicates(np.zeros(1000), np.zeros(1000), 0.0, 0.0, np.ones(1000))


@pytest.mark.parametrize(
    ("units", "degrees_of_freedom", "used"),
    [(5, None, 4), (5, 2.0, 4), (2, None, 1), (100, 2.0, 10), (100, 40.0, 40)],
)
def test_with_an_unseen_row_few_rows_of_influence_count_as_ten_and_as_no_more_than_there_are(
    units, degrees_of_freedom, used
):
    found = BootstrapEstimate(
        0.0, units, NORMAL, degrees_of_freedom=degrees_of_freedom, unseen=NOTHING_UNSEEN
    ).interval(0.8)
    reach = math.sqrt(1 + 1 / used) * stats.t.ppf(0.9, used)
    assert found == pytest.approx((-reach, reach), abs=0.05)


def test_a_tail_goes_on_beyond_the_resamples():
    levels = [BootstrapEstimate(0.0, 10**6, NORMAL).interval(level) for level in (0.99, 0.999, 0.99999, 0.9999999)]
    highs = [high for _, high in levels]
    assert highs == sorted(set(highs))
    assert highs[-1] == pytest.approx(stats.norm.isf(0.5e-7), rel=0.05)


def test_a_bias_that_matters_makes_the_interval_hold_the_number_mirrored_and_not():
    biased = BootstrapEstimate(0.0, 10**6, NORMAL + 0.8)
    low, high = biased.interval(0.95)
    assert low <= -1.96 - 0.8 + 0.02
    assert high >= 1.96 + 0.8 - 0.02


@pytest.mark.parametrize(("bias", "matters"), [(0.24, False), (0.26, True)])
def test_a_bias_matters_from_a_quarter_of_the_standard_error_on(bias, matters):
    _, high = BootstrapEstimate(0.0, 10**6, NORMAL + bias).interval(0.95)
    assert (high > 1.96) is matters  # BCa's own end lies below, and that which ignores the bias above


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (BootstrapEstimate(1.0, 100, np.ones(1000)), "is 1 in every resample"),
        (
            BootstrapEstimate(0.5, 100, np.where(np.arange(1000) < 300, np.nan, NORMAL)),
            "is undefined in 30% of the resamples",
        ),
        (BootstrapEstimate(math.nan, 100, NORMAL), "is undefined on 100 rows"),
        (BootstrapEstimate(0.0, 1, NORMAL), "rests on one row"),
    ],
)
def test_without_an_interval_there_is_a_reason(found, reason):
    assert found.interval(0.95) is None
    assert found.undefined_reason.startswith(reason)


def test_where_all_resamples_lie_on_one_side_the_interval_holds_them_and_their_mirror_image():
    low, high = BootstrapEstimate(9.0, 100, NORMAL).interval(0.95)
    assert low <= -1.9
    assert high >= 18 + 1.9


def test_few_undefined_resamples_are_left_out():
    found = BootstrapEstimate(0.0, 100, np.where(np.arange(1000) % 50 == 0, np.nan, NORMAL))
    assert found.interval(0.95) == pytest.approx((-2, 2), abs=0.1)


def test_where_few_rows_have_the_influence_they_are_what_there_is_to_go_by():
    bins = np.array([1] * 6 + [0] * 594)
    weights = np.array([0.0, 1.0])
    rare = Statistic(lambda counts: counts @ weights / counts.sum(axis=-1), bins, 2)
    found = estimate(MeasureOutput(rare), 600, IntervalOptions(0, "test"))
    assert found.degrees_of_freedom < 20
    even = Statistic(rare.compute, np.arange(600) % 2, 2)
    assert estimate(MeasureOutput(even), 600, IntervalOptions(0, "test")).degrees_of_freedom == 599


@pytest.mark.slow
@pytest.mark.parametrize("rows", [100, 400])
def test_a_correlation_covers_as_often_as_it_says(rows):
    rng = np.random.default_rng(3)

    def misses(seed):
        pairs = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], size=rows)
        one, two = pairs.T

        def of(counts):
            total = counts.sum(axis=-1)
            sums = [counts @ each / total for each in (one, two, one * two, one**2, two**2)]
            spread = np.sqrt((sums[3] - sums[0] ** 2) * (sums[4] - sums[1] ** 2))
            return (sums[2] - sums[0] * sums[1]) / spread

        low, high = estimate(MeasureOutput(Statistic(of)), rows, IntervalOptions(seed, "test", 400)).interval(0.9)
        return low > 0.8, high < 0.8

    missed = np.mean([misses(seed) for seed in range(400)], axis=0)
    assert (missed <= 0.08).all()
    assert missed.sum() >= 0.05


@pytest.mark.slow
def test_distances_that_are_nothing_but_noise_are_not_shown_to_be_more():
    """The calibration error of a model without any, whose estimate is far from none."""
    rng = np.random.default_rng(3)
    bins = np.arange(200) % 15

    def measure(seed):
        chance = rng.uniform(0.5, 1, 200)
        surplus = (rng.random(200) < chance) - chance
        within = (bins[:, None] == np.arange(15)) * surplus[:, None]

        def of(counts):
            return np.abs(counts @ within).sum(axis=-1) / counts.sum(axis=-1)

        found = estimate(MeasureOutput(Statistic(of)), 200, IntervalOptions(seed, "test", 300))
        return found.value, (found.interval(0.95) or (0.0, 1.0))[0]

    values, lows = np.array([measure(seed) for seed in range(200)]).T
    assert np.quantile(values, 0.05) > 0.05
    assert (lows > 0.02).mean() <= 0.05


def test_where_few_rows_leave_resamples_without_a_number_the_rows_that_would_do_are_named():
    """Two rows in 400 are missed by one resample in seven: about 460 rows miss theirs in one of ten."""
    replicates = np.where(np.arange(1000) < 135, np.nan, 0.5 + NORMAL / 100)
    found = BootstrapEstimate(0.5, 400, replicates)
    assert found.undefined_reason == "is undefined in 14% of the resamples"
    assert found.rows_to_be_defined == 460
    assert not found.with_rows(460).undefined_reason
    assert rows_to_settle(Claim("value", found, low=0.3), 0.95) >= 455
