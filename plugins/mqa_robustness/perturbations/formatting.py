"""The form of a text, which a tokenizer may normalize: case, accents, punctuation and white space."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from mqa_robustness.spans import (
    LINEAR,
    Rate,
    Severity,
    choose,
    edit_spans,
    edit_texts,
    find_gaps,
    find_tokens,
    find_words,
    resolve_rate,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.spans import Span

LETTER_WITH_MARKS = re.compile(r"[^\W\d_][\u0300-\u036f]*")  # and the combining diacritical marks behind it
LINE_BREAK = re.compile(r"[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")  # where str.splitlines parts lines
NO_WORD = re.compile(r"[^\w\s]|_")
WORD_END = re.compile(r"(?<=[^\W_])(?=\s|\Z)")  # without a mark
EXTRA_MARKS = (".", ",", ";", ":", "!", "?")


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


def strip_punctuation(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]] | None:
    """Every punctuation mark removed.

    Nothing is put in its place: `don't` becomes `dont`. These are the marks of ASCII, symbols such as $ and + among
    them, and all that Unicode counts as punctuation. A row with a text that is made of nothing else is declined.
    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the marks; left out, all of them.
    """
    if any(text and _is_only_punctuation(text) for text in example.values()):
        return None
    share = resolve_rate(severity, rate, LINEAR)

    def edit(text: str) -> list[Edit]:
        marks = [match.span() for match in NO_WORD.finditer(text) if _is_punctuation(match[0])]
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
        return edit_spans(text, ends, rng, share, lambda _empty, draw: EXTRA_MARKS[choose(draw, len(EXTRA_MARKS))[0]])

    return edit_texts(example, edit)


def extra_space(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """One space more in a share of the gaps between words.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the gaps, which are all runs of white
    space but those at the ends of the text.
    """
    share = resolve_rate(severity, rate)
    return edit_texts(example, lambda text: edit_spans(text, find_gaps(text), rng, share, lambda gap, _draw: f"{gap} "))


def missing_space(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A share of the gaps between words closed, so that two words are one.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the gaps, which are all runs of white
    space but those at the ends of the text.
    """
    share = resolve_rate(severity, rate)
    return edit_texts(example, lambda text: edit_spans(text, find_gaps(text), rng, share, lambda _gap, _draw: ""))


def split_words(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A share of the words torn in two by a space.

    All positions between two letters are equally likely. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is
    the share of the words of three letters or more.
    """
    share = resolve_rate(severity, rate)
    return edit_texts(example, lambda text: edit_spans(text, find_words(text), rng, share, _split_word))


def line_breaks(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A new line in a share of the gaps between words.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the gaps that are no line break yet.
    """
    share = resolve_rate(severity, rate)

    def edit(text: str) -> list[Edit]:
        gaps = [gap for gap in find_gaps(text) if not _has_line_break(text, gap)]
        return edit_spans(text, gaps, rng, share, lambda _gap, _draw: "\n")

    return edit_texts(example, edit)


def strip_line_breaks(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Every line break between words a space.

    The white space around it goes with it. `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the
    gaps with a line break; left out, all of them.
    """
    share = resolve_rate(severity, rate, LINEAR)

    def edit(text: str) -> list[Edit]:
        gaps = [gap for gap in find_gaps(text) if _has_line_break(text, gap)]
        return edit_spans(text, gaps, rng, share, lambda _gap, _draw: " ")

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


def _is_only_punctuation(text: str) -> bool:
    return not text.isspace() and all(_is_punctuation(character) for character in text if not character.isspace())


@cache
def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def _split_word(word: str, draw: float) -> str:
    position = 1 + choose(draw, len(word) - 1)[0]
    return f"{word[:position]} {word[position:]}"


def _has_line_break(text: str, span: Span) -> bool:
    return LINE_BREAK.search(text, *span) is not None
