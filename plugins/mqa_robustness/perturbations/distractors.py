"""Distractors: links, handles, filler words and unrelated sentences added to a text, which leave its target as it is.

Links and handles are after the invariance test of Ribeiro, Wu, Guestrin and Singh 2020, "Beyond Accuracy: Behavioral
Testing of NLP Models with CheckList" (https://arxiv.org/abs/2005.04118): a random one before or behind the text.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Literal

from mqa_robustness.lexicon import read_lines
from mqa_robustness.spans import LINEAR, Rate, Severity, choose, edit_spans, edit_texts, resolve_rate, sample_spans

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example

SITE = "https://example.com/"  # a name that is nobody's, by RFC 2606
NAME_CHARACTERS = ascii_letters + digits
NAME_LENGTH = 6
GAP = re.compile(r"(?<=[^\W_])(?=[ \t]+[^\W_])")  # between two words, with nothing but space
SENTENCE_SLOTS = [(slot, slot) for slot in range(5)]
ONE_SENTENCE = replace(LINEAR, default=0.2)


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


def filler_words(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Words that speakers fill pauses with, between others and between commas: um, like, you know.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the gaps between words that get one;
    left out, 0.1. All 15 are equally likely. None of them weakens or stresses its neighbours.
    """
    share = resolve_rate(severity, rate)
    fillers = _read_fillers()

    def edit(text: str) -> list[Edit]:
        gaps = [match.span() for match in GAP.finditer(text)]
        return edit_spans(text, gaps, rng, share, lambda _gap, draw: f", {fillers[choose(draw, len(fillers))[0]]},")

    return edit_texts(example, edit)


def extra_sentence(
    example: Example,
    rng: np.random.Generator,
    *,
    severity: Severity | None = None,
    rate: Rate | None = None,
    place: Literal["before", "after"] = "after",
) -> dict[str, list[Edit]]:
    """Sentences about something else put before or after the text: The train leaves at noon.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of five sentences, and so says how many; left
    out, 0.2. They are drawn from 30, none of them twice, and have no opinion, name nobody and ask nothing. `place` is
    where they stand; behind a text that ends in no mark, a full stop comes first.
    """
    share = resolve_rate(severity, rate, ONE_SENTENCE)

    def edit(text: str) -> list[Edit]:
        if not text.strip():
            return []
        sentences = [_choose_sentence(slot, draw) for slot, _, draw in sample_spans(SENTENCE_SLOTS, rng, share)]
        return _prepend(text, sentences) if place == "before" else _append(text, sentences)

    return edit_texts(example, edit)


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
    choices = _read_sentences()[slot :: len(SENTENCE_SLOTS)]
    return choices[choose(draw, len(choices))[0]]


@cache
def _read_fillers() -> tuple[str, ...]:
    return tuple(read_lines("fillers"))


@cache
def _read_sentences() -> tuple[str, ...]:
    return tuple(read_lines("sentences"))
