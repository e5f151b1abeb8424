from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.contributions import Metric, Scores, Statistic
from mqa_registry.judging.measurements import Measurement, MeasureOutput, estimate, estimate_drop
from mqa_registry.judging.samples import MeasureInputs, RowSelection, Sample
from mqa_registry.stats import binned_statistics
from mqa_registry.stats.binned_statistics import BinnedStatistic
from mqa_registry.stats.estimates import PointEstimate
from mqa_registry.stats.means import BoundedMean, Mean
from mqa_registry.stats.paired_proportions import PairedProportions
from mqa_registry.stats.proportions import Proportion
from mqa_registry.stats.resampling import IntervalOptions, bootstrap
from mqa_registry.stats.unpaired_differences import (
    EstimateDifference,
    EstimateRatio,
    ProportionDifference,
    difference,
    ratio,
)
from mqa_registry.suite import Use
from mqa_registry.types import Predictions

HOW = IntervalOptions(7, "test")


def as_bins(statistic: Statistic) -> BinnedStatistic:
    return MeasureOutput(statistic).as_statistic(len(statistic.bins))


def precision(codes: np.ndarray, predicted: np.ndarray) -> Statistic:
    """The share of the second class among what was predicted to be it, over the four bins of two classes."""

    def of(counts):
        hits, all_of_them = counts[..., 3], counts[..., 1] + counts[..., 3]
        return np.divide(hits, all_of_them, out=np.full(hits.shape, np.nan), where=all_of_them > 0)

    return Statistic(of, codes * 2 + predicted, 4)


def test_right_and_wrong_rows_are_a_share():
    assert estimate(MeasureOutput.of([True, False, True, True]), 4, HOW) == Proportion(3, 4)


def test_a_row_that_scores_nan_is_ignored():
    assert estimate(MeasureOutput.of([1.0, math.nan, 0.0]), 3, HOW) == Proportion(1, 2)


def test_other_scores_are_a_mean():
    found = estimate(MeasureOutput.of([0.5, 1.5, 2.5]), 3, HOW)
    assert isinstance(found, Mean)
    assert (found.value, found.rows) == (1.5, 3)


def test_one_number_is_of_the_whole_population():
    assert estimate(MeasureOutput.of(np.float32(0.25)), 9, HOW) == PointEstimate(0.25, 9)


@pytest.mark.parametrize("scores", [[], [math.nan, math.nan], [1.0, math.inf]])
def test_without_finite_scores_there_is_no_interval(scores):
    assert estimate(MeasureOutput.of(scores), len(scores), HOW).interval(0.95) in (None, (0.0, 1.0))


def test_a_drop_of_shares_counts_the_rows_that_changed():
    before, after = MeasureOutput.of([1, 1, 1, 0, 0]), MeasureOutput.of([1, 0, 0, 1, 0])
    assert estimate_drop(before, after, 5, HOW) == PairedProportions(2, 1, 5)


def test_a_drop_of_shares_in_clusters_has_the_design_of_the_rows_that_changed():
    rng = np.random.default_rng(3)
    clusters = np.arange(200) // 5
    one = (rng.random(200) < 0.8).astype(float)
    two = np.where(rng.random(40)[clusters] < 0.3, 1 - one, one)  # whole clusters change
    found = estimate_drop(
        MeasureOutput.of(one), MeasureOutput.of(two), 200, IntervalOptions(7, "test", clusters=clusters)
    )
    changes = (one - two).reshape(40, 5)
    sums = changes.sum(axis=1) - 5 * changes.mean()
    assert found.design.clusters == 40
    assert found.design.effect == pytest.approx((sums**2).sum() * 40 / 39 / changes.size / changes.var())


def sampled(*probabilities, with_probabilities=True):
    """A sample whose rows have these probabilities of the second of two classes."""
    columns = {
        "id": pa.chunked_array([pa.array([str(row) for row in range(len(probabilities))])]),
        "label": pa.array(["many" if one > 0.5 else "few" for one in probabilities]),
    }
    if with_probabilities:
        columns["probability"] = pa.array([[1 - one, one] for one in probabilities])
    return Sample(Predictions("label", pa.table(columns), ("few", "many")), None, np.arange(len(probabilities)))


def has_identical_predictions(sample, reference, rows=None, **pairing):
    selected = None if rows is None else RowSelection(np.array(rows), np.array(rows))
    inputs = MeasureInputs(Use("letters/x", Metric("x", max, schemas=("label",))), sample, reference, **pairing)
    return Measurement(inputs, MeasureOutput(0.0), selected=selected).has_identical_predictions


