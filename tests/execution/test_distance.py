from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.contributions import Perturbation
from mqa_registry.execution.perturbation import MAX_COMPARED, apply_perturbations, edit_distance
from mqa_registry.suite import Use
from mqa_registry.types import Rows

TEXTS = st.text(st.characters(exclude_categories=[]), max_size=12)


def by_the_book(one, other):
    """Wagner and Fischer's table (J. ACM 21, 1974)."""
    table = np.zeros((len(one) + 1, len(other) + 1), dtype=int)
    table[0], table[:, 0] = np.arange(len(other) + 1), np.arange(len(one) + 1)
    for row, left in enumerate(one, 1):
        for column, right in enumerate(other, 1):
            swapped = table[row - 1, column - 1] + (left != right)
            table[row, column] = min(table[row - 1, column] + 1, table[row, column - 1] + 1, swapped)
    return int(table[-1, -1])


@given(TEXTS, TEXTS)
def test_edits_are_those_of_the_textbook_for_any_text(one, other):
    assert edit_distance({"text": one}, {"text": other}) == by_the_book(one, other)


def test_fields_add_up_and_what_is_no_text_does_not_count():
    before, after = {"a": "kitten", "b": "x", "n": 3}, {"a": "sitting", "b": "xy", "n": 4}
    assert edit_distance(before, after) == 4
    assert edit_distance({"n": 3}, {"n": 4}) is None


def test_of_enormous_texts_the_beginning_is_compared():
    assert edit_distance({"text": "a" * 10**6}, {"text": "b" * 10**6}) == MAX_COMPARED


@pytest.mark.parametrize(("put", "changed", "mean"), [("xyz", 4, 3.0), ("", 0, None)])
def test_perturbed_rows_know_how_far_they_lie_from_what_they_were(put, changed, mean):
    def longer(example, rng):
        return {"text": example["text"] + put}

    rows = Rows(pa.table({"id": ["1", "2", "3", "4"], "text": ["", "abc", "ab", "abcdef"]}), ("text",))
    found = apply_perturbations(rows, [Use("test/longer", Perturbation("longer", longer, modality="text"))], None, 7)
    assert (found.changed, found.edits) == (changed, mean)


def test_a_row_that_did_not_change_does_not_count_to_the_mean():
    def shorter(example, rng):
        return {"text": example["text"][:2]}

    rows = Rows(pa.table({"id": ["1", "2", "3", "4"], "text": ["", "abc", "ab", "abcdef"]}), ("text",))
    found = apply_perturbations(rows, [Use("test/shorter", Perturbation("shorter", shorter, modality="text"))], None, 7)
    assert (found.changed, found.edits) == (2, 2.5)
