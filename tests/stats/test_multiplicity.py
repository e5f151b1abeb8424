"""Multiplicity: among many claims, one fails no more often by chance than it would alone."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from mqa_registry.stats.estimates import Claim, Undefined
from mqa_registry.stats.multiplicity import bonferroni_confidence, holm_confidences
from mqa_registry.stats.proportions import Proportion


def at_least(successes: int, rows: int = 1000, bound: float = 0.9) -> Claim:
    return Claim("value", Proportion(successes, rows), low=bound)


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


def test_without_claims_there_are_no_levels():
    assert holm_confidences([], 0.95) == {}


@pytest.mark.parametrize(("count", "level"), [(0, 0.95), (1, 0.95), (2, 0.975), (20, 0.9975)])
def test_bonferroni_divides_what_may_be_missed(count, level):
    assert bonferroni_confidence(0.95, count) == pytest.approx(level)
