"""Letters that look alike: the same text to the eye, another to the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_robustness.places import each_text, edit_places, pick
from mqa_robustness.severity import Rate, Severity, rate_of
from mqa_robustness.words import words_with

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example

# Origin: confusables.txt of Unicode Technical Standard 39 (https://www.unicode.org/reports/tr39/), Unicode License v3.
# Picked by hand: for each Latin letter the Cyrillic one that looks the same in most typefaces, and the Greek capitals
# for N, Y and Z; the small letters that have none are left out.
LATIN = {
    "a": "\u0430", "c": "\u0441", "d": "\u0501", "e": "\u0435", "h": "\u04bb", "i": "\u0456", "j": "\u0458",
    "l": "\u04c0", "o": "\u043e", "p": "\u0440", "q": "\u051b", "s": "\u0455", "v": "\u0475", "w": "\u051d",
    "x": "\u0445", "y": "\u0443", "A": "\u0410", "B": "\u0412", "C": "\u0421", "E": "\u0415", "H": "\u041d",
    "I": "\u0406", "J": "\u0408", "K": "\u041a", "M": "\u041c", "N": "\u039d", "O": "\u041e", "P": "\u0420",
    "S": "\u0405", "T": "\u0422", "X": "\u0425", "Y": "\u03a5", "Z": "\u0396",
}  # fmt: skip
LOOK_ALIKES = LATIN | {alike: letter for letter, alike in LATIN.items()}


def homoglyphs(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """One letter in a share of the words replaced by its look-alike.

    All letters of a word that have one are equally likely; the look-alike stands in another script, of those that
    Unicode lists as confusable. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words
    of three letters or more that have such a letter.
    """
    share = rate_of(severity, rate)
    return each_text(example, lambda text: edit_places(text, words_with(text, _has_some), rng, share, disguised))


def disguised(word: str, draw: float) -> str:
    """The word with one letter replaced by its look-alike; the draw decides which."""
    places = [place for place, letter in enumerate(word) if letter in LOOK_ALIKES]
    place = places[pick(draw, len(places))[0]]
    return word[:place] + LOOK_ALIKES[word[place]] + word[place + 1 :]


def _has_some(word: str) -> bool:
    return not LOOK_ALIKES.keys().isdisjoint(word)
