"""Groups by vectors: clusters that follow from the vectors alone, numbered by size and named by what is in them."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from mqa_registry import Trait, group_by_vector
from mqa_registry.stats import k_means

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VECTORS = st.integers(1, 6).flatmap(
    lambda length: st.lists(st.tuples(*[NUMBERS | st.sampled_from([0.0, -0.0, 1.0])] * length), min_size=1, max_size=30)
)


def draw_blobs(n_rows, n_blobs, dimensions=6, spread=0.1):
    """Points around centres, and which centre each is of; the first blob has twice as many as any other."""
    rng = np.random.default_rng(3)
    blobs = rng.choice(n_blobs, n_rows, p=[2 / (n_blobs + 1), *[1 / (n_blobs + 1)] * (n_blobs - 1)])
    return rng.normal(size=(n_blobs, dimensions))[blobs] + spread * rng.normal(size=(n_rows, dimensions)), blobs


def sum_of_squares(vectors, labels):
    return sum(np.square(part - part.mean(axis=0)).sum() for part in (vectors[labels == one] for one in set(labels)))


@settings(max_examples=60, deadline=None)
@given(VECTORS, st.integers(2, 8), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_group(rows, n_clusters, random):
    vectors = [np.array(row) for row in rows]
    ids = [f"r{number}" for number in range(len(rows))]
    order = list(range(len(rows)))
    random.shuffle(order)
    groups = group_by_vector(vectors, n_clusters, ids=ids)
    shuffled = group_by_vector([vectors[row] for row in order], n_clusters, ids=[ids[row] for row in order])
    assert shuffled == [groups[row] for row in order]


@settings(max_examples=60, deadline=None)
@given(VECTORS, st.integers(2, 8))
def test_equal_vectors_are_in_one_group_and_the_largest_comes_first(rows, n_clusters):
    groups = group_by_vector([np.array(row) for row in rows], n_clusters)
    of_vector = defaultdict(set)
    for row, group in zip(rows, groups, strict=True):
        of_vector[row].add(group)
    assert all(len(found) == 1 for found in of_vector.values())
    sizes = Counter(groups)
    found = len(sizes)
    assert found <= min(n_clusters, len(of_vector))
    assert set(sizes) == {f"cluster {number + 1} of {found}" for number in range(found)}
    assert [sizes[f"cluster {number + 1} of {found}"] for number in range(found)] == sorted(
        sizes.values(), reverse=True
    )


def test_blobs_are_found_as_scikit_learn_finds_them():
    vectors, blobs = draw_blobs(400, 5)
    groups = np.array(group_by_vector(list(vectors), 5))
    assert adjusted_rand_score(blobs, groups) == 1
    assert (groups[blobs == 0] == "cluster 1 of 5").all()


@pytest.mark.parametrize(("spread", "n_clusters"), [(0.7, 5), (2.0, 8), (2.0, 20)])
def test_clusters_are_as_tight_as_those_of_scikit_learn(spread, n_clusters):
    vectors, _ = draw_blobs(300, 5, spread=spread)
    ours = sum_of_squares(vectors, np.array(group_by_vector(list(vectors), n_clusters)))
    theirs = KMeans(n_clusters, n_init=4, random_state=0).fit(vectors).inertia_
    assert ours <= 1.05 * theirs


def test_a_vector_counts_as_often_as_rows_have_it():
    groups = group_by_vector([np.array([x]) for x in [0.0] * 110 + [1.0] * 100 + [5.0]], 2)
    assert groups == ["cluster 1 of 2"] * 110 + ["cluster 2 of 2"] * 101  # 16 apart; {0, 1} and {5} would be 52


def test_the_centres_of_many_rows_are_found_from_some_of_them(monkeypatch):
    monkeypatch.setattr(k_means, "MAX_FITTED", 100)
    vectors, blobs = draw_blobs(1000, 4)
    assert adjusted_rand_score(blobs, group_by_vector(list(vectors), 4)) == 1


def test_scale_and_place_do_not_matter():
    vectors, _ = draw_blobs(100, 3)
    groups = group_by_vector(list(vectors), 3)
    assert group_by_vector(list(1e200 * vectors), 3) == groups
    assert group_by_vector(list(vectors + 1e4), 3) == groups


def test_a_group_is_named_by_the_traits_in_which_it_stands_out():
    vectors = [np.array([float(row // 4)]) for row in range(16)]
    brightness = Trait("dark", "bright", [row // 4 for row in range(16)])
    size = Trait("small", "large", [1.0] * 16)
    names = group_by_vector(vectors, 4, traits=[size, brightness])
    assert sorted(name.partition(": ")[2] for name in set(names)) == ["bright", "dark", "rather bright", "rather dark"]
    assert names[0].endswith("dark")
    assert names[15].endswith("bright")
    assert group_by_vector(vectors[:4], 2, traits=[size]) == ["cluster 1 of 1"] * 4


def test_a_group_is_named_by_the_rows_nearest_to_its_centre_and_long_ids_are_cut():
    vectors = [np.array([x]) for x in (0.0, 1.0, 1.9, 5.0, 1.1, 100.0)]
    names = group_by_vector(vectors, 2, ids=["a", "b", "c", "d", "e", "x" * 30])
    assert names[0] == "cluster 1 of 2: like c, e, b"
    assert names[5] == f"cluster 2 of 2: like {'x' * 24}…"


def test_rows_without_a_vector_are_in_no_group_and_count_for_no_trait():
    trait = Trait("dark", "bright", [float("nan")] * 6 + [1.0, 2.0, 3.0])
    groups = group_by_vector([*[None] * 6, *np.eye(3)], 3, traits=[trait])
    assert groups[:6] == [None] * 6
    assert [group.partition(" of 3")[2] for group in groups[6:]] == [": dark", "", ": bright"]
    assert group_by_vector([None, None], 2) == [None, None]
    assert group_by_vector([], 2) == []
