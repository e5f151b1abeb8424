"""Bounded means: exact where scores are 0 or 1, and never too sure of what was not seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mqa_registry.judging import Verdict
from mqa_registry.stats.estimates import Claim
from mqa_registry.stats.means import MAX_DISTINCT_SCORES, BoundedMean, probability_above_zero
from mqa_registry.stats.sample_size import rows_to_settle
from tests.benchmarks.statistics import decide_claims


def mean_of(scores, low=0.0, high=1.0, clusters=None):
    return BoundedMean.from_scores(np.asarray(scores, dtype=float), low, high, clusters)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 2000).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))))
def test_of_scores_of_0_and_1_it_is_clopper_and_pearsons(share):
    ones, rows = share
    oracle = stats.binomtest(ones, rows).proportion_ci(0.95, method="exact")
    low, high = mean_of(np.arange(rows) < ones).interval(0.95)
    assert low == pytest.approx(oracle.low, rel=0.05, abs=1e-9)
    assert 1 - low == pytest.approx(1 - oracle.low, rel=0.02, abs=1e-9)
    assert high == pytest.approx(oracle.high, rel=0.02, abs=1e-9)
    assert 1 - high == pytest.approx(1 - oracle.high, rel=0.05, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(-5, 5), st.floats(0.1, 9))
def test_it_holds_the_mean_stays_within_the_range_and_moves_with_the_scale(scores, shift, scale):
    low, high = mean_of(scores).interval(0.95)
    assert 0 <= low <= np.mean(scores) + 1e-9
    assert np.mean(scores) - 1e-9 <= high <= 1
    moved = mean_of(shift + scale * np.array(scores), shift, shift + scale).interval(0.95)
    assert moved == pytest.approx((shift + scale * low, shift + scale * high), abs=1e-6)


def test_it_is_the_quantile_of_weighted_means_with_one_more_score_at_the_end():
    rng = np.random.default_rng(3)
    scores = rng.beta(0.3, 4, 80)
    weights = rng.dirichlet(np.ones(81), 200_000)
    oracle = [np.quantile(weights @ np.append(scores, end), level) for end, level in ((0, 0.025), (1, 0.975))]
    assert mean_of(scores).interval(0.95) == pytest.approx(oracle, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0.0, 0.001, 0.01, 0.1])
@pytest.mark.parametrize("rows", [50, 400])
def test_it_misses_the_truth_no_more_often_than_it_says(wrong, rows):
    rng = np.random.default_rng(1)
    truth = wrong * 0.9
    ends = np.array([mean_of(0.9 * (rng.random(rows) < wrong)).interval(0.95) for _ in range(400)])
    assert (ends[:, 1] < truth).mean() <= 0.04
    assert (ends[:, 0] > truth).mean() <= 0.04


def test_of_many_rows_it_is_as_wide_as_the_normal_interval():
    scores = np.random.default_rng(0).beta(2, 5, 20_000)
    reach = 1.96 * scores.std() / np.sqrt(20_000)
    assert len(mean_of(scores).totals) <= MAX_DISTINCT_SCORES
    assert mean_of(scores).interval(0.95) == pytest.approx((scores.mean() - reach, scores.mean() + reach), abs=1e-4)


def test_rows_of_a_cluster_that_are_alike_tell_as_much_as_one():
    scores = np.random.default_rng(2).random(30)
    alone, tenfold = mean_of(scores), mean_of(np.repeat(scores, 10), clusters=np.repeat(np.arange(30), 10))
    assert tenfold.interval(0.95) == pytest.approx(alone.interval(0.95), rel=1e-6)
    assert tenfold.method == "cluster gaffke"
    assert mean_of(scores, clusters=np.zeros(30, int)).interval(0.95) is None


@pytest.mark.parametrize("score", [0.0, 0.02, 0.3])
def test_the_rows_that_settle_it_are_the_number_that_does(score):
    bound = 0.35
    rows = rows_to_settle(Claim("value", mean_of(np.full(5, score)), high=bound), 0.95)
    verdicts = [decide_claims([Claim("value", mean_of(np.full(n, score)), high=bound)], 0.95) for n in (rows, rows - 2)]
    assert verdicts == [Verdict.PASS, Verdict.INCONCLUSIVE]


@pytest.mark.parametrize("shape", [1.0, 2.0, 7.0])
def test_the_chance_that_one_gamma_is_the_larger_is_that_of_a_beta(shape):
    for part in (0.1, 0.5, 0.9):
        oracle = stats.beta(shape, 3).sf(part)  # X / (X + Y) > part
        assert probability_above_zero(np.array([1 - part, -part]), np.array([shape, 3.0])) == pytest.approx(
            oracle, rel=0.06
        )


def test_what_is_all_on_one_side_is_sure():
    assert probability_above_zero(np.array([1.0, 0.0]), np.ones(2)) == 1
    assert probability_above_zero(np.array([-1.0, 0.0]), np.ones(2)) == 0


def test_a_mean_next_to_where_scores_end_is_there():
    low, high = BoundedMean.from_scores(np.array([0.0, 6.7e-165]), 0.0, 1.0).interval(0.95)
    assert low == 0.0
    assert 0.5 < high < 1.0
