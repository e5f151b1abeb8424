"""Multiplicity: among many claims, one fails no more often by chance than it would alone."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from mqa_registry.contributions import Statistic
from mqa_registry.judging.measurements import MeasureOutput, estimate
from mqa_registry.stats.estimates import Claim, PointEstimate, Undefined
from mqa_registry.stats.multiplicity import MaxGap, bonferroni_confidence, estimate_max_gap, holm, holm_confidences
from mqa_registry.stats.proportions import Proportion
from mqa_registry.stats.resampling import IntervalOptions
from mqa_registry.stats.unpaired_differences import difference


@pytest.fixture(autouse=True, scope="module")
def frozen():
    """statsmodels collects garbage at each call: what other tests left alive is not looked at each time."""
    gc.freeze()
    yield
    gc.unfreeze()


def at_least(successes: int, rows: int = 1000, bound: float = 0.9) -> Claim:
    return Claim("value", Proportion(successes, rows), low=bound)


@given(st.lists(st.integers(780, 1000), min_size=1, max_size=12), st.sampled_from([0.9, 0.95, 0.99]))
def test_what_fails_is_what_holms_procedure_rejects(counts, confidence):
    claims = [at_least(count) for count in counts]
    # The exact interval lies below the bound where the lower tail at the bound is under half of alpha.
    tails = [min(1.0, 2 * stats.binom.cdf(count, 1000, 0.9)) for count in counts]
    rejected = multipletests(tails, alpha=1 - confidence, method="holm")[0]
    levels = holm_confidences(claims, confidence)
    assert [claim.fails(levels[claim]) for claim in claims] == list(rejected)


def test_as_claims_fall_the_rest_are_held_to_a_milder_level():
    bad, middling, good = at_least(500), at_least(905), at_least(999)
    levels = holm_confidences([middling, bad, good], 0.95)
    assert levels[bad] == pytest.approx(1 - 0.05 / 3)
    assert levels[middling] == levels[good] == pytest.approx(1 - 0.05 / 2)


def test_an_undefined_claim_counts_among_all():
    bad, nothing = at_least(500), Claim("value", Undefined(0, "is undefined"), low=0.5)
    assert holm_confidences([bad, nothing], 0.95)[bad] == pytest.approx(0.975)


def test_equal_claims_are_claims_of_their_own():
    claims = [at_least(500), at_least(500)]
    assert len(holm_confidences(claims, 0.95)) == 2
    assert list(holm_confidences(claims, 0.95).values()) == pytest.approx([0.975, 0.975])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_p_values_are_adjusted_as_statsmodels_does(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_without_p_values_there_is_nothing_to_adjust():
    assert holm([]) == []


def test_without_claims_there_are_no_levels():
    assert holm_confidences([], 0.95) == {}


@pytest.mark.parametrize(("count", "level"), [(0, 0.95), (1, 0.95), (2, 0.975), (20, 0.9975)])
def test_bonferroni_divides_what_may_be_missed(count, level):
    assert bonferroni_confidence(0.95, count) == pytest.approx(level)


HOW = IntervalOptions(7, "widest")


def between(answered, group, *, ratio=False):
    """The largest distance of groups' shares of ones, and every group's share."""
    count = int(group.max()) + 1

    def of(counts):
        pairs = counts.reshape(*counts.shape[:-1], count, 2)
        shares = pairs[..., 1] / pairs.sum(axis=-1)
        return shares.min(axis=-1) / shares.max(axis=-1) if ratio else np.ptp(shares, axis=-1)

    statistic = Statistic(of, 2 * group + answered, 2 * count, per_group={"share": answered})
    groups = [
        estimate(MeasureOutput(answered[group == one] == 1), int((group == one).sum()), HOW) for one in range(count)
    ]
    return statistic, [groups]


def rows(shares, each, seed):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(shares)), each)
    return (rng.random(len(group)) < np.asarray(shares)[group]).astype(np.int64), group


def found(shares, each, seed, *, ratio=False):
    statistic, groups = between(*rows(shares, each, seed), ratio=ratio)
    base = estimate(MeasureOutput(statistic), each * len(shares), HOW)
    return base, estimate_max_gap(base, groups, np.max, is_ratio=ratio)


@pytest.mark.parametrize("ratio", [False, True], ids=["difference", "ratio"])
def test_groups_within_the_bound_seldom_fail(ratio):
    shares, truth = [0.45] * 5 + [0.55] * 5, 0.45 / 0.55 if ratio else 0.1
    alone = together = 0
    for seed in range(60):
        base, one = found(shares, 100, seed, ratio=ratio)
        ends = base.interval(0.95), one.interval(0.95)
        broken = [bool(each and (each[1] < truth if ratio else each[0] > truth)) for each in ends]
        alone, together = alone + broken[0], together + broken[1]
    assert alone >= 6  # a bootstrap alone errs far more often than one time in forty
    assert together <= 3


def test_equal_groups_may_be_equal():
    for seed in range(40):
        interval = found([0.5, 0.5], 200, seed)[1].interval(0.999)
        assert interval is None or interval[0] == 0


def test_of_two_groups_it_goes_no_further_than_the_interval_of_their_difference():
    base, one = found([0.3, 0.6], 300, 1)
    (pair,) = one.pairs[0]
    assert one.interval(0.95)[0] == min(base.interval(0.95)[0], pair.interval(0.95)[0]) > 0
    assert one.interval(0.95)[1] == base.interval(0.95)[1]
    assert (one.value, one.rows, one.method) == (base.value, 600, "bca, pairwise")


def test_pairs_are_corrected_for_the_number_of_all():
    _, one = found([0.2, 0.5, 0.8], 200, 2)
    assert one.n_pairs == 3
    shares = [
        estimate(MeasureOutput(answered == 1), 200, HOW) for answered in np.split(rows([0.2, 0.5, 0.8], 200, 2)[0], 3)
    ]
    sure = difference(shares[2], shares[0]).interval(1 - 0.05 / 3)[0]
    assert one.interval(0.95)[0] <= sure


def test_pairs_of_two_rates_are_corrected_for_those_of_both():
    base, _ = found([0.2, 0.5, 0.8], 200, 2)
    one, two = ([Proportion(count, 200) for count in counts] for counts in ((120, 100, 150), (60, 70, 130)))
    whole = estimate_max_gap(base, [one, two], np.mean)
    level = 1 - 0.05 / 6
    sure = [difference(groups[2], groups[low]).interval(level)[0] for groups, low in ((one, 1), (two, 0))]
    assert whole.interval(0.95)[0] == pytest.approx(min(base.interval(0.95)[0], np.mean(sure)))
    assert np.mean(sure) < base.interval(0.95)[0]
    assert (whole.n_pairs, whole.undefined_reason, whole.with_rows(1200)) == (6, "", None)


def test_of_very_many_groups_those_at_the_ends_are_looked_at_and_all_are_counted():
    _, one = found(np.linspace(0.1, 0.9, 60), 40, 3)
    assert len(one.pairs[0]) == 40 * 39 // 2
    assert one.n_pairs == 60 * 59 // 2
    _, few = found(np.linspace(0.1, 0.9, 30), 40, 3)
    assert len(few.pairs[0]) == few.n_pairs == 30 * 29 // 2


def test_a_number_without_an_interval_has_none_afterwards():
    _, groups = between(*rows([0.5, 0.5], 50, 0))
    whole = estimate_max_gap(PointEstimate(0.5, 100), groups, np.max)
    assert isinstance(whole, MaxGap)
    assert whole.interval(0.95) is None


def test_what_is_undefined_is_left_alone():
    _, groups = between(*rows([0.5, 0.5], 50, 0))
    base = Undefined(100, "is undefined on 100 rows")
    assert estimate_max_gap(base, groups, np.max) is base
