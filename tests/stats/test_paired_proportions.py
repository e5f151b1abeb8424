from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar

from mqa_registry.stats.paired_proportions import PairedProportions
from tests.stats.strategies import CONFIDENCES


def _constrained_score(negative: int, positive: int, rows: int, drop: float) -> float:
    """Tango's statistic from its definition: the restricted maximum likelihood estimate is searched, not derived."""

    def loglikelihood(share: float) -> float:
        cells = (negative, share + drop), (positive, share), (rows - negative - positive, 1 - 2 * share - drop)
        return -sum(count * math.log(max(chance, 1e-300)) for count, chance in cells if count)

    bounds = (max(0.0, -drop), (1 - drop) / 2)
    share = optimize.minimize_scalar(loglikelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    variance = rows * (2 * share + drop * (1 - drop))
    return (negative - positive - rows * drop) / math.sqrt(variance)


@pytest.mark.parametrize(
    ("negative", "positive", "rows"), [(12, 2, 44), (9, 2, 20), (1, 6, 60), (30, 25, 500), (0, 5, 100), (7, 0, 90)]
)
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_at_the_ends_of_tangos_interval_the_score_is_the_normal_quantile(negative, positive, rows, confidence):
    low, high = PairedProportions(negative, positive, rows).interval(confidence)
    reach = stats.norm.ppf((1 + confidence) / 2)
    assert _constrained_score(negative, positive, rows, low) == pytest.approx(reach, rel=1e-3)
    assert _constrained_score(negative, positive, rows, high) == pytest.approx(-reach, rel=1e-3)


@given(st.integers(1, 400), st.data(), CONFIDENCES)
def test_the_interval_of_a_drop_turns_over_when_the_sides_are_swapped(rows, data, confidence):
    negative = data.draw(st.integers(0, rows))
    positive = data.draw(st.integers(0, rows - negative))
    low, high = PairedProportions(negative, positive, rows).interval(confidence)
    assert -1 <= low <= (negative - positive) / rows <= high <= 1
    assert PairedProportions(positive, negative, rows).interval(confidence) == pytest.approx((-high, -low), abs=1e-9)


def test_no_change_at_all_still_leaves_room_for_some():
    low, high = PairedProportions(0, 0, 1000).interval(0.95)
    assert low == pytest.approx(-high)
    assert high == pytest.approx(1 / (1 + 1000 / stats.norm.ppf(0.975) ** 2), rel=1e-6)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemars_exact_test_is_statsmodels(negative, positive):
    oracle = mcnemar([[1000, negative], [positive, 1000]], exact=True).pvalue
    assert PairedProportions(negative, positive, 3000).mcnemar_p_value == pytest.approx(min(1.0, oracle), rel=1e-9)
