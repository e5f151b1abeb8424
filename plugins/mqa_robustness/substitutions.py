"""Words for words: other spellings, words that sound alike, short and informal ones for plain ones."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mqa_robustness.candidates import edits_of
from mqa_robustness.lexicon import lines, to_left, to_right
from mqa_robustness.phrases import Phrases, phrases
from mqa_robustness.severity import FIFTHS, Rate, Severity, rate_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.candidates import Candidate


def homophones(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Words replaced by others that sound the same, as speech recognition does: their, there, they're.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words that have a homophone, in some 670
    sets of American English; left out, all of them. All homophones of a word are equally likely.
    """
    return edits_of(example, rng, rate_of(severity, rate, FIFTHS), _homophones().found)


def british_spelling(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """American spellings made British: colour, centre, travelled, organise.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words that are spelt otherwise in
    Britain, of some 1800; left out, all of them. A word that would have to be understood first (program, check, tire)
    stays.
    """
    return edits_of(example, rng, rate_of(severity, rate, FIFTHS), _british().found)


def american_spelling(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """British spellings made American: color, center, traveled, organize.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words that are spelled otherwise in
    America, of some 1800; left out, all of them.
    """
    return edits_of(example, rng, rate_of(severity, rate, FIFTHS), _american().found)


def abbreviations(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Words and phrases shortened as in messages and notes: tbh, thx, u, approx.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words and phrases that have a short
    form, of some 300; left out, all of them. Where there are several, they are equally likely.
    """
    return edits_of(example, rng, rate_of(severity, rate, FIFTHS), _abbreviations().found)


def slang(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Plain words made informal, as good or as bad as they were: flick, buddy, gonna, awesome.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words and phrases that have an informal
    form, of some 230; left out, all of them. Where there are several, they are equally likely.
    """
    return edits_of(example, rng, rate_of(severity, rate, FIFTHS), _slang().found)


@cache
def _homophones() -> Phrases:
    sets = [line.split() for line in lines("homophones")]
    return phrases((word, other) for words in sets for word in words for other in words if other != word)


@cache
def _british() -> Phrases:
    return phrases(to_right("spelling"), loose=True)


@cache
def _american() -> Phrases:
    return phrases(to_left("spelling"), loose=True)


@cache
def _abbreviations() -> Phrases:
    return phrases(to_right("abbreviations"))


@cache
def _slang() -> Phrases:
    return phrases(to_right("slang"))


PHRASES: Mapping[str, Callable[[str], Sequence[Candidate]]] = {
    "homophones": lambda text: _homophones().found(text),
    "british-spelling": lambda text: _british().found(text),
    "american-spelling": lambda text: _american().found(text),
    "abbreviations": lambda text: _abbreviations().found(text),
    "slang": lambda text: _slang().found(text),
}
