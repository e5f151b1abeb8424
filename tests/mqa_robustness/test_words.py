from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mqa_robustness.words import gaps_in, tokens_in, words_in


def parts(places, text):
    return [text[start:end] for start, end in places(text)]


def test_words_are_runs_of_three_letters_and_more():
    assert parts(words_in, "It isn't the B-52, but a 1st-rate movie!") == ["isn", "the", "but", "rate", "movie"]


def test_a_letter_with_a_mark_of_its_own_belongs_to_no_word():
    assert parts(words_in, "cafe\u0301s") == ["caf"]
    assert parts(words_in, "abe\u0301") == []
    assert parts(words_in, "caf\u00e9s") == ["caf\u00e9s"]


def test_words_of_other_scripts_are_words():
    film = "\u0444\u0438\u043b\u044c\u043c"
    assert parts(words_in, f"\u042d\u0442\u043e {film}") == ["\u042d\u0442\u043e", film]


@given(st.text())
def test_what_white_space_parts_is_what_python_splits(text):
    assert parts(tokens_in, text) == text.split()
    assert parts(gaps_in, text) == [gap for gap in parts(gaps_in, text) if gap.isspace()]
    assert len(gaps_in(text)) == max(len(text.split()) - 1, 0)
