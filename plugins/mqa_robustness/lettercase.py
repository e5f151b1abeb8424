"""Capitals where small letters were, and the other way round; words here are what white space parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_robustness.places import each_text, edit_places
from mqa_robustness.severity import FIFTHS, Rate, Severity, rate_of
from mqa_robustness.words import tokens_in

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from mqa_registry import Edit, Example


def upper_case(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Every letter a capital.

    As Unicode maps them, whatever the language, so that \u00df becomes SS. `severity` is a rate of 0.2, 0.4, 0.6, 0.8
    or 1. `rate` is the share of the words with a letter that has a capital; left out, all of them.
    """
    return _recased(example, rng, rate_of(severity, rate, FIFTHS), str.upper)


def lower_case(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Every letter small.

    As Unicode maps them, whatever the language. `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of
    the words with a capital; left out, all of them.
    """
    return _recased(example, rng, rate_of(severity, rate, FIFTHS), str.lower)


def title_case(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Every word with a capital in front, as in headlines.

    Its other letters stay as they are, so that NASA is no Nasa. `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate`
    is the share of the words that begin with a small letter; left out, all of them.
    """
    return _recased(example, rng, rate_of(severity, rate, FIFTHS), titled)


def alternating_case(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Small letters and capitals in turns, as mockers write.

    Each word begins with a small one. `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words
    that this changes; left out, all of them.
    """
    return _recased(example, rng, rate_of(severity, rate, FIFTHS), alternated)


def titled(word: str) -> str:
    first = next((place for place, letter in enumerate(word) if letter.isalnum()), 0)
    return word[:first] + word[first].title() + word[first + 1 :]


def alternated(word: str) -> str:
    turns = []
    capital = False
    for letter in word:
        small, large = letter.lower(), letter.upper()
        turns.append(large if capital else small)
        capital ^= small != large
    return "".join(turns)


def _recased(
    example: Example, rng: np.random.Generator, rate: float, change: Callable[[str], str]
) -> dict[str, list[Edit]]:
    def edits(text: str) -> list[Edit]:
        places = [(start, end) for start, end in tokens_in(text) if change(text[start:end]) != text[start:end]]
        return edit_places(text, places, rng, rate, lambda word, _: change(word))

    return each_text(example, edits)