def test_predictions_are_identical_where_every_probability_is_so_to_the_last_bit():
    sample, other = sampled(0.25, 0.75), sampled(0.25, np.nextafter(0.75, 1))
    assert has_identical_predictions(sample, sampled(0.25, 0.75))
    assert not has_identical_predictions(sample, other)
    assert has_identical_predictions(sample, other, rows=[0])
    assert not has_identical_predictions(sample, sampled(0.25, 0.75), is_paired=False)
    assert not has_identical_predictions(sample, None)
    labels = sampled(0.25, 0.75, with_probabilities=False)
    assert not has_identical_predictions(labels, labels)


def test_a_drop_between_different_denominators_is_resampled_in_pairs():
    before, after = MeasureOutput.of([1, 1, math.nan, 0] * 30), MeasureOutput.of([1, 0, 1, math.nan] * 30)
    found = estimate_drop(before, after, 120, HOW)
    assert found.method == "paired bca"
    assert found.value == pytest.approx(0.0)
    assert found.rows == 120


@given(st.integers(0, 2**32 - 1))
def test_a_statistic_of_pairs_is_the_difference_of_the_two(seed):
    rng = np.random.default_rng(seed)
    truth, one, two = rng.integers(2, size=(3, 80))
    found = estimate_drop(MeasureOutput(precision(truth, one)), MeasureOutput(precision(truth, two)), 80, HOW)
    alone = [estimate(MeasureOutput(precision(truth, predicted)), 80, HOW).value for predicted in (one, two)]
    assert found.value == pytest.approx(alone[0] - alone[1])


def test_equal_statistics_drop_by_nothing_as_far_as_so_many_equal_rows_can_show():
    rng = np.random.default_rng(0)
    measured = MeasureOutput(precision(*rng.integers(2, size=(2, 50))))
    found = estimate_drop(measured, measured, 50, HOW)
    low, high = found.interval(0.95)
    assert found.value == 0
    assert low == pytest.approx(-high, rel=1e-6)
    assert 0.05 < high < 0.2


def test_bins_and_rows_resample_alike():
    rng = np.random.default_rng(5)
    truth, predicted = rng.integers(2, size=(2, 2000))
    celled = precision(truth, predicted)
    by_row = Statistic(
        lambda counts: np.divide(counts @ (truth * predicted), counts @ predicted), np.arange(2000), 2000
    )
    one = bootstrap([as_bins(celled)], lambda values: values[0], HOW)
    two = bootstrap([as_bins(by_row)], lambda values: values[0], HOW)
    assert one.value == pytest.approx(two.value)
    assert one.replicates.std() == pytest.approx(two.replicates.std(), rel=0.1)
    assert one.interval(0.95) == pytest.approx(two.interval(0.95), abs=0.01)


def test_many_bins_are_counted_as_few_are(monkeypatch):
    rng = np.random.default_rng(5)
    scores, bins_of_rows = rng.normal(size=(2, 300)), rng.integers(-1, 40, size=(2, 300))
    pair = [
        BinnedStatistic(lambda counts, score=score: counts @ score[:40] / counts.sum(axis=-1), bins, 40)
        for score, bins in zip(scores, bins_of_rows, strict=True)
    ]
    few = bootstrap(pair, lambda values: values[0] - 2 * values[1], HOW)
    monkeypatch.setattr(binned_statistics, "FEW_BINS", 1)
    many = bootstrap(pair, lambda values: values[0] - 2 * values[1], HOW)
    counted = [score[bins[bins >= 0]].mean() for score, bins in zip(scores, bins_of_rows, strict=True)]
    assert few.value == pytest.approx(counted[0] - 2 * counted[1])
    np.testing.assert_allclose(many.replicates, few.replicates)


def test_the_same_purpose_resamples_the_same():
    truth, predicted = np.random.default_rng(5).integers(2, size=(2, 300))
    measured = MeasureOutput(precision(truth, predicted))
    assert (estimate(measured, 300, HOW).replicates == estimate(measured, 300, HOW).replicates).all()
    other = estimate(measured, 300, IntervalOptions(7, "another"))
    assert (estimate(measured, 300, HOW).replicates != other.replicates).any()


