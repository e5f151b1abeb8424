"""Spans of a text: where its words, tokens and gaps are, and which of them a severity or a rate selects to be edited.

A severity from 1 to 5 stands for a rate, the share of a text's spans (its words, its gaps, its marks) that are changed,
of those that can be:

| severity | geometric: accidents such as typos and homoglyphs | linear: whole texts, such as lost case and lost accents |
|---|---|---|
| 1 | 0.025 | 0.2 |
| 2 | 0.05 | 0.4 |
| 3 | 0.1 | 0.6 |
| 4 | 0.2 | 0.8 |
| 5 | 0.4 | 1 |

Where a suite gives neither, a geometric scale defaults to severity 3 and a linear one to severity 5.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeAlias

from annotated_types import Ge, Gt, Le

from mqa_registry import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from mqa_registry import Edit, Example

Span: TypeAlias = tuple[int, int]  # start and end, in characters
Candidate: TypeAlias = tuple[int, int, tuple[str, ...]]  # start, end, and the replacements to choose from
WORD = re.compile(r"[^\W\d_]{3,}")
GAP = re.compile(r"(?<=\S)\s+(?=\S)")
TOKEN = re.compile(r"\S+")
Severity: TypeAlias = Annotated[int, Ge(1), Le(5)]
Rate: TypeAlias = Annotated[float, Gt(0), Le(1)]


@dataclass(frozen=True)
class Scale:
    """The rate of each severity from 1 to 5, and the default where a suite gives neither a severity nor a rate."""

    rates: tuple[float, float, float, float, float]
    default: float


GEOMETRIC = Scale((0.025, 0.05, 0.1, 0.2, 0.4), default=0.1)
LINEAR = Scale((0.2, 0.4, 0.6, 0.8, 1.0), default=1.0)


def resolve_rate(severity: int | None, rate: float | None, scale: Scale = GEOMETRIC) -> float:
    """The rate that the options `severity` and `rate` ask for; raises a UsageError where both are given."""
    if severity is None:
        return scale.default if rate is None else rate
    equivalent = scale.rates[severity - 1]
    if rate is not None:
        raise UsageError(
            f"`severity = {severity}` and `rate = {rate}` both say how much to change",
            hint=f"give one of them; `severity = {severity}` is `rate = {equivalent}` here",
        )
    return equivalent


def find_words(text: str) -> list[Span]:
    """The spans of words: runs of three letters or more, in any script.

    A letter that a combining mark follows (an accent, a vowel sign) belongs to no word, so that no edit separates the
    two.
    """
    spans = [match.span() for match in WORD.finditer(text)]
    if text.isascii():
        return spans
    trimmed = [(start, end - _is_mark_at(text, end)) for start, end in spans]
    return [(start, end) for start, end in trimmed if end - start >= 3]


def find_words_where(text: str, condition: Callable[[str], object]) -> list[Span]:
    """The spans of the words that meet a condition."""
    return [(start, end) for start, end in find_words(text) if condition(text[start:end])]


def find_tokens(text: str) -> list[Span]:
    """The spans of what white space separates, punctuation and digits included."""
    return [match.span() for match in TOKEN.finditer(text)]


def find_gaps(text: str) -> list[Span]:
    """The spans of white space between tokens, without those at the ends of the text."""
    return [match.span() for match in GAP.finditer(text)]


def edit_texts(example: Example, edit: Callable[[str], list[Edit]]) -> dict[str, list[Edit]]:
    """The edits of every field; a text that is empty or missing has none."""
    return {field: edit(text) if text else [] for field, text in example.items()}


def edit_spans(
    text: str, spans: Sequence[Span], rng: np.random.Generator, rate: float, replace: Callable[[str, float], str]
) -> list[Edit]:
    """The edits of a share of spans: `replace` takes what stands in a span, and a number drawn from [0, 1) for it."""
    return [(start, end, replace(text[start:end], draw)) for start, end, draw in sample_spans(spans, rng, rate)]


def edit_candidates(
    example: Example, rng: np.random.Generator, rate: float, find: Callable[[str], Sequence[Candidate]]
) -> dict[str, list[Edit]]:
    """The edits of a share of the candidates that `find` finds in every text; all replacements are equally likely."""

    def edit(text: str) -> list[Edit]:
        candidates = find(text)
        choices = {start: replacements for start, _, replacements in candidates}
        spans = [(start, end) for start, end, _ in candidates]
        return [
            (start, end, choices[start][choose(draw, len(choices[start]))[0]])
            for start, end, draw in sample_spans(spans, rng, rate)
        ]

    return edit_texts(example, edit)


def sample_spans(spans: Sequence[Span], rng: np.random.Generator, rate: float) -> Iterator[tuple[int, int, float]]:
    """A share of spans in their order, each with a number from [0, 1) that decides how it changes.

    What is drawn depends on the number of spans and not on the rate: the spans are ranked at random, and a rate takes
    the first of that ranking. So a higher rate takes the same spans with the same numbers, and more. Where the rate is
    no whole number of spans it is rounded up or down at random, so that it holds on average.
    """
    count = len(spans)
    draws = rng.random(2 * count + 1).tolist()
    sample_size = int(rate * count + draws[-1])
    for index in sorted(sorted(range(count), key=draws.__getitem__)[:sample_size]):
        yield *spans[index], draws[count + index]


def choose(draw: float, count: int) -> tuple[int, float]:
    """The index of one of `count` choices by a draw from [0, 1), and what is left of the draw for the next choice."""
    scaled = draw * count
    index = min(int(scaled), count - 1)
    return index, scaled - index


def match_letter_case(model: str, letter: str) -> str:
    """A letter as a capital where its model, the letter it replaces or the word it joins, is in capitals."""
    return letter.upper() if model.isupper() else letter


def _is_mark_at(text: str, index: int) -> bool:
    return index < len(text) and unicodedata.category(text[index])[0] == "M"
