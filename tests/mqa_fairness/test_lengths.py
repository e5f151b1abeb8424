from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_fairness.lengths import length
from mqa_registry import DataError, UsageError


def group(words, **options):
    return length({"text": " ".join(["word"] * words)}, **options)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (0, "no words"),
        (1, "1-10 words"),
        (10, "1-10 words"),
        (11, "11-20 words"),
        (20, "11-20 words"),
        (21, "over 20 words"),
    ],
)
def test_a_bound_is_the_last_number_of_its_group(words, name):
    assert group(words) == name


@pytest.mark.parametrize(
    ("bounds", "names"),
    [
        ([1], ["no words", "1 word", "over 1 word", "over 1 word"]),
        ([1, 2], ["no words", "1 word", "2 words", "over 2 words"]),
        ([3], ["no words", "1-3 words", "1-3 words", "1-3 words"]),
    ],
)
def test_bounds_can_be_given(bounds, names):
    assert [group(words, bounds=bounds) for words in range(4)] == names


@pytest.mark.parametrize("bounds", [[], [0], [-1, 5], [5, 5], [20, 10]])
def test_bounds_must_rise_from_one(bounds):
    with pytest.raises(UsageError, match="`bounds` must rise from at least 1"):
        group(3, bounds=bounds)


@given(st.text())
def test_words_are_what_white_space_parts(text):
    assert (length({"text": text}) == "no words") == (not text.strip())


def test_a_missing_text_is_in_no_group_and_another_column_can_be_asked_for():
    assert length({"text": None}) is None
    assert length({"review": "fine"}, column="review") == "1-10 words"
    with pytest.raises(DataError, match="no column `text`"):
        length({"review": "fine"})
