"""Punctuation marks lost, and marks too many."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from mqa_robustness.places import each_text, edit_places, pick
from mqa_robustness.severity import FIFTHS, Rate, Severity, rate_of

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.places import Place

NO_WORD = re.compile(r"[^\w\s]|_")
BARE_END = re.compile(r"(?<=[^\W_])(?=\s|\Z)")
ADDED = (".", ",", ";", ":", "!", "?")


def strip_punctuation(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]] | None:
    """Every punctuation mark removed.

    Nothing is put in its place: `don't` becomes `dont`. These are the marks of ASCII, symbols such as $ and + among
    them, and all that Unicode counts as punctuation. A row with a text that is made of nothing else is declined.
    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the marks; left out, all of them.
    """
    if any(text and _nothing_else(text) for text in example.values()):
        return None
    share = rate_of(severity, rate, FIFTHS)
    return each_text(example, lambda text: edit_places(text, marks_in(text), rng, share, lambda _mark, _draw: ""))


def extra_punctuation(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A punctuation mark behind a share of the words.

    That is a full stop, a comma, a semicolon, a colon, an exclamation or a question mark, all equally likely.
    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words that have no mark behind
    them.
    """
    share = rate_of(severity, rate)
    return each_text(
        example,
        lambda text: edit_places(text, [end.span() for end in BARE_END.finditer(text)], rng, share, _some_mark),
    )


def marks_in(text: str) -> list[Place]:
    """Where the punctuation marks of a text are."""
    return [found.span() for found in NO_WORD.finditer(text) if _is_mark(found.group())]


def _nothing_else(text: str) -> bool:
    return not text.isspace() and all(_is_mark(character) for character in text if not character.isspace())


@cache
def _is_mark(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def _some_mark(_nothing: str, draw: float) -> str:
    return ADDED[pick(draw, len(ADDED))[0]]
