"""Spaces and line breaks: too many, too few, in the wrong place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mqa_robustness.places import each_text, edit_places, pick
from mqa_robustness.severity import FIFTHS, Rate, Severity, rate_of
from mqa_robustness.words import gaps_in, words_in

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.places import Place

LINE_BREAK = re.compile(r"[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")  # where str.splitlines parts lines


def extra_space(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """One space more in a share of the gaps between words.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the gaps, which are all runs of white
    space but those at the ends of the text.
    """
    share = rate_of(severity, rate)
    return each_text(example, lambda text: edit_places(text, gaps_in(text), rng, share, lambda gap, _: f"{gap} "))


def missing_space(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A share of the gaps between words closed, so that two words are one.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the gaps, which are all runs of white
    space but those at the ends of the text.
    """
    share = rate_of(severity, rate)
    return each_text(example, lambda text: edit_places(text, gaps_in(text), rng, share, lambda _gap, _: ""))


def split_words(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A share of the words torn in two by a space.

    All places between two letters are equally likely. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is
    the share of the words of three letters or more.
    """
    share = rate_of(severity, rate)
    return each_text(example, lambda text: edit_places(text, words_in(text), rng, share, torn))


def line_breaks(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A new line in a share of the gaps between words.

    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the gaps that are no line break yet.
    """
    share = rate_of(severity, rate)

    def edits(text: str) -> list[Edit]:
        places = [place for place in gaps_in(text) if not _breaks(text, place)]
        return edit_places(text, places, rng, share, lambda _gap, _: "\n")

    return each_text(example, edits)


def strip_line_breaks(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Every line break between words a space.

    The white space around it goes with it. `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the
    gaps with a line break; left out, all of them.
    """
    share = rate_of(severity, rate, FIFTHS)

    def edits(text: str) -> list[Edit]:
        places = [place for place in gaps_in(text) if _breaks(text, place)]
        return edit_places(text, places, rng, share, lambda _gap, _: " ")

    return each_text(example, edits)


def torn(word: str, draw: float) -> str:
    place = 1 + pick(draw, len(word) - 1)[0]
    return f"{word[:place]} {word[place:]}"


def _breaks(text: str, place: Place) -> bool:
    return LINE_BREAK.search(text, *place) is not None
