from __future__ import annotations

import gc
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from mqa_registry.judging.claims import Claim, failing, verdict_at_point, verdict_of
from mqa_registry.judging.estimates import Whole
from mqa_registry.judging.result import Verdict
from mqa_registry.judging.shares import PairedProportions, Proportion


def at_least(successes: int, rows: int, bound: float) -> Claim:
    return Claim("value", Proportion(successes, rows), low=bound)


@pytest.mark.parametrize(
    ("successes", "verdict"), [(960, Verdict.PASS), (905, Verdict.INCONCLUSIVE), (850, Verdict.FAIL)]
)
def test_a_claim_is_settled_where_the_interval_clears_the_bound(successes, verdict):
    assert verdict_of([at_least(successes, 1000, 0.9)], 0.95) is verdict


def test_a_bound_on_both_sides_is_cleared_on_both():
    assert verdict_of([Claim("value", Proportion(500, 1000), 0.4, 0.6)], 0.95) is Verdict.PASS
    assert verdict_of([Claim("value", Proportion(700, 1000), 0.4, 0.6)], 0.95) is Verdict.FAIL
    assert verdict_of([Claim("value", Proportion(590, 1000), 0.4, 0.6)], 0.95) is Verdict.INCONCLUSIVE


def test_a_number_without_an_interval_stands_for_itself():
    assert verdict_of([Claim("value", Whole(1e-6, 100), high=1e-5)], 0.95) is Verdict.PASS
    assert verdict_of([Claim("value", Whole(1e-4, 100), high=1e-5)], 0.95) is Verdict.FAIL


def test_what_is_undefined_settles_nothing():
    claim = Claim("value", Whole(math.nan, 0), low=0.5)
    assert verdict_of([claim], 0.95) is Verdict.INCONCLUSIVE
    assert verdict_at_point([claim]) is Verdict.INCONCLUSIVE


def test_without_claims_nothing_is_shown():
    assert verdict_of([], 0.95) is Verdict.INCONCLUSIVE


def test_every_part_has_to_hold():
    claims = [at_least(960, 1000, 0.9)] * 7 + [at_least(905, 1000, 0.9)]
    assert verdict_of(claims, 0.95) is Verdict.INCONCLUSIVE


def test_a_part_that_fails_by_itself_may_not_fail_among_many():
    marginal = at_least(878, 1000, 0.9)
    assert verdict_of([marginal], 0.95) is Verdict.FAIL
    assert verdict_of([marginal] + [at_least(960, 1000, 0.9)] * 20, 0.95) is Verdict.INCONCLUSIVE


@pytest.fixture(scope="module")
def few_objects():
    """statsmodels collects garbage at every call, which takes long where a whole test run lies about."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("few_objects")
@given(st.lists(st.integers(780, 1000), min_size=1, max_size=12), st.sampled_from([0.9, 0.95, 0.99]))
def test_what_fails_is_what_holms_procedure_rejects(counts, confidence):
    claims = [at_least(count, 1000, 0.9) for count in counts]
    # The exact interval lies below the bound where the lower tail at the bound is under half of alpha.
    tails = [min(1.0, 2 * stats.binom.cdf(count, 1000, 0.9)) for count in counts]
    rejected = multipletests(tails, alpha=1 - confidence, method="holm")[0]
    fallen = failing(claims, confidence)
    assert [any(claim is one for one in fallen) for claim in claims] == list(rejected)


def test_the_bare_estimate_decides_where_that_is_asked_for():
    assert verdict_at_point([at_least(901, 1000, 0.9)]) is Verdict.PASS
    assert verdict_at_point([at_least(899, 1000, 0.9)]) is Verdict.FAIL


@pytest.mark.parametrize("successes", [905, 912, 890])
def test_the_rows_that_would_settle_a_share_do(successes):
    claim = at_least(successes, 1000, 0.9)
    rows = claim.rows_to_settle(0.95)
    share = successes / 1000
    settled, before = (
        at_least(round(share * rows), rows, 0.9),
        at_least(round(share * rows * 0.9), round(rows * 0.9), 0.9),
    )
    assert verdict_of([settled], 0.95) is not Verdict.INCONCLUSIVE
    assert verdict_of([before], 0.95) is Verdict.INCONCLUSIVE


def test_no_number_of_rows_settles_an_estimate_on_the_bound():
    assert at_least(900, 1000, 0.9).rows_to_settle(0.95) is None


def test_the_rows_that_would_settle_a_drop_are_about_right():
    claim = Claim("drop", PairedProportions(60, 40, 1000), high=0.03)
    rows = claim.rows_to_settle(0.95)
    assert rows > 1000
    assert Claim("drop", PairedProportions(round(0.06 * rows), round(0.04 * rows), rows), high=0.03).holds(0.94)


def test_what_fails_at_the_confidence_and_not_corrected_for_many_is_not_said_to_be_settled_by_fewer_rows():
    claim = at_least(875, 1000, 0.9)
    assert claim.fails(0.95)
    assert not claim.fails(0.999)
    assert claim.rows_to_settle(0.95, 0.999) > 1000


@pytest.mark.parametrize("bound", [1e-200, 5e-324, 1e-12])
@pytest.mark.parametrize("estimate", [PairedProportions(0, 0, 100), Proportion(0, 100)])
def test_a_bound_that_no_rows_come_near_has_no_number_of_rows(estimate, bound):
    claim = Claim("value", estimate, high=bound)
    assert claim.rows_to_settle(0.95) is None
    assert verdict_of([claim], 0.95) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("successes", [0, 1, 50, 99, 100])
def test_a_confidence_of_one_less_a_rounding_decides_next_to_nothing(successes):
    low, high = Proportion(successes, 100).interval(1 - 2**-53)
    assert 0 <= low <= successes / 100 <= high <= 1
