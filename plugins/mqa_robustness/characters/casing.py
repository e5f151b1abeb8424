"""Case and accents: what a tokenizer may normalize, changed before it reads the text."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from mqa_robustness.severity import LINEAR, Rate, Severity, resolve_rate
from mqa_robustness.spans import edit_spans, edit_texts, find_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.spans import Span

LETTER_WITH_MARKS = re.compile(r"[^\W\d_][\u0300-\u036f]*")  # and the combining diacritical marks behind it


def upper_case(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Every letter a capital.

    As Unicode maps them, whatever the language, so that \u00df becomes SS. `severity` is a rate of 0.2, 0.4, 0.6, 0.8
    or 1. `rate` is the share of the words with a letter that has a capital; left out, all of them.
    """
    return _change_case(example, rng, resolve_rate(severity, rate, LINEAR), str.upper)


def lower_case(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Every letter small.

    As Unicode maps them, whatever the language. `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of
    the words with a capital; left out, all of them.
    """
    return _change_case(example, rng, resolve_rate(severity, rate, LINEAR), str.lower)


def title_case(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Every word with a capital in front, as in headlines.

    Its other letters stay as they are, so that NASA is no Nasa. `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate`
    is the share of the words that begin with a small letter; left out, all of them.
    """
    return _change_case(example, rng, resolve_rate(severity, rate, LINEAR), _capitalize_first)


def alternating_case(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Small letters and capitals in turns, as mockers write.

    Each word begins with a small one. `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words
    that this changes; left out, all of them.
    """
    return _change_case(example, rng, resolve_rate(severity, rate, LINEAR), _alternate_case)


def strip_accents(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Every accent on a Latin or Greek letter removed: `na\u00efve` becomes `naive`.

    An accent is a mark that Unicode's canonical decomposition (NFD) parts from its letter, so that \u00f8 and \u00df
    stay. So do the letters of other scripts, which the marks make others: \u0439 is no \u0438. `severity` is a rate of
    0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the letters with an accent; left out, all of them.
    """
    share = resolve_rate(severity, rate, LINEAR)

    def edit(text: str) -> list[Edit]:
        return edit_spans(text, _find_accented(text), rng, share, lambda letter, _draw: _strip_marks(letter))

    return edit_texts(example, edit)


def _change_case(
    example: Example, rng: np.random.Generator, rate: float, convert: Callable[[str], str]
) -> dict[str, list[Edit]]:
    def edit(text: str) -> list[Edit]:
        tokens = [(start, end) for start, end in find_tokens(text) if convert(text[start:end]) != text[start:end]]
        return edit_spans(text, tokens, rng, rate, lambda token, _draw: convert(token))

    return edit_texts(example, edit)


def _capitalize_first(word: str) -> str:
    first = next((position for position, letter in enumerate(word) if letter.isalnum()), 0)
    return word[:first] + word[first].title() + word[first + 1 :]


def _alternate_case(word: str) -> str:
    letters = []
    upper = False
    for letter in word:
        small, large = letter.lower(), letter.upper()
        letters.append(large if upper else small)
        upper ^= small != large
    return "".join(letters)


def _find_accented(text: str) -> list[Span]:
    """The spans of the letters with an accent."""
    if text.isascii():
        return []
    return [match.span() for match in LETTER_WITH_MARKS.finditer(text) if _strip_marks(match[0]) != match[0]]


@lru_cache(maxsize=4096)
def _strip_marks(letter: str) -> str:
    """A Latin or Greek letter without its accents; any other letter as it is."""
    decomposed = unicodedata.normalize("NFD", letter)
    base, marks = decomposed[0], decomposed[1:]
    if not marks or not unicodedata.name(base, "").startswith(("LATIN", "GREEK")):
        return letter
    others = (mark for mark in marks if unicodedata.category(mark) != "Mn")
    return unicodedata.normalize("NFC", "".join((base, *others)))
