"""Pairs written by hand from each definition: what a draw makes of a word, what a change makes of a text.

A draw is spent choice by choice: of four errors the first takes [0, 1/4), and what is left of it, spread over [0, 1)
again, decides the next.
"""

from __future__ import annotations

import numpy as np
import pytest

from mqa_robustness.lookalikes import LOOK_ALIKES, disguised
from mqa_robustness.misspelling import mistyped
from mqa_robustness.plain import strip_punctuation, upper_case
from mqa_robustness.slips import NEIGHBOURS, slipped
from mqa_robustness.spaces import extra_space

CYRILLIC_WORD = "\u0444\u0438\u043b\u044c\u043c"


def draw(*choices):
    """The draw that makes these choices, each (which, of how many), from the middle of its range."""
    low, width = 0.0, 1.0
    for which, many in choices:
        width /= many
        low += which * width
    return low + width / 2


INSERT, DELETE, REPLACE, SWAP = ((kind, 4) for kind in range(4))


@pytest.mark.parametrize(
    ("word", "choices", "after"),
    [
        ("movie", [INSERT, (0, 6), (0, 26)], "amovie"),
        ("movie", [INSERT, (5, 6), (25, 26)], "moviez"),
        ("movie", [INSERT, (2, 6), (19, 26)], "motvie"),
        ("MOVIE", [INSERT, (0, 6), (0, 26)], "AMOVIE"),
        ("Movie", [INSERT, (0, 6), (0, 26)], "aMovie"),
        ("movie", [DELETE, (0, 5)], "ovie"),
        ("movie", [DELETE, (4, 5)], "movi"),
        ("movie", [REPLACE, (0, 5), (0, 25)], "aovie"),
        ("movie", [REPLACE, (0, 5), (12, 25)], "novie"),
        ("Movie", [REPLACE, (0, 5), (12, 25)], "Novie"),
        ("movie", [SWAP, (0, 4)], "omvie"),
        ("movie", [SWAP, (3, 4)], "movei"),
        ("good", [SWAP, (1, 2)], "godo"),
        ("zzz", [SWAP, (0, 4), (0, 26)], "azzz"),
        (CYRILLIC_WORD, [DELETE, (1, 5)], "\u0444\u043b\u044c\u043c"),
        (CYRILLIC_WORD, [REPLACE, (0, 5), (0, 4)], "\u0438\u0438\u043b\u044c\u043c"),
        (CYRILLIC_WORD, [INSERT, (0, 6), (4, 5)], "\u043c" + CYRILLIC_WORD),
    ],
)
def test_typos(word, choices, after):
    assert mistyped(word, draw(*choices)) == after


@pytest.mark.parametrize(
    ("word", "choices", "after"),
    [
        ("great", [(0, 5), (0, 6)], "freat"),
        ("great", [(0, 5), (1, 6)], "hreat"),
        ("Great", [(0, 5), (2, 6)], "Treat"),
        ("quiz", [(0, 4), (0, 2)], "wuiz"),
        ("quiz", [(3, 4), (0, 3)], "quix"),
        ("na\u00efve", [(3, 4), (0, 4)], "na\u00efvw"),
    ],
)
def test_keyboard(word, choices, after):
    assert slipped(word, draw(*choices)) == after


def test_neighbours_are_the_keys_around_one_on_qwerty():
    around = {"q": "wa", "a": "qwsz", "g": "ftyhvb", "p": "ol", "m": "njk", "z": "asx", "l": "kop"}
    assert {key: set(NEIGHBOURS[key]) for key in around} == {key: set(keys) for key, keys in around.items()}


def test_neighbours_are_neighbours_of_each_other():
    assert len(NEIGHBOURS) == 26
    assert all(key in NEIGHBOURS[other] for key, others in NEIGHBOURS.items() for other in others)


@pytest.mark.parametrize(
    ("word", "choices", "after"),
    [
        ("great", [(0, 2)], "gr\u0435at"),
        ("great", [(1, 2)], "gre\u0430t"),
        ("POOR", [(0, 3)], "\u0420OOR"),
        ("rtk\u00ef", None, None),
    ],
)
def test_homoglyphs(word, choices, after):
    if choices is None:
        assert LOOK_ALIKES.keys().isdisjoint(word)
    else:
        assert disguised(word, draw(*choices)) == after


def test_a_look_alike_is_a_letter_of_another_script_and_the_same_case():
    assert all(not alike.isascii() and alike.isalpha() for alike in LOOK_ALIKES.values())
    assert all(letter.isupper() == alike.isupper() for letter, alike in LOOK_ALIKES.items() if letter != "l")
    assert len(set(LOOK_ALIKES.values())) == len(LOOK_ALIKES)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("A great movie.", "A GREAT MOVIE."),
        ("Stra\u00dfe", "STRASSE"),
        ("\u0444\u0438\u043b\u044c\u043c", "\u0424\u0418\u041b\u042c\u041c"),
        ("5/5 \U0001f600", "5/5 \U0001f600"),
        ("", ""),
    ],
)
def test_upper_case(text, after):
    assert upper_case({"text": text}, np.random.default_rng(0)) == {"text": after}


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("Well-made, isn't it?", "Wellmade isnt it"),
        ("$5 + tax = <cheap>", "5  tax  cheap"),
        ("\u201cQuoted\u201d \u2014 and \u00bfqu\u00e9?", "Quoted  and qu\u00e9"),
        ("\u597d\u770b\u3002", "\u597d\u770b"),
        ("snake_case", "snakecase"),
        ("fine as it is", "fine as it is"),
        ("5\u20ac \U0001f600", "5\u20ac \U0001f600"),
        (" ", " "),
    ],
)
def test_strip_punctuation(text, after):
    assert strip_punctuation({"text": text}, np.random.default_rng(0)) == {"text": after}


@pytest.mark.parametrize("example", [{"text": "?!"}, {"text": " :-) "}, {"text": "fine", "text_pair": "..."}])
def test_a_row_that_punctuation_is_all_of_is_declined(example):
    assert strip_punctuation(example, np.random.default_rng(0)) is None


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("a great  movie\nindeed ", "a  great   movie\n indeed "),
        (" one ", " one "),
        ("\u8fd9 \u90e8", "\u8fd9  \u90e8"),
    ],
)
def test_extra_space(text, after):
    assert extra_space({"text": text}, np.random.default_rng(0), rate=1.0) == {"text": after}
