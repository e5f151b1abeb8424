"""Slips of the finger: a key beside the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_robustness.places import Rate, change_places, each_text, pick
from mqa_robustness.words import in_case_of, is_word, split_words

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Example

QWERTY = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # each row half a key to the right of the one above


def _neighbours(row: int, key: int) -> str:
    """The letters around one key: beside it, above it and below it."""
    around = [(row, key - 1), (row, key + 1), (row - 1, key), (row - 1, key + 1), (row + 1, key - 1), (row + 1, key)]
    return "".join(QWERTY[r][k] for r, k in around if 0 <= r < len(QWERTY) and 0 <= k < len(QWERTY[r]))


NEIGHBOURS = {letter: _neighbours(row, key) for row, keys in enumerate(QWERTY) for key, letter in enumerate(keys)}


def keyboard(example: Example, rng: np.random.Generator, *, rate: Rate = 0.1) -> dict[str, Any]:
    """One letter in a share of the words replaced by its neighbour on QWERTY.

    `rate` is the share of the words of three letters or more that have a letter from a to z. All such letters of a word
    are equally likely, and all neighbours of a letter. Capitals stay capitals.
    """
    return each_text(example, lambda text: change_places(split_words(text), rng, rate, fits=_has_keys, change=slipped))


def slipped(word: str, draw: float) -> str:
    """The word with one slip, which the draw decides."""
    places = [place for place, letter in enumerate(word) if letter.lower() in NEIGHBOURS]
    chosen, draw = pick(draw, len(places))
    place = places[chosen]
    keys = NEIGHBOURS[word[place].lower()]
    return word[:place] + in_case_of(word[place], keys[pick(draw, len(keys))[0]]) + word[place + 1 :]


def _has_keys(piece: str) -> bool:
    return is_word(piece) and (piece.isascii() or any(letter.lower() in NEIGHBOURS for letter in piece))
