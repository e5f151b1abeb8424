"""White space: spaces and line breaks added, removed and misplaced."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mqa_robustness.severity import LINEAR, Rate, Severity, resolve_rate
from mqa_robustness.spans import choose, edit_spans, edit_texts, find_gaps, find_words

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.spans import Span

LINE_BREAK = re.compile(r"[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")  # where str.splitlines parts lines


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


def _split_word(word: str, draw: float) -> str:
    position = 1 + choose(draw, len(word) - 1)[0]
    return f"{word[:position]} {word[position:]}"


def _has_line_break(text: str, span: Span) -> bool:
    return LINE_BREAK.search(text, *span) is not None
