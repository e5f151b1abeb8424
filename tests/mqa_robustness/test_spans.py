from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mqa_robustness.spans import find_gaps, find_tokens, find_words


def parts(find, text):
    return [text[start:end] for start, end in find(text)]


def test_words_are_runs_of_three_letters_and_more():
    assert parts(find_words, "It isn't the B-52, but a 1st-rate movie!") == ["isn", "the", "but", "rate", "movie"]


def test_a_letter_with_a_mark_of_its_own_belongs_to_no_word():
    assert parts(find_words, "cafe\u0301s") == ["caf"]
    assert parts(find_words, "abe\u0301") == []
    assert parts(find_words, "caf\u00e9s") == ["caf\u00e9s"]


def test_words_of_other_scripts_are_words():
    film = "\u0444\u0438\u043b\u044c\u043c"
    assert parts(find_words, f"\u042d\u0442\u043e {film}") == ["\u042d\u0442\u043e", film]


@given(st.text())
def test_what_white_space_parts_is_what_python_splits(text):
    assert parts(find_tokens, text) == text.split()
    assert parts(find_gaps, text) == [gap for gap in parts(find_gaps, text) if gap.isspace()]
    assert len(find_gaps(text)) == max(len(text.split()) - 1, 0)
