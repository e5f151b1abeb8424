"""The search on one half of the rows: what looks weak, what is crossed, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from mqa_fairness.weak_slices.candidates import CandidateSlice
from mqa_fairness.weak_slices.search import LOOKS_WEAK, search_weak_slices, standardized_gap

ROWS = 10_000
HALF = np.arange(ROWS) < ROWS // 2


def slice_of(name, rows, source=None):
    """A slice of these rows of the first half, and of as many of the other."""
    inside = np.zeros(ROWS // 2, dtype=bool)
    inside[list(rows)] = True
    return CandidateSlice(name, (source or name,), np.tile(inside, 2))


def correct_but(*rows):
    correct = np.ones(ROWS, dtype=bool)
    for wrong in rows:
        correct[list(wrong)] = False
    return correct


def names(result):
    return [each.name for each in result.candidates]


def test_a_slice_looks_weak_with_one_chance_in_twenty():
    assert norm.sf(LOOKS_WEAK) == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize(("wrong", "is_weak"), [(15, False), (16, True)])
def test_a_slice_is_found_where_its_gap_is_more_than_that_many_standard_errors(wrong, is_weak):
    # 100 of 5,000 rows, with 10 % wrong elsewhere: a standard error is 3 points, and 15 wrong are 1.643 of them.
    elsewhere = range(100, 100 + 490)
    correct = correct_but(range(wrong), elsewhere)
    candidate = slice_of("weak", range(100))
    assert (standardized_gap(candidate.rows[HALF], correct[HALF]) > 1.645) == is_weak
    assert (names(search_weak_slices([candidate], correct, HALF, 30)) == ["weak"]) == is_weak


def test_the_gap_is_the_pooled_z_of_two_proportions():
    inside, correct = np.arange(100) < 40, np.arange(100) % 5 > 0
    correct[:10] = False
    low, high, share = correct[:40].mean(), correct[40:].mean(), correct.mean()
    expected = (high - low) / np.sqrt(share * (1 - share) * (1 / 40 + 1 / 60))
    assert standardized_gap(inside, correct) == pytest.approx(expected)
    assert standardized_gap(inside, np.ones(100, dtype=bool)) == 0


def test_rows_of_the_other_half_are_not_searched():
    weak, wrong = slice_of("weak", range(200)), range(ROWS // 2, ROWS // 2 + 200)
    assert names(search_weak_slices([weak], correct_but(wrong), HALF, 30)) == []
    assert names(search_weak_slices([weak], correct_but(wrong), ~HALF, 30)) == ["weak"]


def test_no_more_than_twenty_are_found_the_worst_first():
    slices = [slice_of(f"s{number:02}", range(100 * number, 100 * number + 100), "words") for number in range(25)]
    correct = correct_but(*(range(100 * number, 100 * number + 90 - number) for number in range(25)))
    result = search_weak_slices(slices, correct, HALF, 30)
    assert names(result) == [f"s{number:02}" for number in range(20)]
    assert (result.surplus, result.near_duplicates, result.tried) == (5, 0, 25)


@pytest.mark.parametrize(("shared", "is_same"), [(79, False), (80, True)])
def test_of_two_with_four_fifths_of_their_rows_in_common_the_worse_is_found(shared, is_same):
    worse = slice_of("worse", range(100), "column")
    other = slice_of("other", range(shared), "column")
    result = search_weak_slices([other, worse], correct_but(range(100)), HALF, 1)
    assert names(result) == (["worse"] if is_same else ["worse", "other"])
    assert result.near_duplicates == is_same


def test_two_of_different_sources_are_crossed_and_found_where_they_are_worse_together():
    one, two = slice_of("one", range(1000)), slice_of("two", range(900, 1900))
    result = search_weak_slices([one, two], correct_but(range(900, 1000)), HALF, 30)
    assert names(result)[0] == "one and two"
    assert result.tried == 3


def test_two_values_of_one_column_are_not_crossed_and_two_words_of_one_text_are():
    halves = slice_of("one", range(1000), "column"), slice_of("two", range(500, 1500), "column")
    assert search_weak_slices(halves, correct_but(range(100)), HALF, 30).tried == 2
    words = slice_of("one", range(1000), "text word"), slice_of("two", range(500, 1500), "text word")
    assert search_weak_slices(words, correct_but(range(100)), HALF, 30).tried == 3


def test_every_two_of_the_forty_that_look_worst_are_crossed():
    rng = np.random.default_rng(1)
    slices = [slice_of(f"s{number}", rng.permutation(ROWS // 2)[: ROWS // 4]) for number in range(45)]
    assert search_weak_slices(slices, rng.random(ROWS) < 0.8, HALF, 30).tried == 45 + 40 * 39 // 2
