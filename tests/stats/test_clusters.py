from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from statsmodels.regression.linear_model import OLS

from mqa_registry.contributions import Statistic
from mqa_registry.judging.measurements import MeasureOutput, estimate, estimate_drop
from mqa_registry.stats.clusters import (
    ClusterDesign,
    clustered_standard_error,
    estimate_design,
    explain_no_interval,
)
from mqa_registry.stats.estimates import NO_ROWS, explain_one_unit
from mqa_registry.stats.resampling import IntervalOptions
from mqa_registry.stats.unpaired_differences import difference

CLUSTERS = 60
SIZE = 10


def clustered(rng, share, alike=0.7):
    """Right and wrong rows of which those of one cluster are mostly alike, and their clusters."""
    codes = np.repeat(np.arange(CLUSTERS), SIZE)
    common = rng.random(CLUSTERS) < share
    own = rng.random(CLUSTERS * SIZE) < share
    return np.where(rng.random(CLUSTERS * SIZE) < alike, common[codes], own), codes


def misses(make, truth, times=400):
    """How often the interval at 95 % misses the truth."""
    rng = np.random.default_rng(8)
    found = [make(rng, seed) for seed in range(times)]
    return sum(not low <= truth <= high for low, high in found) / times


@given(st.lists(st.tuples(st.floats(-3, 3), st.integers(0, 6)), min_size=4, max_size=60))
def test_the_error_is_that_of_a_regression_with_cluster_robust_errors(rows):
    scores, codes = np.array([score for score, _ in rows]), np.array([code for _, code in rows])
    error, count = clustered_standard_error(scores, codes)
    if count < 2:
        assert math.isnan(error)
        return
    fit = OLS(scores, np.ones(len(scores))).fit(cov_type="cluster", cov_kwds={"groups": codes})
    assert error == pytest.approx(fit.bse[0], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("share", [0.7, 0.9])
def test_where_rows_of_a_cluster_are_alike_a_share_covers_and_the_plain_one_does_not(share):
    def interval(rng, seed, *, aware):
        rows, codes = clustered(rng, share)
        how = IntervalOptions(seed, "test", clusters=codes if aware else None)
        return estimate(MeasureOutput.of(rows), len(rows), how).interval(0.95)

    assert misses(lambda rng, seed: interval(rng, seed, aware=True), share) <= 0.075
    assert misses(lambda rng, seed: interval(rng, seed, aware=False), share) >= 0.25


def test_where_rows_of_a_cluster_are_alike_a_mean_covers_and_the_plain_one_does_not():
    def interval(rng, seed, *, aware):
        codes = np.repeat(np.arange(CLUSTERS), SIZE)
        rows = rng.normal(size=CLUSTERS)[codes] + rng.normal(size=len(codes))
        found = estimate(
            MeasureOutput.of(rows), len(rows), IntervalOptions(seed, "test", clusters=codes if aware else None)
        )
        assert found.method == ("cluster t" if aware else "t")
        return found.interval(0.95)

    assert misses(lambda rng, seed: interval(rng, seed, aware=True), 0.0) <= 0.075
    assert misses(lambda rng, seed: interval(rng, seed, aware=False), 0.0) >= 0.25


def test_where_rows_of_a_cluster_are_alike_a_drop_covers_and_the_plain_one_does_not():
    def interval(rng, seed, *, aware):
        lost, codes = clustered(rng, 0.1)
        before, after = np.ones(len(lost), dtype=bool), ~lost
        how = IntervalOptions(seed, "test", clusters=codes if aware else None)
        return estimate_drop(MeasureOutput.of(before), MeasureOutput.of(after), len(lost), how).interval(0.95)

    assert misses(lambda rng, seed: interval(rng, seed, aware=True), 0.1) <= 0.075
    assert misses(lambda rng, seed: interval(rng, seed, aware=False), 0.1) >= 0.25


def share_of(rows):
    """A share as a statistic of two bins, which only resampling can tell about."""
    return Statistic(lambda counts: counts[..., 1] / counts.sum(axis=-1), rows.astype(np.int64), 2)


def test_where_rows_of_a_cluster_are_alike_a_statistic_covers_and_the_plain_one_does_not():
    def interval(rng, seed, *, aware):
        rows, codes = clustered(rng, 0.7)
        how = IntervalOptions(seed, "test", 500, clusters=codes if aware else None)
        found = estimate(MeasureOutput(share_of(rows)), len(rows), how)
        assert found.method == ("cluster bca" if aware else "bca")
        return found.interval(0.95)

    assert misses(lambda rng, seed: interval(rng, seed, aware=True), 0.7) <= 0.085
    assert misses(lambda rng, seed: interval(rng, seed, aware=False), 0.7) >= 0.25


def test_clusters_of_one_row_are_rows():
    rows = np.random.default_rng(2).random(300) < 0.8
    plain = estimate(MeasureOutput.of(rows), 300, IntervalOptions(0, "test")).interval(0.95)
    alone = estimate(MeasureOutput.of(rows), 300, IntervalOptions(0, "test", clusters=np.arange(300))).interval(0.95)
    assert alone == pytest.approx(plain, abs=2e-3)


def test_the_names_of_clusters_do_not_matter():
    rows, codes = clustered(np.random.default_rng(1), 0.8)
    renamed = (codes * 37 + 11) % 1009
    for measured in (MeasureOutput.of(rows), MeasureOutput.of(rows + 0.5)):
        one, two = (estimate(measured, len(rows), IntervalOptions(0, "t", clusters=each)) for each in (codes, renamed))
        assert one.interval(0.9) == pytest.approx(two.interval(0.9))


@pytest.mark.parametrize("scores", [[1.0, 0, 1, 1], [0.2, 0.4, 0.1, 0.9]])
def test_one_cluster_alone_shows_nothing(scores):
    how = IntervalOptions(0, "test", clusters=np.zeros(4, dtype=np.int64))
    found = estimate(MeasureOutput.of(scores), 4, how)
    assert found.interval(0.95) is None
    assert "one cluster" in found.undefined_reason
    statistic = estimate(MeasureOutput(share_of(np.array([1, 0, 1, 1]))), 4, how)
    assert statistic.interval(0.95) is None
    assert "one cluster" in statistic.undefined_reason


def test_where_all_rows_are_right_every_cluster_counts_for_one():
    codes = np.repeat(np.arange(50), 4)
    design = estimate_design(np.ones(200), codes)
    assert design.effect == 4
    assert estimate_design(np.ones(4), np.zeros(4, int)).effect == 4
    low, high = estimate(MeasureOutput.of(np.ones(200, bool)), 200, IntervalOptions(0, "t", clusters=codes)).interval(
        0.95
    )
    assert high == 1
    assert low == pytest.approx(0.025 ** (1 / 50), abs=0.005)


def test_two_clusters_are_the_fewest_that_show_how_others_would_differ():
    assert explain_no_interval(10, ClusterDesign(1, 1.0)) == explain_one_unit("cluster")
    assert explain_no_interval(10, ClusterDesign(2, 1.0)) == ""
    assert explain_no_interval(1, None) == ""
    assert explain_no_interval(0, ClusterDesign(2, 1.0)) == NO_ROWS
    assert ClusterDesign(1, 1.0).effective_rows(100, 0.95) == 0
    narrower = special.stdtrit(1, 0.975) / special.ndtri(0.975)
    assert ClusterDesign(2, 4.0).effective_rows(100, 0.95) == pytest.approx(100 / 4 / narrower**2)


def test_differences_of_groups_in_clusters_say_so():
    rng = np.random.default_rng(6)
    (one, codes), (two, _) = clustered(rng, 0.8), clustered(rng, 0.7)
    how = IntervalOptions(0, "test", clusters=codes)
    kinds = {
        "cluster newcombe": (MeasureOutput.of(one), MeasureOutput.of(two)),
        "cluster welch": (MeasureOutput.of(one + 0.5), MeasureOutput.of(two + 0.5)),
        "cluster unpaired mover": (MeasureOutput(share_of(one)), MeasureOutput(share_of(two))),
    }
    for method, pair in kinds.items():
        assert difference(*(estimate(each, len(one), how) for each in pair)).method == method


def test_rows_that_score_nan_are_ignored_with_their_clusters():
    scores = np.array([1.0, 0.0, 1.0, math.nan, math.nan])
    found = estimate(MeasureOutput.of(scores), 5, IntervalOptions(0, "t", clusters=np.array([0, 1, 2, 3, 3])))
    assert found.design.clusters == 3
