from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from mqa_registry.stats.clusters import ClusterDesign
from mqa_registry.stats.paired_proportions import PairedProportions
from mqa_registry.stats.proportions import Proportion, wilson_interval
from mqa_registry.stats.unpaired_differences import ProportionDifference, ProportionRatio
from tests.stats.strategies import CONFIDENCES, SHARES

INNER = st.integers(2, 5000).flatmap(lambda rows: st.tuples(st.integers(1, rows - 1), st.just(rows)))

# Newcombe, Stat. Med. 17, 1998, 873-890, table II: method 10, the hybrid score interval without correction
NEWCOMBE = [
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1705, 0.8090)),
    ((6, 7), (2, 7), (0.0582, 0.8062)),
    ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ((0, 10), (0, 10), (-0.2775, 0.2775)),
    ((10, 10), (0, 20), (0.6791, 1.0000)),
    ((10, 10), (0, 10), (0.6075, 1.0000)),
]


@pytest.mark.parametrize(("one", "two", "published"), NEWCOMBE)
def test_newcombes_own_examples_come_out_as_he_has_them(one, two, published):
    ours = ProportionDifference(Proportion(*one), Proportion(*two)).interval(0.95)
    assert ours == pytest.approx(published, abs=5.1e-5)


@given(INNER, CONFIDENCES)
def test_jeffreys_interval_is_statsmodels(share, confidence):
    oracle = proportion_confint(*share, alpha=1 - confidence, method="jeffreys")
    assert Proportion(*share, "jeffreys").interval(confidence) == pytest.approx(oracle, abs=1e-9)


def test_jeffreys_interval_ends_at_0_and_1_where_all_rows_are_alike():
    assert Proportion(0, 20, "jeffreys").interval(0.95)[0] == 0
    assert Proportion(20, 20, "jeffreys").interval(0.95)[1] == 1


@given(SHARES, CONFIDENCES)
def test_wilsons_interval_may_be_chosen(share, confidence):
    oracle = stats.binomtest(*share).proportion_ci(confidence, method="wilson")
    ours = Proportion(*share, "wilson")
    assert ours.method == "wilson"
    assert ours.interval(confidence) == pytest.approx((oracle.low, oracle.high), abs=1e-9)


@pytest.mark.parametrize("kind", ["exact", "wilson", "jeffreys"])
@given(SHARES)
def test_the_surer_the_wider(kind, share):
    narrow, wide = (Proportion(*share, kind).interval(level) for level in (0.9, 0.99))
    assert wide[0] - 1e-12 <= narrow[0] <= narrow[1] <= wide[1] + 1e-12


@pytest.mark.parametrize("kind", ["exact", "wilson", "jeffreys"])
def test_no_rounding_takes_an_end_beyond_the_scale(kind):
    intervals = [Proportion(right, rows, kind).interval(0.95) for rows in range(1, 100) for right in (0, rows)]
    assert min(low for low, _ in intervals) == 0
    assert max(high for _, high in intervals) == 1


def test_a_share_without_rows_is_undefined_and_says_so():
    share = Proportion(0, 0)
    assert math.isnan(share.value)
    assert share.interval(0.95) is None
    assert share.undefined_reason == "is undefined, since no row counts"


def test_a_ratio_of_large_shares_is_about_the_score_interval():
    ours = ProportionRatio(Proportion(700, 1000), Proportion(800, 1000)).interval(0.95)
    oracle = confint_proportions_2indep(700, 1000, 800, 1000, method="score", compare="ratio")
    assert ours == pytest.approx(oracle, abs=2e-3)


def test_a_ratio_to_what_may_be_nothing_has_no_end_above():
    low, high = ProportionRatio(Proportion(5, 30), Proportion(1, 10_000)).interval(0.95)
    assert low > 1
    assert high > 1000
    assert ProportionRatio(Proportion(0, 30), Proportion(20, 30)).interval(0.95)[0] == 0


@pytest.mark.parametrize(("rows", "one", "two"), [(60, 0.8, 0.9), (500, 0.75, 0.95), (500, 0.99, 0.995)])
def test_the_interval_of_a_ratio_misses_as_often_as_it_says(rows, one, two):
    rng = np.random.default_rng(4)
    missed = np.zeros(2)
    for first, second in rng.binomial(rows, [one, two], size=(1500, 2)):
        low, high = ProportionRatio(Proportion(int(first), rows), Proportion(int(second), rows)).interval(0.95)
        missed += [low > one / two, high < one / two]
    assert (missed / 1500 <= 0.04).all()
    assert missed.sum() / 1500 >= 0.02


def test_rows_that_tell_less_make_every_share_wider():
    design = ClusterDesign(clusters=20, effect=4.0)
    for plain, clustered in (
        (Proportion(90, 100), Proportion(90, 100, "exact", design)),
        (PairedProportions(9, 4, 100), PairedProportions(9, 4, 100, design)),
    ):
        low, high = plain.interval(0.95)
        lower, higher = clustered.interval(0.95)
        assert lower < low
        assert high < higher
        assert clustered.method == f"cluster {plain.method}"


def test_one_cluster_has_no_interval():
    share = Proportion(90, 100, "exact", ClusterDesign(1, 100.0))
    assert share.interval(0.95) is None
    assert "one cluster" in share.undefined_reason


@given(SHARES, CONFIDENCES)
def test_the_interval_of_a_share_is_that_of_clopper_and_pearson(share, confidence):
    oracle = stats.binomtest(*share).proportion_ci(confidence, method="exact")
    assert Proportion(*share).interval(confidence) == pytest.approx((oracle.low, oracle.high), abs=1e-9)


@given(SHARES, CONFIDENCES)
def test_wilsons_interval_is_scipys(share, confidence):
    oracle = stats.binomtest(*share).proportion_ci(confidence, method="wilson")
    assert wilson_interval(share[0] / share[1], share[1], confidence) == pytest.approx(
        (oracle.low, oracle.high), abs=1e-9
    )
