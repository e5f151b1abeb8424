"""A quantile is a value that occurred, and so are the ends of its interval, which hold whatever the distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from mqa_registry.contributions import Quantile
from mqa_registry.judging.measurements import MeasureOutput, estimate, estimate_drop
from mqa_registry.judging.result import Verdict
from mqa_registry.stats.clusters import ClusterDesign
from mqa_registry.stats.estimates import Claim
from mqa_registry.stats.quantiles import OrderStatistic
from mqa_registry.stats.resampling import IntervalOptions
from mqa_registry.stats.sample_size import rows_to_settle
from mqa_registry.stats.unpaired_differences import EstimateDifference, EstimateRatio, difference, ratio
from tests.benchmarks.statistics import decide_claims

HOW = IntervalOptions(7, "test")
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)
SHARES = st.sampled_from([0.05, 0.25, 0.5, 0.9, 0.95, 0.99])
CONFIDENCES = st.sampled_from([0.83, 0.95, 0.987])  # none for which a binomial tail is exactly what may be missed

# What is drawn, by the quantile function of its distribution.
SHAPES = {
    "bimodal": lambda chance: np.where(chance <= 0.6, 4 + chance, 15 + chance),
    "heavy": lambda chance: np.tan(np.pi * chance / 2),
    "discrete": lambda chance: np.floor(6 * chance**2),
    "steep": lambda chance: np.exp(stats.norm.ppf(chance)),
}


def of(values, share=0.5):
    return MeasureOutput.of(Quantile(np.array(values, dtype=float), share))


def found(values, share=0.5, how=HOW):
    return estimate(of(values, share), len(values), how)


@given(VALUES, SHARES, CONFIDENCES)
def test_the_ends_are_those_of_scipy_where_it_has_them(values, share, confidence):
    oracle = stats.quantile_test(values, q=np.median(values), p=share).confidence_interval(confidence)
    low, high = found(values, share).interval(confidence)
    assert low == (-math.inf if math.isnan(oracle.low) else oracle.low)
    assert high == (math.inf if math.isnan(oracle.high) else oracle.high)


@settings(deadline=None)  # of the oracle
@given(st.integers(100, 10**7), SHARES, CONFIDENCES)
def test_of_very_many_rows_too(rows, share, confidence):
    tail = (1 - confidence) / 2
    low, high = OrderStatistic(np.arange(1.0, rows + 1), share, rows).interval(confidence)
    assume(math.isfinite(low + high))
    assert (low, high) == (stats.binom.ppf(tail, rows, share), stats.binom.isf(tail, rows, share) + 1)


@given(VALUES, SHARES)
def test_the_estimate_is_numpys_inverted_distribution_function_and_lies_in_its_interval(values, share):
    one = found(values, share)
    assert one.value == np.quantile(values, share, method="inverted_cdf") == of(values, share).point(len(values))
    low, high = one.interval(0.95)
    assert low <= one.value <= high
    assert {low, high} - {-math.inf, math.inf} <= set(values)


@given(VALUES, SHARES, st.integers(0, 99))
def test_a_resample_has_numpys_quantile_as_well(values, share, seed):
    statistic = of(values, share).as_statistic(len(values))
    rows = np.random.default_rng(seed).integers(len(values), size=(3, len(values)))
    counts = np.array([np.bincount(statistic.bins[row], minlength=statistic.n_bins) for row in rows], dtype=float)
    expected = [np.quantile(np.array(values)[row], share, method="inverted_cdf") for row in rows]
    assert statistic.compute(counts).tolist() == expected
    assert np.isnan(statistic.compute(np.zeros(statistic.n_bins)))


def test_in_clusters_its_design_is_that_of_the_rows_that_it_is_not_below():
    values, clusters = np.repeat([0.0, 0.0, 0.0, 1.0, 2.0], 4), np.repeat(np.arange(5), 4)
    one = found(values, how=IntervalOptions(7, "test", clusters=clusters))
    assert (one.value, one.method) == (0.0, "cluster order statistics")
    # Every cluster is alike, so that the effect is its size, with the correction for five clusters.
    assert one.design == ClusterDesign(5, pytest.approx(4 * 5 / 4))
    ignored = np.append(values, math.nan)
    assert found(ignored, how=IntervalOptions(7, "test", clusters=np.append(clusters, 9))).design == one.design


@pytest.mark.parametrize(("share", "least"), [(0.5, 6), (0.95, 72), (0.99, 368)])
def test_an_end_takes_a_known_number_of_rows(share, least):
    ranked = np.arange(1000.0)
    assert OrderStatistic(ranked, share, 1000).rows_for_an_end(0.95, above=True) == least
    assert found(ranked[:least], share).interval(0.95)[1] == least - 1
    assert found(ranked[: least - 1], share).interval(0.95)[1] == math.inf
    assert found(-ranked[: least - 1], 1 - share).interval(0.95)[0] == -math.inf


@given(VALUES, SHARES)
def test_upside_down_it_is_the_same(values, share):
    values = np.array(values)
    low, high = found(values, share).interval(0.95)
    assert found(-values, 1 - share).interval(0.95) == (-high, -low)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("share", "rows"), [(0.5, 7), (0.5, 101), (0.6, 200), (0.95, 200), (0.99, 500)])
def test_with_the_truth_on_the_bound_either_verdict_is_wrong_as_seldom_as_it_says(shape, share, rows):
    draw, rng = SHAPES[shape], np.random.default_rng(3)
    truth, checks = float(draw(np.array([share]))[0]), 1500
    claims = [[Claim("p", found(draw(rng.random(rows)), share), high=truth)] for _ in range(checks)]
    verdicts = [decide_claims(one, 0.95) for one in claims]
    assert verdicts.count(Verdict.FAIL) <= 0.04 * checks
    if shape != "discrete":  # there the bound is the value of many rows, and PASS is right
        assert verdicts.count(Verdict.PASS) <= 0.04 * checks


def test_the_interval_is_no_wider_than_its_confidence_takes():
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(2000):
        low, high = found(rng.random(400)).interval(0.95)
        missed += not low <= 0.5 <= high
    assert missed / 2000 >= 0.03


def test_a_machine_with_two_speeds_has_no_latency_below_its_fastest():
    rng = np.random.default_rng(0)
    times = np.where(rng.random(200) < 0.5, rng.normal(4, 0.1, 200), rng.normal(15, 2, 200))
    low, high = found(times).interval(0.95)
    assert times.min() <= low <= high <= times.max()


def test_a_row_that_scores_nan_is_ignored():
    one = found([math.nan, 3.0, 1.0, math.nan, 2.0])
    assert (one.value, one.rows) == (2.0, 3)


@pytest.mark.parametrize("values", [[], [math.nan, math.nan]])
def test_of_no_rows_it_is_undefined_and_says_so(values):
    one = found(values)
    assert math.isnan(one.value)
    assert one.interval(0.95) is None
    assert one.undefined_reason == "is undefined, since no row counts"
    assert math.isnan(difference(one, found([1.0, 2.0])).value)


def test_one_row_shows_nothing_on_either_side():
    assert found([3.0]).interval(0.95) == (-math.inf, math.inf)
    assert decide_claims([Claim("p50", found([3.0]), high=1e9)], 0.95) is Verdict.INCONCLUSIVE


def test_rows_that_are_all_alike_are_as_sure_as_there_are_many():
    assert found([3.0] * 100).interval(0.95) == (3.0, 3.0)
    assert decide_claims([Claim("p50", found([3.0] * 100), high=3.0)], 0.95) is Verdict.PASS


def test_what_never_ends_is_a_slow_row_like_any():
    values = [1.0] * 80 + [math.inf] * 20
    assert found(values, 0.5).interval(0.95) == (1.0, 1.0)
    assert decide_claims([Claim("p95", found(values, 0.95), high=60.0)], 0.95) is Verdict.FAIL


def test_some_of_the_rows_have_a_quantile_of_their_own():
    assert estimate(of([5.0, 1.0, 9.0, 2.0]).take(np.array([0, 2, 3])), 3, HOW).value == 5.0


@pytest.mark.parametrize(("share", "clusters", "size"), [(0.5, 12, 15), (0.95, 40, 8)])
def test_clusters_are_missed_as_seldom_as_rows(share, clusters, size):
    rng, codes = np.random.default_rng(1), np.repeat(np.arange(clusters), size)
    truth, missed = math.exp(2 * stats.norm.ppf(share)), np.zeros(2)
    for _ in range(800):
        values = np.sqrt(0.5) * (rng.normal(size=clusters)[codes] + rng.normal(size=len(codes)))
        one = found(np.exp(2 * values), share, IntervalOptions(7, "test", clusters=codes))
        low, high = one.interval(0.95)
        missed += [low > truth, high < truth]
    assert one.method == "cluster order statistics"
    assert (missed / 800 <= 0.04).all()
    assert missed.sum() >= 8


def test_one_cluster_shows_nothing():
    one = found([1.0, 2.0, 3.0] * 30, how=IntervalOptions(7, "test", clusters=np.zeros(90, dtype=np.int64)))
    assert one.interval(0.95) is None
    assert "one cluster" in one.undefined_reason


@pytest.mark.parametrize("shape", ["bimodal", "heavy", "steep"])
def test_the_difference_of_two_groups_is_missed_as_seldom_as_it_says(shape):
    rng, missed = np.random.default_rng(2), np.zeros(2)
    for _ in range(1000):
        pair = [found(SHAPES[shape](rng.random(150)), 0.6) for _ in range(2)]
        one = difference(*pair)
        low, high = one.interval(0.95)
        missed += [low > 0, high < 0]
    assert isinstance(one, EstimateDifference)
    assert (missed / 1000 <= 0.04).all()


def test_a_difference_is_open_where_either_side_is():
    sure, open_above = found(np.arange(100.0)), found(np.arange(100.0), 0.99)
    assert difference(open_above, sure).interval(0.95)[1] == math.inf
    assert difference(sure, open_above).interval(0.95)[0] == -math.inf
    assert math.isfinite(difference(open_above, sure).interval(0.95)[0])


def test_a_difference_to_what_is_infinite_is_undefined_and_says_so():
    one = difference(found([math.inf] * 30), found([1.0] * 30))
    assert one.interval(0.95) is None
    assert one.undefined_reason


def test_a_drop_is_resampled_in_pairs():
    rng = np.random.default_rng(5)
    before = rng.lognormal(size=300)
    same = estimate_drop(of(before), of(before - 1), 300, HOW)
    assert same.method == "paired bca"
    assert same.value == pytest.approx(1)
    other = estimate_drop(of(before), of(rng.permutation(before) - 1 + rng.normal(size=300) / 10), 300, HOW)
    low, high = other.interval(0.95)
    assert low < 1 < high


def test_a_drop_of_no_rows_is_undefined():
    assert math.isnan(estimate_drop(of([math.nan]), of([math.nan]), 1, HOW).value)


@pytest.mark.parametrize("shape", ["bimodal", "heavy", "steep"])
def test_the_ratio_of_two_groups_is_missed_no_more_often_than_it_says(shape):
    rng = np.random.default_rng(2)
    pairs = [[found(SHAPES[shape](rng.random(150)) + 1, 0.6) for _ in range(2)] for _ in range(500)]
    intervals = [ratio(*pair).interval(0.95) for pair in pairs]
    assert sum(not low <= 1 <= high for low, high in intervals) <= 15
    assert any(high < 30 for _, high in intervals)


@given(st.lists(st.floats(-9, 9), min_size=30, max_size=40), st.lists(st.floats(0.5, 9), min_size=30, max_size=40))
def test_a_ratio_lies_between_its_ends_whatever_its_sign(one, two):
    between = ratio(found(one), found(two))
    low, high = between.interval(0.95)
    assert isinstance(between, EstimateRatio)
    assert low <= between.value <= high
    assert [low, high] == sorted([low, high])


def test_a_ratio_is_open_where_rows_are_few_or_the_divisor_may_be_nothing():
    many, few = np.arange(1.0, 101), np.arange(1.0, 51)
    assert ratio(found(many), found(few, 0.99)).interval(0.95)[0] == 0
    assert ratio(found(few, 0.99), found(many)).interval(0.95)[1] == math.inf
    assert ratio(found(many), found(many - 49)).interval(0.95) == (-math.inf, math.inf)


def test_the_rows_that_settle_it_are_those_that_have_an_end_where_all_lie_on_the_right_side():
    claim = Claim("p99_ms", found(np.arange(200.0), 0.99), high=500)
    assert rows_to_settle(claim, 0.95) == pytest.approx(368, rel=0.01)
    assert rows_to_settle(claim, 0.95) >= 368


@pytest.mark.parametrize("bound", [905.0, 955.0, 995.0])
def test_the_rows_that_settle_it_do_where_more_are_like_those_at_hand(bound):
    tens = np.arange(100.0) * 10
    rows = rows_to_settle(Claim("p95", found(tens, 0.95), high=bound), 0.95)
    enough, few = (Claim("p95", OrderStatistic(tens, 0.95, count), high=bound) for count in (rows, round(rows * 0.9)))
    assert decide_claims([enough], 0.95) is (Verdict.FAIL if bound < 940 else Verdict.PASS)
    assert decide_claims([few], 0.95) is Verdict.INCONCLUSIVE


def test_values_like_these_are_the_same_values_repeated():
    values = np.arange(100.0)
    for share in (0.3, 0.95):
        assert found(np.repeat(values, 7), share).interval(0.95) == found(values, share).with_rows(700).interval(0.95)


def test_no_number_of_rows_settles_a_quantile_on_its_bound():
    assert rows_to_settle(Claim("p50", found(np.arange(99.0)), high=49.0), 0.95) is None
