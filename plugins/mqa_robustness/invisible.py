"""Characters that nobody sees: the same text to the eye, another to the model.

After Boucher, Shumailov, Anderson and Papernot 2022, "Bad Characters: Imperceptible NLP Attacks"
(https://arxiv.org/abs/2106.09898): invisible characters and reorderings. Their homoglyphs are in `lookalikes`.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from mqa_robustness.places import each_text, edit_places, pick
from mqa_robustness.severity import Rate, Severity, rate_of
from mqa_robustness.words import words_in, words_with

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example

# Of no width, and in no script a way to spell, as the joiners U+200C and U+200D are.
ZERO_WIDTH = ("\u200b", "\u2060", "\ufeff")  # zero width space, word joiner, zero width no-break space
OVERRIDE, POP = "\u202e", "\u202c"  # from right to left, whatever the letters; and back


def zero_width(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """One character of no width inside a share of the words.

    That is a zero width space, a word joiner or a zero width no-break space; all of them are equally likely, and all
    places between two letters. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words
    of three letters or more.
    """
    share = rate_of(severity, rate)
    return each_text(example, lambda text: edit_places(text, words_in(text), rng, share, filled))


def bidi(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A share of the words spelled backwards, between marks that show them the right way round.

    The marks are a right-to-left override and its end. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is
    the share of the words of three letters or more in a script that runs from left to right.
    """
    share = rate_of(severity, rate)
    return each_text(
        example, lambda text: edit_places(text, words_with(text, _runs_right), rng, share, lambda word, _: turned(word))
    )


def filled(word: str, draw: float) -> str:
    """The word with one invisible character; the draw decides where, and which."""
    place, draw = pick(draw, len(word) - 1)
    character = ZERO_WIDTH[pick(draw, len(ZERO_WIDTH))[0]]
    return f"{word[: place + 1]}{character}{word[place + 1 :]}"


def turned(word: str) -> str:
    return f"{OVERRIDE}{word[::-1]}{POP}"


def _runs_right(word: str) -> bool:
    return word.isascii() or all(unicodedata.bidirectional(letter) == "L" for letter in word)
