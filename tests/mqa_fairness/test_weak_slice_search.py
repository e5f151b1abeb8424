"""The groups of rows that are tried: by words, lengths, values and numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import norm

from mqa_fairness.weak_slice_search import (
    LOOKS_WEAK,
    CandidateSlice,
    Split,
    find_target_copies,
    make_candidates,
    search_weak_slices,
    select_columns,
    standardized_gap,
)

TABLE_ROWS = 800
TABLE_HALF = np.arange(TABLE_ROWS) % 2 == 0


def candidates_of(columns, fields=(), *, max_terms=500, min_rows=1):
    table = pa.table(columns)
    candidate_names = [name for name in table.column_names if name not in fields]
    return make_candidates(table, fields, candidate_names, Split(TABLE_HALF, min_rows), max_terms=max_terms)


def candidate_names(candidates):
    return [each.name for each in candidates.slices]


@pytest.mark.parametrize(("values", "count"), [(20, 20), (21, 0)])
def test_a_column_of_up_to_twenty_values_has_a_group_for_each(values, count):
    found = candidates_of({"city": [f"c{row // 2 % values}" for row in range(TABLE_ROWS)]})
    assert len(found.slices) == count
    assert found.left_out == (
        [] if count else ["the column `city` has neither numbers nor few values, and was not tried"]
    )


def test_more_numbers_than_that_are_cut_into_quarters():
    found = candidates_of({"age": [row // 2 % 100 for row in range(TABLE_ROWS)]})
    assert candidate_names(found) == ["`age` is 0 to 24", "`age` is 25 to 49", "`age` is 50 to 74", "`age` is 75 to 99"]
    assert sum(each.rows for each in found.slices).tolist() == [1] * TABLE_ROWS


def test_lengths_are_cut_into_quarters():
    found = candidates_of({"text": ["word " * (row // 2 % 8 + 1) for row in range(TABLE_ROWS)]}, ["text"], max_terms=0)
    assert candidate_names(found) == [f"`text` has {low} to {low + 1} words" for low in (1, 3, 5, 7)]


def test_the_most_frequent_words_have_a_group_each_and_the_others_are_counted():
    texts = [
        ("often " if row // 2 % 4 < 3 else "") + ("some " if row // 2 % 4 < 2 else "") for row in range(TABLE_ROWS)
    ]
    texts[1] += "once"
    found = candidates_of({"text": texts}, ["text"], max_terms=1, min_rows=10)
    assert "`text` has “often”" in candidate_names(found)
    assert "1 word of `text` is in too few rows, and was not tried" in found.left_out
    assert "1 less frequent word of `text` was not tried" in found.left_out


@pytest.mark.parametrize(("count", "is_tried"), [(19, False), (20, True)])
def test_a_word_needs_enough_rows_for_both_halves(count, is_tried):
    texts = ["word" if row < count else "other" for row in range(TABLE_ROWS)]
    found = candidates_of({"text": texts}, ["text"], min_rows=10)
    assert ("`text` has “word”" in candidate_names(found)) == is_tried


@pytest.mark.parametrize(("inside", "enough"), [(19, False), (20, True), (780, True), (781, False)])
def test_a_group_needs_enough_rows_inside_and_outside_in_either_half(inside, enough):
    assert Split(TABLE_HALF, 10).has_enough_rows(np.arange(TABLE_ROWS) < inside) == enough


def test_groups_that_are_too_small_are_counted():
    found = candidates_of({"city": ["small" if row < 6 else "large" for row in range(TABLE_ROWS)]}, min_rows=10)
    assert candidate_names(found) == []
    assert found.left_out == ["2 groups have too few rows, inside or outside, in one of the halves"]


def test_ids_targets_texts_and_copies_of_the_target_are_no_columns_to_try():
    table = pa.table({"id": ["1"], "text": ["a"], "target": ["x"], "cluster": [1], "label": ["x"], "city": ["rome"]})
    assert find_target_copies(table) == ["label"]
    assert select_columns(table, ["text"], None, None) == ["city"]
    assert select_columns(table, ["text"], ["label", "city", "label"], ["city"]) == ["label"]


ROWS = 10_000
HALF = np.arange(ROWS) < ROWS // 2
SPLIT = Split(HALF, 30)


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
    assert (names(search_weak_slices([candidate], correct, SPLIT)) == ["weak"]) == is_weak


def test_the_gap_is_the_pooled_z_of_two_proportions():
    inside, correct = np.arange(100) < 40, np.arange(100) % 5 > 0
    correct[:10] = False
    low, high, share = correct[:40].mean(), correct[40:].mean(), correct.mean()
    expected = (high - low) / np.sqrt(share * (1 - share) * (1 / 40 + 1 / 60))
    assert standardized_gap(inside, correct) == pytest.approx(expected)
    assert standardized_gap(inside, np.ones(100, dtype=bool)) == 0


def test_rows_of_the_other_half_are_not_searched():
    weak, wrong = slice_of("weak", range(200)), range(ROWS // 2, ROWS // 2 + 200)
    assert names(search_weak_slices([weak], correct_but(wrong), SPLIT)) == []
    assert names(search_weak_slices([weak], correct_but(wrong), Split(~HALF, 30))) == ["weak"]


def test_no_more_than_twenty_are_found_the_worst_first():
    slices = [slice_of(f"s{number:02}", range(100 * number, 100 * number + 100), "words") for number in range(25)]
    correct = correct_but(*(range(100 * number, 100 * number + 90 - number) for number in range(25)))
    result = search_weak_slices(slices, correct, SPLIT)
    assert names(result) == [f"s{number:02}" for number in range(20)]
    assert (result.surplus, result.near_duplicates, result.n_candidates) == (5, 0, 25)


@pytest.mark.parametrize(("shared", "is_same"), [(79, False), (80, True)])
def test_of_two_with_four_fifths_of_their_rows_in_common_the_worse_is_found(shared, is_same):
    worse = slice_of("worse", range(100), "column")
    other = slice_of("other", range(shared), "column")
    result = search_weak_slices([other, worse], correct_but(range(100)), Split(HALF, 1))
    assert names(result) == (["worse"] if is_same else ["worse", "other"])
    assert result.near_duplicates == is_same


def test_two_of_different_sources_are_crossed_and_found_where_they_are_worse_together():
    one, two = slice_of("one", range(1000)), slice_of("two", range(900, 1900))
    result = search_weak_slices([one, two], correct_but(range(900, 1000)), SPLIT)
    assert names(result)[0] == "one and two"
    assert result.n_candidates == 3


def test_two_values_of_one_column_are_not_crossed_and_two_words_of_one_text_are():
    halves = slice_of("one", range(1000), "column"), slice_of("two", range(500, 1500), "column")
    assert search_weak_slices(halves, correct_but(range(100)), SPLIT).n_candidates == 2
    words = slice_of("one", range(1000), "text word"), slice_of("two", range(500, 1500), "text word")
    assert search_weak_slices(words, correct_but(range(100)), SPLIT).n_candidates == 3


def test_every_two_of_the_forty_that_look_worst_are_crossed():
    rng = np.random.default_rng(1)
    slices = [slice_of(f"s{number}", rng.permutation(ROWS // 2)[: ROWS // 4]) for number in range(45)]
    assert search_weak_slices(slices, rng.random(ROWS) < 0.8, SPLIT).n_candidates == 45 + 40 * 39 // 2
