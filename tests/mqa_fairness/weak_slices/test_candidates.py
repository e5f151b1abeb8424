"""The groups of rows that are tried: by words, lengths, values and numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_fairness.weak_slices.candidates import copies_of_target, has_enough_rows, make_candidates, select_columns

ROWS = 800
HALF = np.arange(ROWS) % 2 == 0


def candidates_of(columns, fields=(), *, max_terms=500, min_rows=1):
    table = pa.table(columns)
    names = [name for name in table.column_names if name not in fields]
    return make_candidates(table, fields, names, max_terms=max_terms, half=HALF, min_rows=min_rows)


def names(candidates):
    return [each.name for each in candidates.slices]


@pytest.mark.parametrize(("values", "count"), [(20, 20), (21, 0)])
def test_a_column_of_up_to_twenty_values_has_a_group_for_each(values, count):
    found = candidates_of({"city": [f"c{row // 2 % values}" for row in range(ROWS)]})
    assert len(found.slices) == count
    assert found.left_out == (
        [] if count else ["the column `city` has neither numbers nor few values, and was not tried"]
    )


def test_more_numbers_than_that_are_cut_into_quarters():
    found = candidates_of({"age": [row // 2 % 100 for row in range(ROWS)]})
    assert names(found) == ["`age` is 0 to 24", "`age` is 25 to 49", "`age` is 50 to 74", "`age` is 75 to 99"]
    assert sum(each.rows for each in found.slices).tolist() == [1] * ROWS


def test_lengths_are_cut_into_quarters():
    found = candidates_of({"text": ["word " * (row // 2 % 8 + 1) for row in range(ROWS)]}, ["text"], max_terms=0)
    assert names(found) == [f"`text` has {low} to {low + 1} words" for low in (1, 3, 5, 7)]


def test_the_most_frequent_words_have_a_group_each_and_the_others_are_counted():
    texts = [("often " if row // 2 % 4 < 3 else "") + ("some " if row // 2 % 4 < 2 else "") for row in range(ROWS)]
    texts[1] += "once"
    found = candidates_of({"text": texts}, ["text"], max_terms=1, min_rows=10)
    assert "`text` has “often”" in names(found)
    assert "1 word of `text` is in too few rows, and was not tried" in found.left_out
    assert "1 less frequent word of `text` was not tried" in found.left_out


@pytest.mark.parametrize(("count", "is_tried"), [(19, False), (20, True)])
def test_a_word_needs_enough_rows_for_both_halves(count, is_tried):
    texts = ["word" if row < count else "other" for row in range(ROWS)]
    found = candidates_of({"text": texts}, ["text"], min_rows=10)
    assert ("`text` has “word”" in names(found)) == is_tried


@pytest.mark.parametrize(("inside", "enough"), [(19, False), (20, True), (780, True), (781, False)])
def test_a_group_needs_enough_rows_inside_and_outside_in_either_half(inside, enough):
    assert has_enough_rows(np.arange(ROWS) < inside, HALF, 10) == enough


def test_groups_that_are_too_small_are_counted():
    found = candidates_of({"city": ["small" if row < 6 else "large" for row in range(ROWS)]}, min_rows=10)
    assert names(found) == []
    assert found.left_out == ["2 groups have too few rows, inside or outside, in one of the halves"]


def test_ids_targets_texts_and_copies_of_the_target_are_no_columns_to_try():
    table = pa.table({"id": ["1"], "text": ["a"], "target": ["x"], "cluster": [1], "label": ["x"], "city": ["rome"]})
    assert copies_of_target(table) == ["label"]
    assert select_columns(table, ["text"], None, None) == ["city"]
    assert select_columns(table, ["text"], ["label", "city", "label"], ["city"]) == ["label"]
