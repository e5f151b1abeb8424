"""What a scanner makes of a printed page: letters taken for others of the same shape.

Origin of the confusions, picked by hand: those between letters from `eng.unicharambigs` of Tesseract's language data
(https://github.com/tesseract-ocr/langdata, Apache License 2.0), which lists what its English reader mixes up; b and h,
and l, I, 1 and !, from the Project Gutenberg FAQ, S.16 (http://pge.rastko.net/faq/S-16).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mqa_robustness.places import each_text, edit_places, pick
from mqa_robustness.severity import Rate, Severity, rate_of
from mqa_robustness.words import words_with

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example

# What is printed, and what it is read as.
CONFUSIONS = {
    "m": ("rn", "in", "ni"), "rn": ("m",), "in": ("m",), "nn": ("rm",), "rm": ("nn",), "d": ("cl",), "cl": ("d",),
    "n": ("ri", "ii"), "ri": ("n",), "h": ("li", "b"), "b": ("h",), "u": ("ii",), "w": ("vv",), "W": ("VV",),
    "H": ("ll",), "k": ("l<",), "t": ("f", "r"), "f": ("t",), "a": ("o",), "o": ("a", "0"), "e": ("c",), "c": ("e",),
    "l": ("1", "I", "!"), "I": ("l", "1", "!"),
}  # fmt: skip
SOME = re.compile("|".join(CONFUSIONS))
LONGEST = max(map(len, CONFUSIONS))


def ocr(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """One letter or pair of letters in a share of the words misread, as by a scanner.

    Such as rn for m, c for e, 1 for l. All places of a word that can be misread are equally likely, and all that such a
    place can be read as. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words of
    three letters or more that can be misread.
    """
    share = rate_of(severity, rate)
    return each_text(example, lambda text: edit_places(text, words_with(text, SOME.search), rng, share, misread))


def misread(word: str, draw: float) -> str:
    """The word with one place misread, which the draw decides."""
    ends = [(start, start + length) for start in range(len(word)) for length in range(1, LONGEST + 1)]
    places = [(start, end) for start, end in ends if end <= len(word) and word[start:end] in CONFUSIONS]
    chosen, draw = pick(draw, len(places))
    start, end = places[chosen]
    readings = CONFUSIONS[word[start:end]]
    return word[:start] + readings[pick(draw, len(readings))[0]] + word[end:]
