"""Typing errors: a letter too many, one too few, a wrong one, two in the wrong order."""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

from mqa_robustness.places import Rate, change_places, each_text, pick
from mqa_robustness.words import in_case_of, is_word, split_words

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Example


def typos(example: Example, rng: np.random.Generator, *, rate: Rate = 0.1) -> dict[str, Any]:
    """One typing error in a share of the words.

    A letter is inserted, deleted, replaced, or swapped with the next. `rate` is the share of the words of three letters
    or more. The four errors are equally likely, as are all places in the word and all letters: those from a to z, or in
    a word with others, those of the word itself.
    """
    return each_text(example, lambda text: change_places(split_words(text), rng, rate, fits=is_word, change=mistyped))


def mistyped(word: str, draw: float) -> str:
    """The word with one error, which the draw decides."""
    kind, draw = pick(draw, 4)
    return (_inserted, _deleted, _replaced, _swapped)[kind](word, draw)


def _inserted(word: str, draw: float) -> str:
    place, draw = pick(draw, len(word) + 1)
    letters = ascii_lowercase if word.isascii() else word
    letter = letters[pick(draw, len(letters))[0]]
    return word[:place] + in_case_of(word, letter) + word[place:]


def _deleted(word: str, draw: float) -> str:
    place, _ = pick(draw, len(word))
    return word[:place] + word[place + 1 :]


def _replaced(word: str, draw: float) -> str:
    place, draw = pick(draw, len(word))
    letters = (ascii_lowercase if word.isascii() else word).replace(word[place].lower(), "").replace(word[place], "")
    if not letters:
        return _inserted(word, draw)
    letter = letters[pick(draw, len(letters))[0]]
    return word[:place] + in_case_of(word[place], letter) + word[place + 1 :]


def _swapped(word: str, draw: float) -> str:
    places = [place for place in range(len(word) - 1) if word[place] != word[place + 1]]
    if not places:
        return _inserted(word, draw)
    place = places[pick(draw, len(places))[0]]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
