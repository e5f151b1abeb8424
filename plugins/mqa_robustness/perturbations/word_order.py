"""Words swapped, repeated, left out, and cut off at an end of the text."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from mqa_robustness.spans import Rate, Severity, edit_spans, edit_texts, find_tokens, resolve_rate, sample_spans

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.spans import Span

WORD = re.compile(r"[^\W_]+(?:['\u2019\-][^\W_]+)*")
GAP = re.compile(r"\s+")
GAP_GROUP = re.compile(r"(\s+)")
NEGATION = re.compile(
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
    share = resolve_rate(severity, rate)

    def edit(text: str) -> list[Edit]:
        pairs = _find_pairs(text, rng.random())
        return edit_spans(text, pairs, rng, share, lambda pair, _draw: _swap_words(pair))

    return edit_texts(example, edit)


def repeated_word(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Words written twice: the film film.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words; left out, 0.1.
    """
    share = resolve_rate(severity, rate)

    def edit(text: str) -> list[Edit]:
        words = [match.span() for match in WORD.finditer(text)]
        return [(end, end, f" {text[start:end]}") for start, end, _ in sample_spans(words, rng, share)]

    return edit_texts(example, edit)


def missing_word(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Words left out, but none that negates: not, never, isn't.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words, with the marks that stand
    at them; left out, 0.1. The last word stays, so that a text keeps one.
    """
    share = resolve_rate(severity, rate)

    def edit(text: str) -> list[Edit]:
        return edit_spans(text, _find_removable(text), rng, share, lambda _word, _draw: "")

    return edit_texts(example, edit)


def truncate(
    example: Example,
    rng: np.random.Generator,
    *,
    side: Literal["end", "start"] = "end",
    severity: Severity | None = None,
    rate: Rate | None = None,
) -> dict[str, list[Edit]]:
    """A share of the words cut off at the end.

    At least one word is left. The target stays as far as it shows in the rest. `side` is where words are cut off.
    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words, which are what white space
    parts.
    """
    share = resolve_rate(severity, rate)

    def edit(text: str) -> list[Edit]:
        words = find_tokens(text)
        count = min(int(share * len(words) + rng.random()), max(len(words) - 1, 0))
        if side == "end":
            return [(before, end, "") for (_, before), (_, end) in pairwise(words[len(words) - count - 1 :])]
        return [(start, after, "") for (start, _), (after, _) in pairwise(words[: count + 1])]

    return edit_texts(example, edit)


def _find_pairs(text: str, draw: float) -> list[Span]:
    """The spans of pairs of neighbouring words, no word in two of them; the draw decides which word is the first."""
    words = [match.span() for match in WORD.finditer(text)][draw >= 0.5 :]
    return [
        (first[0], second[1])
        for first, second in zip(words[::2], words[1::2], strict=False)
        if GAP.fullmatch(text, first[1], second[0]) and text[slice(*first)] != text[slice(*second)]
    ]


def _swap_words(pair: str) -> str:
    """Two words with white space between, in the other order."""
    first, gap, second = GAP_GROUP.split(pair)
    return second + gap + first


def _find_removable(text: str) -> list[Span]:
    """The spans of the words that may go, each with the gap behind it."""
    return [
        (start, after)
        for (start, end), (after, _) in pairwise(find_tokens(text))
        if not NEGATION.search(text, start, end) and WORD.search(text, start, end)
    ]
