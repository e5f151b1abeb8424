"""Sample size: the rows that are said to settle a claim do, and fewer do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mqa_registry.stats import sample_size
from mqa_registry.stats.clusters import ClusterDesign
from mqa_registry.stats.estimates import Claim, PointEstimate, Undefined
from mqa_registry.stats.means import BoundedMean, Mean
from mqa_registry.stats.paired_proportions import PairedProportions
from mqa_registry.stats.proportions import Proportion
from mqa_registry.stats.quantiles import OrderStatistic
from mqa_registry.stats.sample_size import (
    MAX_ROWS,
    MAX_SEARCHED_CLAIMS,
    HardestClaim,
    can_hold_drop,
    can_hold_equal_groups,
    can_hold_mean,
    can_hold_proportion,
    can_hold_quantile,
    find_fewest_rows,
    find_hardest_claim,
    rows_to_settle,
)
from mqa_registry.stats.unpaired_differences import difference
from tests.benchmarks.statistics import decide_claims


def at_least(successes: int, rows: int, bound: float) -> Claim:
    return Claim("value", Proportion(successes, rows), low=bound)


@pytest.mark.parametrize("successes", [905, 912, 890])
def test_the_rows_that_would_settle_a_share_do(successes):
    rows = rows_to_settle(at_least(successes, 1000, 0.9), 0.95)
    share = successes / 1000
    settled = at_least(round(share * rows), rows, 0.9)
    before = at_least(round(share * rows * 0.98), round(rows * 0.98), 0.9)
    assert decide_claims([settled], 0.95) != "INCONCLUSIVE"
    assert decide_claims([before], 0.95) == "INCONCLUSIVE"


def test_no_number_of_rows_settles_an_estimate_on_the_bound():
    assert rows_to_settle(at_least(900, 1000, 0.9), 0.95) is None


def test_no_rows_settle_what_has_none_or_no_interval():
    for estimate in (Proportion(0, 0), PointEstimate(0.3, 10), Undefined(5, "is undefined"), Mean(0.2, 0.0, 9, 10)):
        assert rows_to_settle(Claim("value", estimate, low=0.25), 0.95) is None


def test_the_rows_that_would_settle_a_drop_are_about_right():
    rows = rows_to_settle(Claim("drop", PairedProportions(60, 40, 1000), high=0.03), 0.95)
    assert rows > 1000
    for factor, holds in ((1.0, True), (0.97, False)):
        pairs = PairedProportions(0.06 * rows * factor, 0.04 * rows * factor, round(rows * factor))
        assert Claim("drop", pairs, high=0.03).holds(0.95) is holds


def test_a_mean_shrinks_with_the_root_of_its_rows():
    claim = Claim("value", Mean(0.5, 0.1, 10**9, 100), low=0.4)
    assert rows_to_settle(claim, 0.95) == math.ceil(100 * 1.959964**2)
    between = Claim("value", Mean(0.5, 0.1, 10**9, 100), low=0.4, high=0.55)
    assert rows_to_settle(between, 0.95) == math.ceil(100 * (1.959964 * 2) ** 2)


@pytest.mark.parametrize("bounds", [(0.6, 0.9), (0.1, 0.4)])
def test_of_two_bounds_the_one_that_is_violated_has_to_be_cleared(bounds):
    assert rows_to_settle(Claim("value", Mean(0.5, 0.1, 10**9, 100), *bounds), 0.95) == math.ceil(100 * 1.959964**2)


def test_what_fails_at_the_confidence_and_not_corrected_for_many_is_not_said_to_be_settled_by_fewer_rows():
    claim = at_least(875, 1000, 0.9)
    assert claim.fails(0.95)
    assert not claim.fails(0.999)
    assert rows_to_settle(claim, 0.95, 0.999) > 1000


@pytest.mark.parametrize("bound", [1e-200, 5e-324, 1e-12])
@pytest.mark.parametrize("estimate", [PairedProportions(0, 0, 100), Proportion(0, 100), Mean(0.0, 1.0, 10, 11)])
def test_a_bound_that_no_rows_come_near_has_no_number_of_rows(estimate, bound):
    claim = Claim("value", estimate, high=bound)
    assert rows_to_settle(claim, 0.95) is None
    assert decide_claims([claim], 0.95) == "INCONCLUSIVE"


def test_no_more_than_a_hundred_million_rows_are_suggested():
    assert MAX_ROWS == 100_000_000
    reach = 1.959964 * 0.1
    near, beyond = (Claim("value", Mean(0.5, 0.1, 10**9, 100), low=0.5 - reach / 10**p) for p in (2.99, 3.01))
    assert 9e7 < rows_to_settle(near, 0.95) <= MAX_ROWS
    assert rows_to_settle(beyond, 0.95) is None
    # Of no change, the interval reaches to z² / (n + z²).
    searched = [Claim("drop", PairedProportions(0, 0, 100), high=bound) for bound in (9e-8, 3e-8)]
    assert 4e7 < rows_to_settle(searched[0], 0.95) <= MAX_ROWS
    assert rows_to_settle(searched[1], 0.95) is None
    assert 2e7 < find_fewest_rows(lambda rows: rows >= 3e7) == 30_000_000
    assert find_fewest_rows(lambda rows: rows >= 2e8) is None


def test_the_claim_that_needs_the_most_rows_decides_on_the_number():
    claims = [at_least(905, 1000, 0.9), at_least(912, 1000, 0.9), at_least(960, 1000, 0.9)]
    alone = [rows_to_settle(claim, 0.95) for claim in claims]
    assert find_hardest_claim(claims, 0.95, {}).rows == max(alone) == alone[0]
    assert find_hardest_claim([at_least(900, 1000, 0.9)], 0.95, {}).rows is None
    failing = at_least(875, 1000, 0.9)
    assert find_hardest_claim([failing], 0.95, {failing: 0.999}).rows == rows_to_settle(failing, 0.95, 0.999)


def test_a_value_next_to_its_bound_has_no_number_of_rows_since_nobody_gathers_as_many():
    near = at_least(901, 1000, 0.9)
    assert rows_to_settle(near, 0.95) > 100_000
    assert find_hardest_claim([near, at_least(905, 1000, 0.9)], 0.95, {}) == HardestClaim(near, None)
    many = at_least(90_100, 100_000, 0.9)
    assert find_hardest_claim([many], 0.95, {}).rows == rows_to_settle(many, 0.95)


def test_with_few_rows_a_hundred_thousand_more_are_within_reach():
    claim = at_least(10, 20, 0.495)
    assert 100 * 20 < find_hardest_claim([claim], 0.95, {}).rows < 100_000


def test_where_another_claim_fails_with_fewer_rows_these_settle_all():
    near, failing = at_least(901, 1000, 0.9), at_least(885, 1000, 0.9)
    found = find_hardest_claim([near, failing], 0.95, {})
    assert found == HardestClaim(failing, rows_to_settle(failing, 0.95))


def test_of_many_claims_the_twenty_that_need_the_most_are_searched(monkeypatch):
    assert MAX_SEARCHED_CLAIMS == 20
    claims = [at_least(successes, 10_000, 0.9) for successes in range(9_010, 9_050)]
    seen = []

    def search(claim, *levels):
        seen.append(claim)
        return rows_to_settle(claim, *levels)

    monkeypatch.setattr(sample_size, "rows_to_settle", search)
    assert find_hardest_claim(claims[::-1], 0.95, {}).rows == rows_to_settle(claims[0], 0.95)
    assert seen == claims[:20]


def test_the_claim_that_seems_to_need_the_most_rows_need_not_decide():
    """The rough number of a share without a mistake is far from the one that the search finds."""
    rough_first = Claim("value", Proportion(999, 1000), low=0.9985)
    claims = [rough_first, Claim("value", Proportion(0, 40), high=0.005)]
    alone = [rows_to_settle(claim, 0.95) for claim in claims]
    for order in (claims, claims[::-1]):
        assert find_hardest_claim(order, 0.95, {}).rows == max(alone)


@pytest.mark.parametrize(
    "estimate",
    [
        Proportion(905, 1000, design=ClusterDesign(50, 2.0)),
        PairedProportions(60, 155, 1000, ClusterDesign(50, 2.0)),
        OrderStatistic(np.arange(1000.0), 0.5, 1000, ClusterDesign(50, 2.0)),
    ],
)
def test_required_rows_in_clusters_follow_from_the_root_of_the_rows(estimate):
    assert estimate.with_rows(2000) is None
    bound = estimate.value - (estimate.value - estimate.interval(0.95)[0]) / 2
    assert rows_to_settle(Claim("value", estimate, low=bound), 0.95) == pytest.approx(4000, rel=0.01)


def test_two_groups_of_many_rows_settle_a_gap():
    gap = difference(Proportion(52, 100), Proportion(50, 100))
    claim = Claim("gap", gap, -0.1, 0.1)
    rows = rows_to_settle(claim, 0.95)
    assert claim.estimate.with_rows(rows).rows == pytest.approx(rows, abs=1)
    assert Claim("gap", gap.with_rows(rows), -0.1, 0.1).holds(0.95)
    assert not Claim("gap", gap.with_rows(round(0.9 * rows)), -0.1, 0.1).holds(0.95)


@pytest.mark.parametrize("least", [1, 2, 3, 4, 5, 1000, 1024, 1025])
def test_the_fewest_rows_are_found_to_the_row(least):
    assert find_fewest_rows(lambda rows: rows >= least) == least


def fewest(can_hold, *arguments, **options):
    return find_fewest_rows(lambda rows: can_hold(rows, *arguments, **options))


@pytest.mark.parametrize(("bound", "rows"), [(0.9, 36), (0.98, 183), (0.999, 3688)])
def test_a_share_without_a_mistake_takes_as_many_rows_as_clopper_and_pearson_have_it(bound, rows):
    assert fewest(can_hold_proportion, bound, math.inf, 0.95) == rows
    assert fewest(can_hold_proportion, -math.inf, 1 - bound, 0.95) == rows


def test_between_two_bounds_the_best_share_need_not_be_at_an_end():
    rows = fewest(can_hold_proportion, 0.4, 0.6, 0.95)
    shares = [any(Claim("", Proportion(k, n), 0.4, 0.6).holds(0.95) for k in range(n + 1)) for n in (rows - 1, rows)]
    assert shares == [False, True]


def test_the_least_share_that_clears_the_lower_bound_decides():
    assert Proportion(1, 100).interval(0.95) == pytest.approx((0.000253, 0.0545), rel=0.01)
    assert can_hold_proportion(100, 0.0002, 0.055, 0.95)
    assert not can_hold_proportion(100, 0.0002, 0.05, 0.95)
    assert not can_hold_proportion(100, 0.0003, 0.055, 0.95)


def test_no_rows_hold_nothing():
    assert not can_hold_proportion(0, 0.1, 1.0, 0.95)
    assert not can_hold_equal_groups(0, 9, -1, 1, 0.95)
    assert not can_hold_equal_groups(9, 0, -1, 1, 0.95)
    assert not can_hold_drop(0, 1.0, 0.95)
    assert not can_hold_mean(0, 0.5, (0.0, 1.0), low=0.1, high=1.0, confidence=0.95)
    assert not can_hold_quantile(0, 0.5, 0.0, 1.0, 0.95)


def test_one_row_can_hold_what_asks_for_nothing():
    assert can_hold_proportion(1, 0.0, 1.0, 0.95)
    assert can_hold_equal_groups(1, 1, -1.0, 1.0, 0.95)
    assert can_hold_drop(1, 1.0, 0.95)
    assert can_hold_mean(1, 0.5, (0.0, 1.0), low=0.0, high=1.0, confidence=0.95)
    assert can_hold_quantile(1, 0.5, -math.inf, math.inf, 0.95)


def test_a_drop_holds_where_no_row_changes_and_a_gain_where_all_get_better():
    rows = fewest(can_hold_drop, 0.05, 0.95)
    assert rows == pytest.approx(3.8415 * (1 / 0.05 - 1), abs=1)
    assert fewest(can_hold_drop, 0.0, 0.95) is None
    assert 0 < fewest(can_hold_drop, 0.0, 0.95, all_better=True) < 20


def test_the_best_cases_of_means_and_quantiles_are_those_of_their_estimates():
    rows = fewest(can_hold_mean, 1.0, (0.0, 1.0), low=0.9, high=math.inf, confidence=0.95)
    held = [BoundedMean.from_scores(np.ones(n), 0.0, 1.0).interval(0.95)[0] >= 0.9 for n in (rows - 1, rows)]
    assert held == [False, True]
    assert fewest(can_hold_quantile, 0.99, -math.inf, 3.0, 0.95) == 368
    assert fewest(can_hold_quantile, 0.5, 1.0, 3.0, 0.95) == 6
    assert OrderStatistic(np.array([1.0]), 0.5, 6).interval(0.95) == (1.0, 1.0)


def test_groups_of_no_mistake_settle_a_gap_as_newcombe_has_it():
    rows = find_fewest_rows(lambda n: can_hold_equal_groups(n, n, -0.05, 0.05, 0.95))
    gap = difference(Proportion(rows, rows), Proportion(rows, rows))
    assert (
        gap.interval(0.95)[1]
        <= 0.05
        < difference(Proportion(rows - 1, rows - 1), Proportion(rows - 1, rows - 1)).interval(0.95)[1]
    )
