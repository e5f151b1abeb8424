"""Edits of whole words: swapped, repeated, left out, cut off, and put in as fillers, links, handles and sentences.

Links and handles are after the invariance test of Ribeiro, Wu, Guestrin and Singh 2020, "Beyond Accuracy: Behavioral
Testing of NLP Models with CheckList" (https://arxiv.org/abs/2005.04118): a random one before or behind the text.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Literal

from mqa_robustness.lexicon import read_lines
from mqa_robustness.spans import (
    LINEAR,
    Rate,
    Severity,
    choose,
    edit_spans,
    edit_texts,
    find_tokens,
    resolve_rate,
    sample_spans,
)

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.spans import Span

WORD = re.compile(r"[^\W_]+(?:['\u2019\-][^\W_]+)*")
GAP = re.compile(r"\s+")
GAP_GROUP = re.compile(r"(\s+)")
BETWEEN_WORDS = re.compile(r"(?<=[^\W_])(?=[ \t]+[^\W_])")  # between two words, with nothing but space
NEGATION = re.compile(
    r"(?:no|not|never|none|nor|neither|nothing|nobody|nowhere|cannot|without|hardly|barely|scarcely)\b|n['\u2019]?t\b",
    re.IGNORECASE,
)
SITE = "https://example.com/"  # a name that is nobody's, by RFC 2606
NAME_CHARACTERS = ascii_letters + digits
NAME_LENGTH = 6
SENTENCE_SLOTS = [(slot, slot) for slot in range(5)]
ONE_SENTENCE = replace(LINEAR, default=0.2)


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


def filler_words(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Words that speakers fill pauses with, between others and between commas: um, like, you know.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the gaps between words that get one;
    left out, 0.1. All 15 are equally likely. None of them weakens or stresses its neighbours.
    """
    share = resolve_rate(severity, rate)
    fillers = read_lines("fillers")

    def edit(text: str) -> list[Edit]:
        gaps = [match.span() for match in BETWEEN_WORDS.finditer(text)]
        return edit_spans(text, gaps, rng, share, lambda _gap, draw: f", {fillers[choose(draw, len(fillers))[0]]},")

    return edit_texts(example, edit)


def extra_url(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A link before or behind the text, to a random page.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the texts; left out, all of them.
    """
    return _add_name(example, rng, resolve_rate(severity, rate, LINEAR), SITE)


def extra_handle(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A random handle such as @Xy7Tt1 before or behind the text.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the texts; left out, all of them.
    """
    return _add_name(example, rng, resolve_rate(severity, rate, LINEAR), "@")


def extra_sentence(
    example: Example,
    rng: np.random.Generator,
    *,
    severity: Severity | None = None,
    rate: Rate | None = None,
    position: Literal["before", "after"] = "after",
) -> dict[str, list[Edit]]:
    """Sentences about something else put before or after the text: The train leaves at noon.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of five sentences, and so says how many; left
    out, 0.2. They are drawn from 30, none of them twice, and have no opinion, name nobody and ask nothing. `position` is
    where they stand; behind a text that ends in no mark, a full stop comes first.
    """
    share = resolve_rate(severity, rate, ONE_SENTENCE)

    def edit(text: str) -> list[Edit]:
        if not text.strip():
            return []
        sentences = [_choose_sentence(slot, draw) for slot, _, draw in sample_spans(SENTENCE_SLOTS, rng, share)]
        return _prepend(text, sentences) if position == "before" else _append(text, sentences)

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


def _add_name(example: Example, rng: np.random.Generator, rate: float, prefix: str) -> dict[str, list[Edit]]:
    """A random name behind a prefix, before or behind a share of the texts."""

    def edit(text: str) -> list[Edit]:
        whole = [(0, len(text.rstrip()))] if text.strip() else []
        return [_make_name_edit(end, prefix, draw) for _, end, draw in sample_spans(whole, rng, rate)]

    return edit_texts(example, edit)


def _make_name_edit(end: int, prefix: str, draw: float) -> Edit:
    """A name before a text or behind its end; the draw decides where, and which."""
    is_behind, draw = choose(draw, 2)
    name = prefix
    for _ in range(NAME_LENGTH):
        index, draw = choose(draw, len(NAME_CHARACTERS))
        name += NAME_CHARACTERS[index]
    return (end, end, f" {name}") if is_behind else (0, 0, f"{name} ")


def _prepend(text: str, sentences: list[str]) -> list[Edit]:
    start = len(text) - len(text.lstrip())
    return [(start, start, f"{sentence} ") for sentence in sentences]


def _append(text: str, sentences: list[str]) -> list[Edit]:
    end = len(text.rstrip())
    stop = [(end, end, ".")] if sentences and text[end - 1].isalnum() else []
    return [*stop, *((end, end, f" {sentence}") for sentence in sentences)]


def _choose_sentence(slot: int, draw: float) -> str:
    """One of the sentences of a slot; the slots share them all, so that none is added twice."""
    choices = read_lines("sentences")[slot :: len(SENTENCE_SLOTS)]
    return choices[choose(draw, len(choices))[0]]
