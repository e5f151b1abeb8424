"""The widest of many gaps: no more of it is believed than every two groups show."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_registry.contributions import Statistic
from mqa_registry.judging.measurements import MeasureOutput, estimate
from mqa_registry.stats.differences import difference
from mqa_registry.stats.estimates import PointEstimate, Undefined
from mqa_registry.stats.max_gap import MaxGap, estimate_max_gap
from mqa_registry.stats.resampling import IntervalOptions

HOW = IntervalOptions(7, "widest")


def between(answered, group, *, ratio=False):
    """The largest distance of groups' shares of ones, and every group's share."""
    count = int(group.max()) + 1

    def of(counts):
        pairs = counts.reshape(*counts.shape[:-1], count, 2)
        shares = pairs[..., 1] / pairs.sum(axis=-1)
        return shares.min(axis=-1) / shares.max(axis=-1) if ratio else np.ptp(shares, axis=-1)

    statistic = Statistic(of, 2 * group + answered, 2 * count, shown={"share": answered})
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
def test_groups_that_hold_the_bound_are_seldom_said_to_break_it(ratio):
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


def test_of_very_many_groups_those_at_the_ends_are_looked_at_and_all_are_counted():
    _, one = found(np.linspace(0.1, 0.9, 60), 40, 3)
    assert len(one.pairs[0]) == 40 * 39 // 2
    assert one.n_pairs == 60 * 59 // 2


def test_a_number_without_an_interval_has_none_afterwards():
    _, groups = between(*rows([0.5, 0.5], 50, 0))
    whole = estimate_max_gap(PointEstimate(0.5, 100), groups, np.max)
    assert isinstance(whole, MaxGap)
    assert whole.interval(0.95) is None


def test_what_is_undefined_is_left_alone():
    _, groups = between(*rows([0.5, 0.5], 50, 0))
    base = Undefined(100, "is undefined on 100 rows")
    assert estimate_max_gap(base, groups, np.max) is base
