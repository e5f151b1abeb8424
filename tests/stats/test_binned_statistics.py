"""Functions of how many rows lie in each bin, held against the same number of the rows themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.stats import binned_statistics
from mqa_registry.stats.binned_statistics import (
    BinnedStatistic,
    JointBins,
    mean_statistic,
    quantile_statistic,
    values_with_rows,
)

SCORES = st.lists(st.sampled_from([math.nan, -1.0, 0.0, 0.25, 0.5, 3.0]), min_size=1, max_size=12)
COUNTS = st.lists(st.integers(0, 3), min_size=12, max_size=12)


def counted(statistic: BinnedStatistic, times) -> np.ndarray:
    """Counts of the bins where each row counts so many times."""
    taken = statistic.bins >= 0
    return np.bincount(statistic.bins[taken], weights=times[taken], minlength=statistic.n_bins)


@given(SCORES, COUNTS)
def test_the_mean_is_that_of_the_rows_as_often_as_they_count(scores, times):
    rows, times = np.array(scores), np.array(times[: len(scores)])
    statistic = mean_statistic(rows)
    again = np.repeat(rows, times)
    again = again[~np.isnan(again)]
    expected = again.mean() if len(again) else math.nan
    assert float(statistic.compute(counted(statistic, times)[None])[0]) == pytest.approx(expected, nan_ok=True)


@given(SCORES, COUNTS, st.sampled_from([0.1, 0.5, 0.9, 0.99]))
def test_the_quantile_is_that_of_the_rows_as_often_as_they_count(scores, times, share):
    rows, times = np.array(scores), np.array(times[: len(scores)])
    statistic = quantile_statistic(rows, share)
    again = np.repeat(rows, times)
    again = again[~np.isnan(again)]
    expected = np.quantile(again, share, method="inverted_cdf") if len(again) else math.nan
    assert float(statistic.compute(counted(statistic, times)[None])[0]) == pytest.approx(expected, nan_ok=True)


def test_of_no_rows_a_mean_and_a_quantile_are_undefined():
    assert math.isnan(mean_statistic(np.array([math.nan])).value)
    assert math.isnan(quantile_statistic(np.array([math.nan]), 0.5).value)


def test_a_score_that_no_row_has_may_be_had_by_one_more():
    statistic = mean_statistic(np.array([0.5, 0.5]), unseen=(0.0, 1.0))
    assert (statistic.n_bins, statistic.value) == (3, 0.5)
    moved = values_with_rows(statistic.compute, statistic.counts, np.arange(3), 2.0)
    assert moved == pytest.approx([0.5, 0.25, 0.75])


@pytest.mark.parametrize("at_once", [1, 7, 1 << 16])
def test_what_rows_in_a_bin_would_do_is_the_same_however_many_are_tried_at_once(monkeypatch, at_once):
    monkeypatch.setattr(binned_statistics, "BINS_AT_ONCE", at_once)
    counts, values = np.array([4.0, 1.0, 0.0, 2.0]), np.array([0.0, 1.0, 5.0, 2.0])
    found = values_with_rows(lambda some: some @ values / some.sum(axis=-1), counts, np.array([2, 0, 3]), 1.0)
    assert found == pytest.approx([(5 + 5) / 8, 5 / 8, (5 + 2) / 8])
    assert len(values_with_rows(lambda some: some @ values, counts, np.arange(0), 1.0)) == 0


@given(st.data(), st.sampled_from([0, 1, binned_statistics.FEW_BINS]))
def test_joint_bins_give_each_statistic_the_counts_of_its_own(data, few):
    """Whether bins are few or many, rows that are ignored by one statistic count in the others."""
    rows = data.draw(st.integers(1, 12))
    kinds = data.draw(st.lists(st.lists(st.integers(-1, 3), min_size=rows, max_size=rows), min_size=1, max_size=3))
    times = np.array(data.draw(COUNTS)[:rows], dtype=float)
    weights = np.array([1.0, 10.0, 100.0, 1000.0])
    statistics = [BinnedStatistic(lambda counts: counts @ weights, np.array(bins), 4) for bins in kinds]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(binned_statistics, "FEW_BINS", few)
        joint = JointBins.of(statistics)
        counts = np.bincount(joint.bin_of_row, weights=times, minlength=len(joint.counts))
        found = joint.compute(counts[None], np.stack)[:, 0]
    assert found == pytest.approx([float(counted(one, times) @ weights) for one in statistics])
    assert joint.rows == np.count_nonzero((np.array(kinds) >= 0).any(axis=0))


@pytest.mark.parametrize(("second", "combinations"), [([0, 1, 1, 0], 2 * 2), ([0, 1, 1, -1], 2 * 3)])
def test_an_unseen_row_may_be_ignored_only_by_a_statistic_that_ignores_some(second, combinations):
    weights = np.array([0.0, 1.0])
    pair = [BinnedStatistic(lambda counts: counts @ weights, np.array(bins), 2) for bins in ([0, 0, 1, 1], second)]
    joint = JointBins.of(pair)
    assert (len(joint.counts), len(joint.candidates)) == (combinations, combinations)
