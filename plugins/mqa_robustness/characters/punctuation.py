"""Punctuation marks removed and added."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from mqa_robustness.severity import LINEAR, Rate, Severity, resolve_rate
from mqa_robustness.spans import choose, edit_spans, edit_texts

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example

NO_WORD = re.compile(r"[^\w\s]|_")
WORD_END = re.compile(r"(?<=[^\W_])(?=\s|\Z)")  # without a mark
MARKS = (".", ",", ";", ":", "!", "?")


def strip_punctuation(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]] | None:
    """Every punctuation mark removed.

    Nothing is put in its place: `don't` becomes `dont`. These are the marks of ASCII, symbols such as $ and + among
    them, and all that Unicode counts as punctuation. A row with a text that is made of nothing else is declined.
    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the marks; left out, all of them.
    """
    if any(text and _is_only_marks(text) for text in example.values()):
        return None
    share = resolve_rate(severity, rate, LINEAR)

    def edit(text: str) -> list[Edit]:
        marks = [match.span() for match in NO_WORD.finditer(text) if _is_mark(match[0])]
        return edit_spans(text, marks, rng, share, lambda _mark, _draw: "")

    return edit_texts(example, edit)


def extra_punctuation(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A punctuation mark behind a share of the words.

    That is a full stop, a comma, a semicolon, a colon, an exclamation or a question mark, all equally likely.
    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words that have no mark behind
    them.
    """
    share = resolve_rate(severity, rate)

    def edit(text: str) -> list[Edit]:
        ends = [match.span() for match in WORD_END.finditer(text)]
        return edit_spans(text, ends, rng, share, lambda _empty, draw: MARKS[choose(draw, len(MARKS))[0]])

    return edit_texts(example, edit)


def _is_only_marks(text: str) -> bool:
    return not text.isspace() and all(_is_mark(character) for character in text if not character.isspace())


@cache
def _is_mark(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")
