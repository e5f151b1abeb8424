"""What optical character recognition makes of a printed page: letters taken for others of the same shape.

Origin of the confusions, picked by hand: those between letters from `eng.unicharambigs` of Tesseract's language data
(https://github.com/tesseract-ocr/langdata, Apache License 2.0), which lists what its English reader mixes up; b and h,
and l, I, 1 and !, from the Project Gutenberg FAQ, S.16 (http://pge.rastko.net/faq/S-16).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mqa_robustness.severity import Rate, Severity, resolve_rate
from mqa_robustness.spans import choose, edit_spans, edit_texts, find_words_where

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
CONFUSABLE = re.compile("|".join(CONFUSIONS))
MAX_LENGTH = max(map(len, CONFUSIONS))


def ocr(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """One letter or pair of letters in a share of the words misread, as by a scanner.

    Such as rn for m, c for e, 1 for l. All letters and pairs of a word that can be misread are equally likely, and all
    that they can be read as. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words of
    three letters or more that can be misread.
    """
    share = resolve_rate(severity, rate)

    def edit(text: str) -> list[Edit]:
        return edit_spans(text, find_words_where(text, CONFUSABLE.search), rng, share, misread_letters)

    return edit_texts(example, edit)


def misread_letters(word: str, draw: float) -> str:
    """The word with one letter or pair of letters misread; the draw decides which, and as what."""
    spans = [(start, start + length) for start in range(len(word)) for length in range(1, MAX_LENGTH + 1)]
    confusable = [(start, end) for start, end in spans if end <= len(word) and word[start:end] in CONFUSIONS]
    index, draw = choose(draw, len(confusable))
    start, end = confusable[index]
    readings = CONFUSIONS[word[start:end]]
    return word[:start] + readings[choose(draw, len(readings))[0]] + word[end:]
