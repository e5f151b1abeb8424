"""Substitutions: other spellings, homophones, short and informal words for plain ones."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mqa_robustness.lexicon import (
    PhraseTable,
    make_phrase_table,
    read_left_to_right,
    read_lines,
    read_right_to_left,
)
from mqa_robustness.severity import LINEAR, Rate, Severity, resolve_rate
from mqa_robustness.spans import edit_candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.spans import Candidate


def homophones(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Words replaced by others that sound the same, as speech recognition does: their, there, they're.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words that have a homophone, in some 670
    sets of American English; left out, all of them. All homophones of a word are equally likely.
    """
    return edit_candidates(example, rng, resolve_rate(severity, rate, LINEAR), _homophones().find)


def british_spelling(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """American spellings made British: colour, centre, travelled, organise.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words that are spelt otherwise in
    Britain, of some 1800; left out, all of them. A word that would have to be understood first (program, check, tire)
    stays.
    """
    return edit_candidates(example, rng, resolve_rate(severity, rate, LINEAR), _british().find)


def american_spelling(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """British spellings made American: color, center, traveled, organize.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words that are spelled otherwise in
    America, of some 1800; left out, all of them.
    """
    return edit_candidates(example, rng, resolve_rate(severity, rate, LINEAR), _american().find)


def abbreviations(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Words and phrases shortened as in messages and notes: tbh, thx, u, approx.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words and phrases that have a short
    form, of some 300; left out, all of them. Where there are several, they are equally likely.
    """
    return edit_candidates(example, rng, resolve_rate(severity, rate, LINEAR), _abbreviations().find)


def slang(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Plain words made informal, as good or as bad as they were: flick, buddy, gonna, awesome.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words and phrases that have an informal
    form, of some 230; left out, all of them. Where there are several, they are equally likely.
    """
    return edit_candidates(example, rng, resolve_rate(severity, rate, LINEAR), _slang().find)


@cache
def _homophones() -> PhraseTable:
    groups = [line.split() for line in read_lines("homophones")]
    return make_phrase_table((word, other) for words in groups for word in words for other in words if other != word)


@cache
def _british() -> PhraseTable:
    return make_phrase_table(read_left_to_right("spelling"), loose=True)


@cache
def _american() -> PhraseTable:
    return make_phrase_table(read_right_to_left("spelling"), loose=True)


@cache
def _abbreviations() -> PhraseTable:
    return make_phrase_table(read_left_to_right("abbreviations"))


@cache
def _slang() -> PhraseTable:
    return make_phrase_table(read_left_to_right("slang"))


SUBSTITUTIONS: Mapping[str, Callable[[str], Sequence[Candidate]]] = {
    "homophones": lambda text: _homophones().find(text),
    "british-spelling": lambda text: _british().find(text),
    "american-spelling": lambda text: _american().find(text),
    "abbreviations": lambda text: _abbreviations().find(text),
    "slang": lambda text: _slang().find(text),
}
