"""Emoji: added, removed, spelled out."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mqa_registry import optional_import
from mqa_robustness.places import drawn, each_text, edit_places, pick
from mqa_robustness.severity import FIFTHS, Rate, Severity, rate_of

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.places import Place

# Things, and no faces, hands or hearts: they add nothing to what a text feels.
NEUTRAL = "\U0001f4ce\U0001f4cc\U0001f4c5\U0001f550\U0001f4f7\U0001f4bb\U0001f6b2\U0001f30d\U0001f3e0\U0001f511"
SIGNS = "\u00a9\u00ae\u2122"  # Unicode counts them as emoji, and nobody else does


def extra_emoji(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """An emoji behind the text.

    It is one of ten that show a thing and no feeling, all equally likely. `severity` is a rate of 0.2, 0.4, 0.6, 0.8
    or 1. `rate` is the share of the texts; left out, all of them.
    """
    share = rate_of(severity, rate, FIFTHS)
    return each_text(
        example, lambda text: edit_places(text, _end_of(text), rng, share, lambda _, draw: f" {_one_of(NEUTRAL, draw)}")
    )


def strip_emoji(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]] | None:
    """Every emoji removed.

    Nothing is put in its place. A row with a text that is made of nothing else is declined. `severity` is a rate of
    0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the emoji; left out, all of them.
    """
    if any(text and _nothing_else(text) for text in example.values()):
        return None
    share = rate_of(severity, rate, FIFTHS)
    return each_text(example, lambda text: edit_places(text, emoji_in(text), rng, share, lambda _emoji, _draw: ""))


def emoji_to_words(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Every emoji spelled out by its English name in Unicode's CLDR.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the emoji; left out, all of them.
    """
    share = rate_of(severity, rate, FIFTHS)
    return each_text(
        example,
        lambda text: [
            (start, end, _apart(text, start, end, name_of(text[start:end])))
            for start, end, _ in drawn(emoji_in(text), rng, share)
        ],
    )


def emoji_in(text: str) -> list[Place]:
    """Where the emoji of a text are; one that is put together from several is one."""
    if text.isascii():
        return []
    with optional_import("emoji"):
        import emoji

    found = emoji.emoji_list(text)
    return [(one["match_start"], one["match_end"]) for one in found if one["emoji"] not in SIGNS]


@cache
def name_of(one: str) -> str:
    """The name of an emoji, such as `red heart`."""
    with optional_import("emoji"):
        import emoji

    return emoji.demojize(one, delimiters=("", "")).replace("_", " ")


def _apart(text: str, start: int, end: int, name: str) -> str:
    """A name with spaces to keep it from the words around it."""
    before = " " if start and not text[start - 1].isspace() else ""
    after = " " if text[end : end + 1].isalnum() else ""
    return f"{before}{name}{after}"


def _nothing_else(text: str) -> bool:
    covered = sum(end - start for start, end in emoji_in(text))
    return covered > 0 and covered == sum(not character.isspace() for character in text)


def _end_of(text: str) -> list[Place]:
    end = len(text.rstrip())
    return [(end, end)] if end else []


def _one_of(choices: str, draw: float) -> str:
    return choices[pick(draw, len(choices))[0]]
