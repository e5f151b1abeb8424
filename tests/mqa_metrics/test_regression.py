"""Metrics of numbers: by hand, as scikit-learn and scipy have them, and as the judge sees a model that makes no error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sklearn

from mqa_metrics import regression
from mqa_registry import Predictions, Quantile, Scores, Statistic
from mqa_registry.judging.measurements import MeasureOutput, estimate
from mqa_registry.stats.resampling import IntervalOptions

QUICK = settings(max_examples=25, deadline=None)
OPTIONS = IntervalOptions(seed=7, purpose="test", n_resamples=200)
ACTUAL, PREDICTED = [1.0, 2.0, 4.0, 5.0], [1.5, 2.0, 3.0, 5.0]
ORACLES = {
    "mae": sklearn.mean_absolute_error,
    "mse": sklearn.mean_squared_error,
    "rmse": sklearn.root_mean_squared_error,
    "mean_error": lambda actual, predicted: float(np.mean(predicted) - np.mean(actual)),
    "r2": sklearn.r2_score,
    "explained_variance": sklearn.explained_variance_score,
    "pearson": lambda actual, predicted: stats.pearsonr(actual, predicted).statistic,
    "spearman": lambda actual, predicted: stats.spearmanr(actual, predicted).statistic,
}
RANGES = {"r2": (-np.inf, 1.0), "explained_variance": (-np.inf, 1.0), "pearson": (-1.0, 1.0), "spearman": (-1.0, 1.0)}
PERFECT = {"mae": 0.0, "mse": 0.0, "rmse": 0.0, "mean_error": 0.0} | dict.fromkeys(RANGES, 1.0)


@pytest.fixture(scope="session")
def values(predict):
    """Schema `value`."""
    return lambda numbers: predict("value", np.asarray(numbers, np.float64).tolist())


def measure(name, predicted: Predictions, actual: Predictions):
    return getattr(regression, name)(predicted, actual)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mae", 0.375), ("mse", 0.3125), ("rmse", 0.3125**0.5), ("mean_error", -0.125), ("r2", 1 - 1.25 / 10),
        ("explained_variance", 1 - (1.25 - 4 * 0.125**2) / 10), ("spearman", 1.0),
    ],
)  # fmt: skip
def test_by_hand(values, at, name, expected):
    measured = measure(name, values(PREDICTED), values(ACTUAL))
    assert at(measured.values if isinstance(measured, Scores) else measured) == pytest.approx(expected)


def test_the_median_is_the_lower_of_the_two_in_the_middle(values):
    measured = measure("median_absolute_error", values(PREDICTED), values(ACTUAL))
    assert isinstance(measured, Quantile)
    assert estimate(MeasureOutput.of(measured), 4, OPTIONS).value == 0.0


@st.composite
def numbers(draw):
    """Predictions and targets with ties, and how often each row is counted, three rows at least once."""
    rows = draw(st.integers(3, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    actual = rng.integers(-5, 6, rows) + 100.0
    predicted = actual + rng.integers(-3, 4, rows)
    times = rng.integers(0, 4, rows)
    times[:3] += 1
    return predicted, actual, times


@pytest.mark.parametrize("name", ORACLES)
@QUICK
@given(case=numbers())
def test_it_is_the_number_of_the_library_however_often_rows_are_counted(values, at, name, case):
    predicted, actual, times = case
    measured = measure(name, values(predicted), values(actual))
    found = at(measured.values if isinstance(measured, Scores) else measured, times)
    again = np.repeat(actual, times), np.repeat(predicted, times)
    if name in RANGES and any(np.ptp(side) == 0 for side in again[: 1 if "r2" in name or "explained" in name else 2]):
        assert np.isnan(found)
    else:
        assert found == pytest.approx(ORACLES[name](*again), abs=1e-9)


@pytest.mark.parametrize("name", PERFECT)
def test_perfect_predictions_have_an_interval_that_more_rows_narrow(values, name):
    ends = {}
    for rows in (50, 2000):
        actual = values(np.linspace(0, 5, rows))
        output = MeasureOutput.of_metric(measure(name, actual, actual), RANGES.get(name, (-np.inf, np.inf)))
        found = estimate(output, rows, OPTIONS)
        assert found.value == pytest.approx(PERFECT[name])
        low, high = found.interval(0.95)
        assert low <= found.value <= high
        assert low < high
        ends[rows] = high - low
    assert ends[2000] < ends[50] / 3


@pytest.mark.parametrize("name", RANGES)
def test_it_is_undefined_where_all_targets_are_the_same(values, name):
    measured = measure(name, values([1.0, 2.0]), values([3.0, 3.0]))
    assert isinstance(measured, Statistic)
    assert measured.undefined == "all targets are the same"


@pytest.mark.parametrize("name", ["pearson", "spearman"])
def test_a_correlation_is_undefined_where_all_predictions_are_the_same(values, name):
    assert measure(name, values([3.0, 3.0]), values([1.0, 2.0])).undefined == "all predictions are the same"


def test_where_all_targets_are_met_and_the_same_nothing_is_known_of_other_rows(values):
    same = values([3.0] * 100)
    assert (
        "shows nothing" in estimate(MeasureOutput.of_metric(measure("mae", same, same)), 100, OPTIONS).undefined_reason
    )
