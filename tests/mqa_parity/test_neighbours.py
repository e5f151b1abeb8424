"""Neighbour flips: whose nearest neighbours are others, by how much, and whether noise decided it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from mqa_parity import neighbours
from mqa_parity.neighbours import neighbour_evidence, neighbour_flips
from mqa_registry import DataError, Predictions


def vectors(rows):
    ids = [f"row-{number}" for number in range(len(rows))]
    return Predictions("vector", pa.table({"id": ids, "vector": pa.array(list(rows), pa.list_(pa.float32()))}))


def random_rows(count, dimensions, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dimensions))


def find_flips_by_scikit_learn(one, other, k):
    found = [
        NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(rows).kneighbors(return_distance=False)
        for rows in (one, other)
    ]
    return [set(before) != set(after) for before, after in zip(*found, strict=True)]


ANGLES = np.radians([0.0, 10.0, 25.0, 90.0])
CIRCLE = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])


def test_by_hand_a_row_flips_where_another_becomes_its_nearest():
    # The row at 10 degrees is nearest to that at 0; at 20 degrees it is nearest to that at 25, whose nearest it stays.
    moved = np.radians([0.0, 20.0, 25.0, 90.0])
    pair = vectors(CIRCLE), vectors(np.column_stack([np.cos(moved), np.sin(moved)]))
    assert neighbour_flips(*pair).tolist() == [False, True, False, False]
    evidence = neighbour_evidence(*pair)
    assert evidence.details["flips"]["count"] == 1
    (example,) = evidence.examples
    assert example.id == "row-1"
    assert example.margin == pytest.approx(np.cos(np.radians(10)) - np.cos(np.radians(15)), abs=1e-5)
    assert example.details == {"tie": False}
    expected = (3 + np.cos(np.radians(10))) / 4
    assert evidence.details["mean_cosine"] == pytest.approx(expected, abs=1e-4)
    assert evidence.notes == [f"the mean cosine of a row's two vectors is {expected:.4g}"]


def test_the_order_among_the_nearest_does_not_matter():
    moved = np.radians([0.0, 20.0, 25.0, 90.0])
    other = np.column_stack([np.cos(moved), np.sin(moved)])
    assert not neighbour_flips(vectors(CIRCLE), vectors(other), k=2)[1]


@given(st.integers(0, 1000), st.integers(1, 5), st.sampled_from([1e-3, 0.1, 1.0]))
def test_flips_are_those_of_scikit_learn(seed, k, noise):
    one = random_rows(30, 6, seed)
    other = one + noise * random_rows(30, 6, seed + 1)
    assert neighbour_flips(vectors(one), vectors(other), k=k).tolist() == find_flips_by_scikit_learn(one, other, k)


def test_lengths_count_for_a_dot_product_alone():
    one = random_rows(20, 4)
    longer = one * np.linspace(1, 9, 20)[:, None]
    assert not neighbour_flips(vectors(one), vectors(longer)).any()
    assert neighbour_flips(vectors(one), vectors(longer), similarity="dot").any()


def test_blocks_change_no_number(monkeypatch):
    one, other = random_rows(50, 4), random_rows(50, 4, 1) * 0.3 + random_rows(50, 4)
    pair = vectors(one), vectors(other)
    whole, evidence = neighbour_flips(*pair, k=3), neighbour_evidence(*pair, k=3)
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", 4 * 50 * 7)
    assert (neighbour_flips(*pair, k=3) == whole).all()
    assert neighbour_evidence(*pair, k=3).details["flips"]["damage"] == evidence.details["flips"]["damage"]


def test_noise_makes_ties_and_another_direction_makes_damage():
    one = random_rows(400, 8)
    noisy = one + 1e-3 * random_rows(400, 8, 1)
    flips = neighbour_evidence(vectors(one), vectors(noisy)).details["flips"]
    assert flips["count"] > 0
    assert flips["damage"] <= 1
    noisy[0] = one[1]
    damaged = neighbour_evidence(vectors(one), vectors(noisy))
    assert damaged.details["flips"]["damage"] > flips["damage"]
    assert damaged.examples[0].margin > 10 * flips["tie_limit"]
    assert "damage" in damaged.remarks[0]


def test_too_few_rows_are_refused():
    with pytest.raises(DataError, match="2 rows have no 1 nearest neighbours that could be others"):
        neighbour_flips(vectors(CIRCLE[:2]), vectors(CIRCLE[:2]))
