"""Letters that look alike: the same text to the eye, another to the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_robustness.places import Rate, change_places, each_text, pick
from mqa_robustness.words import is_word, split_words

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Example

# Latin letters and those that Unicode lists as confusable with them, https://www.unicode.org/reports/tr39/: Cyrillic
# ones, but for the Greek capitals N, Y and Z.
LOOK_ALIKES = {
    "a": "\u0430", "c": "\u0441", "d": "\u0501", "e": "\u0435", "h": "\u04bb", "i": "\u0456", "j": "\u0458",
    "l": "\u04c0", "o": "\u043e", "p": "\u0440", "q": "\u051b", "s": "\u0455", "v": "\u0475", "w": "\u051d",
    "x": "\u0445", "y": "\u0443", "A": "\u0410", "B": "\u0412", "C": "\u0421", "E": "\u0415", "H": "\u041d",
    "I": "\u0406", "J": "\u0408", "K": "\u041a", "M": "\u041c", "N": "\u039d", "O": "\u041e", "P": "\u0420",
    "S": "\u0405", "T": "\u0422", "X": "\u0425", "Y": "\u03a5", "Z": "\u0396",
}  # fmt: skip


def homoglyphs(example: Example, rng: np.random.Generator, *, rate: Rate = 0.1) -> dict[str, Any]:
    """One letter in a share of the words replaced by its look-alike.

    `rate` is the share of the words of three letters or more that have such a letter. All of them in a word are equally
    likely; each has one look-alike, in another script, of those that Unicode lists as confusable.
    """
    return each_text(
        example, lambda text: change_places(split_words(text), rng, rate, fits=_has_some, change=disguised)
    )


def disguised(word: str, draw: float) -> str:
    """The word with one letter replaced by its look-alike; the draw decides which."""
    places = [place for place, letter in enumerate(word) if letter in LOOK_ALIKES]
    place = places[pick(draw, len(places))[0]]
    return word[:place] + LOOK_ALIKES[word[place]] + word[place + 1 :]


def _has_some(piece: str) -> bool:
    return is_word(piece) and not LOOK_ALIKES.keys().isdisjoint(piece)
