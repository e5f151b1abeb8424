"""What people say beside the point: fillers between words, a sentence about something else."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Literal

from mqa_robustness.lexicon import lines
from mqa_robustness.places import drawn, each_text, pick
from mqa_robustness.severity import FIFTHS, Rate, Severity, rate_of

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example

FIVE = [(number, number) for number in range(5)]
ONE_OF_FIVE = replace(FIFTHS, default=0.2)
GAP = re.compile(r"(?<=[^\W_])(?=[ \t]+[^\W_])")  # between two words, with nothing but space


def filler_words(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Words that speakers fill pauses with, between others and between commas: um, like, you know.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the gaps between words that get one;
    left out, 0.1. All 15 are equally likely. None of them weakens or stresses what it stands beside.
    """
    rate = rate_of(severity, rate)

    def edits(text: str) -> list[Edit]:
        gaps = [match.span() for match in GAP.finditer(text)]
        return [(place, end, f", {_filler(draw)},") for place, end, draw in drawn(gaps, rng, rate)]

    return each_text(example, edits)


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
    rate = rate_of(severity, rate, ONE_OF_FIVE)

    def edits(text: str) -> list[Edit]:
        if not text.strip():
            return []
        said = [_sentence(number, draw) for number, _, draw in drawn(FIVE, rng, rate)]
        return _before(text, said) if place == "before" else _after(text, said)

    return each_text(example, edits)


def _before(text: str, said: list[str]) -> list[Edit]:
    start = len(text) - len(text.lstrip())
    return [(start, start, f"{sentence} ") for sentence in said]


def _after(text: str, said: list[str]) -> list[Edit]:
    end = len(text.rstrip())
    stop = [(end, end, ".")] if said and text[end - 1].isalnum() else []
    return [*stop, *((end, end, f" {sentence}") for sentence in said)]


def _sentence(number: int, draw: float) -> str:
    """One of the sentences that are this one's; five share them all, so that none is said twice."""
    choices = _sentences()[number :: len(FIVE)]
    return choices[pick(draw, len(choices))[0]]


def _filler(draw: float) -> str:
    return _fillers()[pick(draw, len(_fillers()))[0]]


@cache
def _fillers() -> tuple[str, ...]:
    return tuple(lines("fillers"))


@cache
def _sentences() -> tuple[str, ...]:
    return tuple(lines("sentences"))
