"""MinHash and Jaccard, held against brute force."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_data.near_duplicates import (
    MISS_RATE,
    choose_bands,
    find_candidate_pairs,
    find_near_duplicates,
    jaccard_similarity,
    make_shingles,
)
from mqa_data.text_columns import split_words

TEXTS = st.lists(st.tuples(st.text("ab ", max_size=12)), min_size=1, max_size=12)


def brute_force(texts, words):
    """The shingles of every text, as sets."""
    shingles = []
    for fields in texts:
        runs = set()
        for text in fields:
            split = split_words(text)
            if split:
                runs |= {tuple(split[at : at + words]) for at in range(max(1, len(split) - words + 1))}
        shingles.append(runs)
    return shingles


@settings(deadline=None)  # the first example may load a library
@given(TEXTS, st.integers(1, 4))
def test_jaccard_is_that_of_sets_of_runs_of_words(texts, words):
    sets, shingles = brute_force(texts, words), make_shingles(texts, words)
    assert shingles.sizes.tolist() == [len(one) for one in sets]
    pairs = np.array([(one, two) for one in range(len(texts)) for two in range(len(texts))])
    similarities = jaccard_similarity(shingles, pairs[:, 0], pairs[:, 1])
    for (one, two), similarity in zip(pairs, similarities, strict=True):
        either = sets[one] | sets[two]
        assert similarity == (
            pytest.approx(len(sets[one] & sets[two]) / len(either)) if either else pytest.approx(np.nan, nan_ok=True)
        )


@settings(deadline=None)  # the first example may load a library
@given(TEXTS, st.text(), st.integers(1, 3))
def test_every_text_but_a_blank_one_has_shingles(texts, text, words):
    sizes = make_shingles([*texts, (text,)], words).sizes
    assert (sizes[-1] > 0) == bool(split_words(text))


@settings(deadline=None)  # the first example may load a library
@given(TEXTS, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_every_pair_is_similar_and_given_once(texts, threshold):
    sets = brute_force(texts, 2)
    candidates = find_near_duplicates(texts, 2, threshold, np.random.default_rng(7))
    pairs = list(zip(candidates.left.tolist(), candidates.right.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    for (one, two), similarity in zip(pairs, candidates.similarity, strict=True):
        assert one < two
        assert similarity == pytest.approx(len(sets[one] & sets[two]) / len(sets[one] | sets[two]))
        assert similarity >= threshold


def variants(rng, count):
    """Texts of twenty words, each with a copy of which some words are others."""
    texts = []
    for _ in range(count):
        words = [f"w{one}" for one in rng.integers(0, 5000, 20)]
        copy = [word if rng.random() > 0.04 else "other" for word in words]
        texts += [(" ".join(words),), (" ".join(copy),)]
    return texts


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
def test_nearly_every_similar_pair_is_found(threshold):
    texts = variants(np.random.default_rng(1), 150)
    sets = brute_force(texts, 3)
    right = {
        (one, two)
        for one, two in combinations(range(len(texts)), 2)
        if len(sets[one] & sets[two]) >= threshold * len(sets[one] | sets[two])
    }
    candidates = find_near_duplicates(texts, 3, threshold, np.random.default_rng(7))
    pairs = set(zip(candidates.left.tolist(), candidates.right.tolist(), strict=True))
    assert len(right) > 30
    assert pairs <= right
    assert len(right - pairs) <= 1


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.8, 0.95, 1.0])
def test_a_pair_just_at_the_threshold_is_missed_once_in_a_thousand(threshold):
    bands, rows = choose_bands(threshold)
    assert (1 - threshold**rows) ** bands <= MISS_RATE * 1.001
    assert bands == 1 or (1 - threshold**rows) ** (bands - 1) > MISS_RATE


def test_with_two_sides_only_pairs_across_them_are_given():
    texts = [("a b c d",), ("a b c d!",), ("a b c d?",), ("x y z",)]
    candidates = find_near_duplicates(texts, 3, 0.8, np.random.default_rng(7), n_first=1)
    assert list(zip(candidates.left.tolist(), candidates.right.tolist(), strict=True)) == [(0, 1), (0, 2)]


def test_in_a_large_bucket_each_text_is_compared_with_the_first_and_skipped_pairs_are_counted():
    texts = [(f"one two three four{'!' * number}",) for number in range(400)]
    shingles = make_shingles(texts, 3)
    candidates = find_candidate_pairs(shingles, 0.8, np.random.default_rng(7))
    assert set(candidates.right.tolist()) == set(range(1, 400))
    assert len(candidates.left) + candidates.skipped == 400 * 399 // 2
    sides = np.arange(400) % 2
    across = find_candidate_pairs(shingles, 0.8, np.random.default_rng(7), np.sort(sides))
    assert set(across.left.tolist()) == set(range(200))
    assert len(across.left) + across.skipped == 200 * 200


def test_scripts_without_spaces_have_a_word_for_each_letter():
    assert split_words("你好 abc DEF") == ["你", "好", "abc", "def"]
    assert split_words("!?") == ["!", "?"]
    assert split_words(" \n") == []


@pytest.mark.parametrize(("members", "hubs"), [(400, 25), (2500, 5)])
def test_of_many_texts_in_a_bucket_each_is_compared_with_some_ten_thousand_pairs_or_five_texts(members, hubs):
    texts = [(f"one two three four{'!' * number}",) for number in range(members)]
    candidates = find_candidate_pairs(make_shingles(texts, 3), 0.8, np.random.default_rng(7))
    assert set(candidates.left.tolist()) == set(range(hubs))
    assert len(candidates.left) == hubs * members - hubs * (hubs + 1) // 2


@pytest.mark.parametrize(("threshold", "bands"), [(1.0, (1, 16)), (0.8, (14, 4)), (0.5, (25, 2)), (0.1, (66, 1))])
def test_bands_are_as_long_as_seventy_two_hashes_allow(threshold, bands):
    assert choose_bands(threshold) == bands
    assert bands[0] * bands[1] <= 72