def test_a_row_that_a_statistic_ignores_is_in_no_bin():
    bins = np.array([0, 0, 1, -1, -1] * 20)
    found = estimate(MeasureOutput(Statistic(lambda counts: counts[..., 0] / counts.sum(axis=-1), bins, 2)), 100, HOW)
    assert found.value == pytest.approx(2 / 3)
    assert found.rows == 60


def test_the_difference_of_shares_of_different_rows_is_unpaired():
    assert isinstance(difference(Proportion(3, 9), Proportion(2, 8)), ProportionDifference)


def test_the_difference_of_means_is_welchs():
    one, two = np.random.default_rng(1).normal(size=(2, 40))
    from scipy import stats

    found = difference(*(estimate(MeasureOutput.of(rows), 40, HOW) for rows in (one, two)))
    oracle = stats.ttest_ind(one, two, equal_var=False).confidence_interval(0.9)
    assert found.interval(0.9) == pytest.approx((oracle.low, oracle.high))


def test_a_ratio_lies_in_its_interval():
    found = ratio(Proportion(300, 1000), Proportion(400, 1000))
    low, high = found.interval(0.95)
    assert low < 0.75 < high
    assert high - low < 0.2


def test_a_ratio_to_nothing_is_undefined():
    assert math.isnan(ratio(Proportion(0, 10), Proportion(0, 10)).value)


def test_an_array_of_a_metric_with_a_range_is_bounded_by_it_and_that_of_a_comparison_is_not():
    scores, span = [0.1, 0.4, 0.2], (0.0, 1.0)
    assert isinstance(estimate(MeasureOutput.of_metric(scores, span), 3, HOW), BoundedMean)
    assert isinstance(estimate(MeasureOutput.of(scores, span), 3, HOW), Mean)
    assert isinstance(estimate(MeasureOutput.of_metric(scores, (0.0, math.inf)), 3, HOW), Mean)


@pytest.mark.parametrize("span", [(0.0, 1.0), (0.0, math.inf), (-math.inf, 1.0)])
def test_the_interval_of_a_mean_ends_where_its_range_does(span):
    low, high = estimate(MeasureOutput.of([0.9, 1.0, 0.2, 0.0], span), 4, HOW).interval(0.99)
    assert low >= span[0]
    assert high <= span[1]


def test_equal_scores_of_a_comparison_have_the_rule_of_three_where_its_range_ends():
    found = estimate(MeasureOutput.of(np.ones(100), (-1.0, 1.0)), 100, HOW)
    assert found.interval(0.95) == pytest.approx((1 - 2 * 0.0362, 1), abs=0.001)
    assert estimate(MeasureOutput.of(np.full(100, 0.5)), 100, HOW).interval(0.95) is None


def test_scores_of_0_and_1_that_could_be_2_are_no_share():
    assert estimate(MeasureOutput.of(Scores(np.zeros(10), 0, 1)), 10, HOW) == Proportion(0, 10)
    found = estimate(MeasureOutput.of(Scores(np.zeros(10), 0, 2)), 10, HOW)
    assert found.interval(0.95)[1] == pytest.approx(2 * 0.3085, rel=0.01)


def test_a_drop_of_bounded_scores_can_be_as_large_as_their_range():
    scores = MeasureOutput.of(Scores(np.full(100, 0.25), 0, 1))
    found = estimate_drop(scores, scores, 100, HOW)
    assert isinstance(found, BoundedMean)
    assert found.interval(0.95) == pytest.approx((-0.0362, 0.0362), abs=0.001)


def test_a_share_and_a_bounded_mean_differ_by_no_more_than_both_ranges_allow():
    one = estimate(MeasureOutput.of_metric([1.0, 1.0, 1.0], (0.0, 1.0)), 3, HOW)
    other = estimate(MeasureOutput.of_metric([0.0, 0.1, 0.0], (0.0, 1.0)), 3, HOW)
    apart = difference(one, other)
    assert isinstance(apart, EstimateDifference)
    low, high = apart.interval(0.95)
    assert low < apart.value < high <= 1


def test_two_groups_without_a_mistake_differ_by_nothing_as_far_as_they_show():
    codes = np.arange(100) % 2
    one = estimate(MeasureOutput(precision(codes, codes), (0.0, 1.0)), 100, HOW)
    low, high = difference(one, one).interval(0.95)
    assert (low, high) == (pytest.approx(-high), pytest.approx(0.069, abs=0.01))
    least, most = ratio(one, one).interval(0.95)
    assert isinstance(ratio(one, one), EstimateRatio)
    assert 0.9 < least < 1 < most < 1.1
