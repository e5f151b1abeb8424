"""Resampling: rows and clusters are drawn with equal chances, and left out in turn for the jackknife."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_registry.stats.binned_statistics import FEW_BINS, mean_statistic
from mqa_registry.stats.resampling import (
    JACKKNIFE_BLOCKS,
    ROWS_PER_BIN,
    ClusterUnits,
    IntervalOptions,
    RowUnits,
    bootstrap,
)

RNG = np.random.default_rng(5)


def rows_in(counts) -> RowUnits:
    """So many rows in each bin, in no order."""
    bin_of_row = RNG.permutation(np.repeat(np.arange(len(counts)), counts))
    return RowUnits(bin_of_row, np.asarray(counts, dtype=float))


def drawn(units, count: int = 4000):
    return np.concatenate(list(units.draw(np.random.default_rng(3), count)))


@pytest.mark.parametrize(
    "counts",
    [[1] * 40, [3, 0, 5, 1, 20], [ROWS_PER_BIN * 4, 1], [2 * ROWS_PER_BIN] * 3],
    ids=["each row a bin", "some together", "few kinds", "even kinds"],
)
def test_as_many_rows_are_drawn_as_there_are_each_as_likely_as_another(counts):
    found = drawn(rows_in(counts))
    number, chances = sum(counts), np.array(counts) / sum(counts)
    assert found.shape == (4000, len(counts))
    assert (found.sum(axis=1) == number).all()
    spread = np.sqrt(number * chances * (1 - chances))
    np.testing.assert_allclose(found.mean(axis=0), number * chances, atol=5 * spread.max() / np.sqrt(4000))
    np.testing.assert_allclose(found.std(axis=0), spread, rtol=0.1)


def test_resamples_do_not_depend_on_how_many_are_made_at_a_time(monkeypatch):
    from mqa_registry.stats import resampling

    rows = rows_in([1, 4, 2, 3])
    whole = drawn(rows, 50)
    monkeypatch.setattr(resampling, "BINS_AT_ONCE", 7)
    np.testing.assert_array_equal(drawn(rows, 50), whole)


def test_clusters_are_drawn_whole():
    clusters = ClusterUnits.of(np.array([0, 0, 1, 2, 2, 2]), 3, np.array([7, 7, 8, 9, 9, 9]))
    found = drawn(clusters, 200)
    assert set(found[:, 0]) <= {0, 2, 4, 6}
    assert set(found[:, 2]) <= {0, 3, 6, 9}
    assert (found @ [1 / 2, 1, 1 / 3] == 3).all()


def test_of_few_kinds_one_row_of_each_is_left_out():
    ((taken, alike),) = rows_in([3, 1, 6]).leave_out(np.random.default_rng(0))
    np.testing.assert_array_equal(taken, np.eye(3))
    np.testing.assert_array_equal(alike, [3, 1, 6])


def test_of_many_kinds_blocks_of_rows_are_left_out_each_row_once():
    counts = np.ones(FEW_BINS + 100, dtype=int)
    counts[0] = 3000
    parts = list(rows_in(counts).leave_out(np.random.default_rng(0)))
    taken = np.concatenate([part for part, _ in parts])
    assert len(taken) == JACKKNIFE_BLOCKS
    np.testing.assert_array_equal(taken.sum(axis=0), counts)
    assert taken.sum(axis=1).max() < 3 * counts.sum() / JACKKNIFE_BLOCKS  # no block has the many rows of one kind


def test_of_many_clusters_blocks_of_them_are_left_out_each_once():
    names = np.repeat(np.arange(FEW_BINS + 50), 2)
    clusters = ClusterUnits.of(np.arange(len(names)) % 5, 5, names)
    taken = np.concatenate([part for part, _ in clusters.leave_out(np.random.default_rng(0))])
    assert len(taken) == JACKKNIFE_BLOCKS
    np.testing.assert_array_equal(taken.sum(axis=0), np.bincount(np.arange(len(names)) % 5))


def jackknife(values):
    """Sums of powers of the influences on a mean by the values without each, and the degrees of freedom.

    Those are Satterthwaite's, and no more than one less than the values.
    """
    without = np.array([np.delete(values, one).mean() for one in range(len(values))])
    squares, cubes, fourths = (((without.mean() - without) ** power).sum() for power in (2, 3, 4))
    freedom = 2 * squares**2 / (fourths - squares**2 / len(values))
    return squares, cubes, min(freedom, len(values) - 1)


def test_influences_are_those_of_each_row_left_out():
    values = np.array([0.0, 1.0, 1.0, 2.0, 2.0, 2.0, 9.0])
    found = bootstrap([mean_statistic(values)], lambda each: each[0], IntervalOptions(7, "test", 50))
    assert (found.squares, found.cubes, found.degrees_of_freedom) == pytest.approx(jackknife(values))
    assert found.cubes > 0


def test_influences_in_clusters_are_those_of_each_cluster_left_out():
    values, clusters = np.repeat([0.0, 1.0, 2.0, 9.0], 3), np.repeat(np.arange(4), 3)
    found = bootstrap([mean_statistic(values)], lambda each: each[0], IntervalOptions(7, "test", 50, clusters=clusters))
    assert (found.squares, found.cubes, found.degrees_of_freedom) == pytest.approx(jackknife(values[::3]))
    assert (found.units, found.rows, found.method) == (4, 12, "cluster bca")
