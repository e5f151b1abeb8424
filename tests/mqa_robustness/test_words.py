from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mqa_robustness.words import is_word, split_words


def words(text):
    return [piece for piece in split_words(text)[1::2] if is_word(piece)]


@given(st.text())
def test_the_pieces_are_the_text(text):
    assert "".join(split_words(text)) == text


def test_words_are_runs_of_three_letters_and_more():
    assert words("It isn't the B-52, but a 1st-rate movie!") == ["isn", "the", "but", "rate", "movie"]


def test_a_letter_with_a_mark_of_its_own_belongs_to_no_word():
    assert words("cafe\u0301s") == ["caf"]
    assert words("abe\u0301") == []
    assert words("caf\u00e9s") == ["caf\u00e9s"]


def test_words_of_other_scripts_are_words():
    assert words("\u042d\u0442\u043e \u0444\u0438\u043b\u044c\u043c") == [
        "\u042d\u0442\u043e",
        "\u0444\u0438\u043b\u044c\u043c",
    ]
