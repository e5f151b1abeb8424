"""Disparity metrics, held to Fairlearn's own."""

from __future__ import annotations

import fairlearn.metrics as oracle
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_fairness import fairlearn_metrics
from mqa_fairness.fairlearn_metrics import (
    demographic_parity_difference,
    equalized_odds_difference,
    equalized_odds_ratio,
)
from mqa_registry import UsageError

EVERY = [
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equalized_odds_difference",
    "equalized_odds_ratio",
    "equal_opportunity_difference",
    "equal_opportunity_ratio",
]
METHODS = ["between_groups", "to_overall"]


@st.composite
def rows(draw, groups=4):
    """Predictions, targets and groups; in every group there is every pair of prediction and target."""
    number, size = draw(st.integers(2, groups)), draw(st.integers(0, 60))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    predicted, target = np.tile([0, 0, 1, 1], number), np.tile([0, 1, 0, 1], number)
    more = (rng.integers(0, high, size) for high in (2, 2, number))
    return tuple(
        np.concatenate(pair) for pair in zip((predicted, target, np.arange(4 * number) // 4), more, strict=True)
    )


@pytest.mark.parametrize("asked", [(name, method) for name in EVERY for method in METHODS], ids=" ".join)
@settings(max_examples=10, deadline=None)
@given(sample=rows())
def test_the_numbers_are_fairlearns(asked, sample, coded, grouped, value):
    name, method = asked
    predicted, target, group = sample
    ours = getattr(fairlearn_metrics, name)(coded(predicted), coded(target), grouped(group), method=method)
    theirs = getattr(oracle, name)(target, predicted, sensitive_features=group, method=method)
    assert value(ours) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("name", ["equalized_odds_difference", "equalized_odds_ratio"])
@settings(max_examples=10, deadline=None)
@given(sample=rows())
def test_the_mean_of_both_odds_is_fairlearns(name, sample, coded, grouped, value):
    predicted, target, group = sample
    ours = getattr(fairlearn_metrics, name)(coded(predicted), coded(target), grouped(group), agg="mean")
    theirs = getattr(oracle, name)(target, predicted, sensitive_features=group, agg="mean")
    assert value(ours) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_the_example_of_fairlearns_user_guide(name, coded, grouped, value):
    # https://fairlearn.org/v0.10/user_guide/assessment/advanced_metricframe.html
    target = [0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    predicted = [0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
    group = list("bbabbcccaacabccbcc")
    ours = value(getattr(fairlearn_metrics, name)(coded(predicted), coded(target), grouped(group)))
    assert ours == pytest.approx(getattr(oracle, name)(target, predicted, sensitive_features=group), nan_ok=True)
    assert not np.isnan(ours)


@pytest.mark.parametrize("agg", ["worst_case", "mean"])
@pytest.mark.parametrize("method", METHODS)
def test_of_ratios_a_rate_that_is_0_in_every_group_is_left_out_as_fairlearn_does(agg, method, coded, grouped, value):
    target, group = np.tile([0, 0, 1, 1], 10), np.repeat(["a", "b"], 20)
    for predicted in (target, np.where(np.arange(40) == 2, 0, target)):
        ours = value(equalized_odds_ratio(coded(predicted), coded(target), grouped(group), method=method, agg=agg))
        theirs = oracle.equalized_odds_ratio(target, predicted, sensitive_features=group, method=method, agg=agg)
        assert ours == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_resamples_are_evaluated_as_if_each_row_stood_there_so_often(name, coded, grouped, value):
    rng = np.random.default_rng(3)
    predicted, target, group = rng.integers(0, 2, 80), rng.integers(0, 2, 80), rng.integers(0, 3, 80)
    statistic = getattr(fairlearn_metrics, name)(coded(predicted), coded(target), grouped(group))
    drawn = rng.integers(0, 80, (5, 80))
    counted = np.stack([np.bincount(statistic.bins[rows], minlength=statistic.n_bins) for rows in drawn]).astype(float)
    again = [
        value(getattr(fairlearn_metrics, name)(coded(predicted[rows]), coded(target[rows]), grouped(group[rows])))
        for rows in drawn
    ]
    np.testing.assert_allclose(statistic.compute(counted), again)


def test_rows_in_two_groups_count_in_both_and_those_in_none_in_neither(coded, value):
    predicted = coded([1, 1, 0, 0, 1])
    groups = {"a": np.array([0, 1]), "b": np.array([1, 2, 3])}
    statistic = demographic_parity_difference(predicted, predicted, groups)
    assert value(statistic) == pytest.approx(1 - 1 / 3)
    assert statistic.bins[4] == -1
    overall = demographic_parity_difference(predicted, predicted, groups, method="to_overall")
    assert value(overall) == pytest.approx(0.5)


def test_a_rate_that_a_group_lacks_leaves_the_number_undefined_and_says_which(coded, grouped, value):
    predicted, group = coded([1, 0, 1, 0]), grouped(["a", "a", "b", "b"])
    lacking = equalized_odds_difference(predicted, coded([1, 0, 0, 0]), group)
    assert np.isnan(value(lacking))
    assert lacking.undefined == "no row of `b` is positive"
    assert equalized_odds_difference(predicted, coded([1, 0, 1, 1]), group).undefined == "every row of `b` is positive"
    nowhere = equalized_odds_ratio(coded([0, 0, 0, 0]), coded([1, 0, 1, 0]), group)
    assert np.isnan(value(nowhere))
    assert nowhere.undefined == "the rates are 0 in every group"
    assert demographic_parity_difference(predicted, predicted, group).undefined == ""


def test_the_rates_of_groups_are_shown(coded, grouped):
    predicted, target = coded([1, 0, 1, 0]), coded([1, 1, 0, 0])
    shown = equalized_odds_difference(predicted, target, grouped(["a", "a", "b", "b"])).per_group
    np.testing.assert_array_equal(shown["true_positive_rate"], [1, 0, np.nan, np.nan])
    np.testing.assert_array_equal(shown["false_positive_rate"], [np.nan, np.nan, 1, 0])


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_with_several_classes_each_is_compared_with_all_others(seed, coded, grouped, value):
    rng = np.random.default_rng(seed)
    predicted, target, group = rng.integers(0, 3, 90), rng.integers(0, 3, 90), rng.integers(0, 3, 90)
    several = coded(predicted, 3), coded(target, 3), grouped(group)
    each = [
        oracle.equalized_odds_difference(target == one, predicted == one, sensitive_features=group) for one in range(3)
    ]
    for code, number in enumerate(each):
        assert value(equalized_odds_difference(*several, positive=f"class-{code}")) == pytest.approx(number)
    assert value(equalized_odds_difference(*several, average="worst_case")) == pytest.approx(max(each))
    assert value(equalized_odds_difference(*several, average="mean")) == pytest.approx(np.mean(each))


def test_the_worst_of_ratios_over_classes_is_the_smallest(coded, grouped, value):
    rng = np.random.default_rng(0)
    predicted, group = rng.integers(0, 3, 60), rng.integers(0, 2, 60)
    several = coded(predicted, 3), coded(predicted, 3), grouped(group)
    each = [value(fairlearn_metrics.demographic_parity_ratio(*several, positive=f"class-{code}")) for code in range(3)]
    assert value(fairlearn_metrics.demographic_parity_ratio(*several, average="worst_case")) == min(each)
    shown = fairlearn_metrics.demographic_parity_ratio(*several, average="worst_case").per_group
    assert list(shown) == [f"selection_rate of class-{code}" for code in range(3)]


def test_several_classes_need_one_to_be_positive_or_an_average(coded, grouped):
    predicted = coded([0, 1, 2], 3)
    with pytest.raises(UsageError, match="with 3 classes a rate needs to know which one is positive"):
        demographic_parity_difference(predicted, predicted, grouped(["a", "b", "a"]))
    with pytest.raises(UsageError, match="there is no class `maybe`"):
        demographic_parity_difference(predicted, predicted, grouped(["a", "b", "a"]), positive="maybe")
    with pytest.raises(UsageError, match="`positive` names one class, and `average"):
        demographic_parity_difference(
            predicted, predicted, grouped(["a", "b", "a"]), positive="class-0", average="mean"
        )


def test_very_many_groups_and_rows_are_counted_quickly(coded, grouped, value):
    rng = np.random.default_rng(1)
    predicted, group = rng.integers(0, 2, 100_000), rng.integers(0, 150, 100_000)
    statistic = demographic_parity_difference(coded(predicted), coded(predicted), grouped(group))
    rates = [predicted[group == one].mean() for one in range(150)]
    assert value(statistic) == pytest.approx(max(rates) - min(rates))
    assert statistic.n_bins <= 600
