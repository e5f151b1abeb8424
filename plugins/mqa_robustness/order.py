"""Words out of order, twice, or not there."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from mqa_robustness.places import drawn, each_text, edit_places
from mqa_robustness.severity import Rate, Severity, rate_of
from mqa_robustness.words import tokens_in

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.places import Place

WORD = re.compile(r"[^\W_]+(?:['\u2019\-][^\W_]+)*")
GAP = re.compile(r"\s+")
PAIR = re.compile(r"(\s+)")
NEGATES = re.compile(
    r"(?:no|not|never|none|nor|neither|nothing|nobody|nowhere|cannot|without|hardly|barely|scarcely)\b|n['\u2019]?t\b",
    re.IGNORECASE,
)


def word_order(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Neighbouring words swapped; marks stay where they are.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the pairs of words that are swapped;
    left out, 0.1. The pairs are the first word with the second, the third with the fourth, and so on, or, as likely,
    the second with the third; words with a mark between them are none.
    """
    rate = rate_of(severity, rate)

    def edits(text: str) -> list[Edit]:
        pairs = _pairs(text, rng.random())
        return edit_places(text, pairs, rng, rate, lambda pair, _: _swapped(pair))

    return each_text(example, edits)


def repeated_word(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Words written twice: the film film.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words; left out, 0.1.
    """
    rate = rate_of(severity, rate)

    def edits(text: str) -> list[Edit]:
        words = [match.span() for match in WORD.finditer(text)]
        return [(end, end, f" {text[start:end]}") for start, end, _ in drawn(words, rng, rate)]

    return each_text(example, edits)


def missing_word(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Words left out, but none that negates: not, never, isn't.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words, with the marks that stand
    at them; left out, 0.1. The last word stays, so that a text keeps one.
    """
    rate = rate_of(severity, rate)
    return each_text(example, lambda text: [(start, end, "") for start, end, _ in drawn(_spare(text), rng, rate)])


def _pairs(text: str, draw: float) -> list[Place]:
    """Where pairs of neighbouring words are, no word in two of them; the draw decides which of the two ways."""
    words = [match.span() for match in WORD.finditer(text)][draw >= 0.5 :]
    pairs = zip(words[::2], words[1::2], strict=False)
    return [
        (first[0], second[1])
        for first, second in pairs
        if GAP.fullmatch(text, first[1], second[0]) and text[slice(*first)] != text[slice(*second)]
    ]


def _swapped(pair: str) -> str:
    """Two words with white space between, in the other order."""
    first, gap, second = PAIR.split(pair)
    return second + gap + first


def _spare(text: str) -> list[Place]:
    """Every word that may go, with the gap behind it."""
    return [
        (start, after)
        for (start, end), (after, _) in pairwise(tokens_in(text))
        if not NEGATES.search(text, start, end) and WORD.search(text, start, end)
    ]
