"""Words: those that a slip can happen in, three letters and more in any script, and all that white space parts."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_robustness.places import Place

WORD = re.compile(r"[^\W\d_]{3,}")
GAP = re.compile(r"(?<=\S)\s+(?=\S)")
TOKEN = re.compile(r"\S+")


def words_in(text: str) -> list[Place]:
    """Where the words of a text are: its runs of three letters or more.

    A letter with a combining mark behind it (an accent of its own, a vowel sign) does not belong to one, so that no
    slip tears the two apart.
    """
    places = [match.span() for match in WORD.finditer(text)]
    if text.isascii():
        return places
    apart = [(start, end - _is_marked(text, end)) for start, end in places]
    return [(start, end) for start, end in apart if end - start >= 3]


def words_with(text: str, has: Callable[[str], object]) -> list[Place]:
    """Where those words are that have what it takes."""
    return [(start, end) for start, end in words_in(text) if has(text[start:end])]


def gaps_in(text: str) -> list[Place]:
    """Where the gaps between words are: all runs of white space but those at the ends of the text."""
    return [match.span() for match in GAP.finditer(text)]


def tokens_in(text: str) -> list[Place]:
    """Where the words are that white space parts, marks and digits and all."""
    return [match.span() for match in TOKEN.finditer(text)]


def in_case_of(model: str, letter: str) -> str:
    """A letter as a capital where its model, the letter it replaces or the word it joins, is in capitals."""
    return letter.upper() if model.isupper() else letter


def _is_marked(text: str, end: int) -> bool:
    return end < len(text) and unicodedata.category(text[end])[0] == "M"
