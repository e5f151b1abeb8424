"""MinHash and Jaccard, held against brute force."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_data.alike import alike
from mqa_data.minhash import MISSED, bands_for, candidates
from mqa_data.said import words_in
from mqa_data.shingles import jaccard, shingles_of

TEXTS = st.lists(st.tuples(st.text("ab ", max_size=12)), min_size=1, max_size=12)


def brute(texts, words):
    """The shingles of every text, as sets."""
    found = []
    for fields in texts:
        runs = set()
        for text in fields:
            said = words_in(text)
            if said:
                runs |= {tuple(said[at : at + words]) for at in range(max(1, len(said) - words + 1))}
        found.append(runs)
    return found


@given(TEXTS, st.integers(1, 4))
def test_jaccard_is_that_of_sets_of_runs_of_words(texts, words):
    sets, shingles = brute(texts, words), shingles_of(texts, words)
    assert shingles.sizes.tolist() == [len(one) for one in sets]
    pairs = np.array([(one, two) for one in range(len(texts)) for two in range(len(texts))])
    found = jaccard(shingles, pairs[:, 0], pairs[:, 1])
    for (one, two), similarity in zip(pairs, found, strict=True):
        either = sets[one] | sets[two]
        assert similarity == (
            pytest.approx(len(sets[one] & sets[two]) / len(either)) if either else pytest.approx(np.nan, nan_ok=True)
        )


@given(TEXTS, st.text(), st.integers(1, 3))
def test_any_text_has_shingles_unless_it_is_blank(texts, text, words):
    sizes = shingles_of([*texts, (text,)], words).sizes
    assert (sizes[-1] > 0) == bool(words_in(text))


@given(TEXTS, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_no_pair_is_given_that_is_not_alike_and_each_once(texts, threshold):
    sets = brute(texts, 2)
    found = alike(texts, 2, threshold, np.random.default_rng(7))
    pairs = list(zip(found.left.tolist(), found.right.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    for (one, two), similarity in zip(pairs, found.similarity, strict=True):
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
def test_nearly_every_pair_that_is_alike_is_found(threshold):
    texts = variants(np.random.default_rng(1), 150)
    sets = brute(texts, 3)
    right = {
        (one, two)
        for one, two in combinations(range(len(texts)), 2)
        if len(sets[one] & sets[two]) >= threshold * len(sets[one] | sets[two])
    }
    found = alike(texts, 3, threshold, np.random.default_rng(7))
    pairs = set(zip(found.left.tolist(), found.right.tolist(), strict=True))
    assert len(right) > 30
    assert pairs <= right
    assert len(right - pairs) <= 1


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.8, 0.95, 1.0])
def test_a_pair_just_at_the_threshold_is_missed_once_in_a_thousand(threshold):
    bands, rows = bands_for(threshold)
    assert (1 - threshold**rows) ** bands <= MISSED * 1.001
    assert bands == 1 or (1 - threshold**rows) ** (bands - 1) > MISSED


def test_with_sides_only_pairs_across_are_given():
    texts = [("a b c d",), ("a b c d!",), ("a b c d?",), ("x y z",)]
    found = alike(texts, 3, 0.8, np.random.default_rng(7), first=1)
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == [(0, 1), (0, 2)]


def test_of_very_many_alike_each_is_held_against_the_first_and_what_is_skipped_is_counted():
    texts = [(f"one two three four{'!' * number}",) for number in range(400)]
    shingles = shingles_of(texts, 3)
    found = candidates(shingles, 0.8, np.random.default_rng(7))
    assert set(found.right.tolist()) == set(range(1, 400))
    assert len(found.left) + found.skipped == 400 * 399 // 2
    sides = np.arange(400) % 2
    across = candidates(shingles, 0.8, np.random.default_rng(7), np.sort(sides))
    assert set(across.left.tolist()) == set(range(200))
    assert len(across.left) + across.skipped == 200 * 200


def test_scripts_without_spaces_have_a_word_for_each_letter():
    assert words_in("你好 abc DEF") == ["你", "好", "abc", "def"]
    assert words_in("!?") == ["!", "?"]
    assert words_in(" \n") == []
