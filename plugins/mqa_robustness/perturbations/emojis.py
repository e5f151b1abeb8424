"""Emoji added, removed, and replaced by their names."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mqa_registry import optional_import
from mqa_robustness.spans import LINEAR, Rate, Severity, choose, edit_spans, edit_texts, resolve_rate, sample_spans

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.spans import Span

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
    share = resolve_rate(severity, rate, LINEAR)

    def edit(text: str) -> list[Edit]:
        end = len(text.rstrip())
        ends = [(end, end)] if end else []
        return edit_spans(text, ends, rng, share, lambda _empty, draw: f" {NEUTRAL[choose(draw, len(NEUTRAL))[0]]}")

    return edit_texts(example, edit)


def strip_emoji(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]] | None:
    """Every emoji removed.

    Nothing is put in its place. A row with a text that is made of nothing else is declined. `severity` is a rate of
    0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the emoji; left out, all of them.
    """
    if any(text and _is_only_emoji(text) for text in example.values()):
        return None
    share = resolve_rate(severity, rate, LINEAR)
    return edit_texts(example, lambda text: edit_spans(text, find_emoji(text), rng, share, lambda _emoji, _draw: ""))


def emoji_to_words(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Every emoji spelled out by its English name in Unicode's CLDR.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the emoji; left out, all of them.
    """
    share = resolve_rate(severity, rate, LINEAR)

    def edit(text: str) -> list[Edit]:
        return [
            (start, end, _add_spaces(text, start, end, _name_emoji(text[start:end])))
            for start, end, _ in sample_spans(find_emoji(text), rng, share)
        ]

    return edit_texts(example, edit)


def find_emoji(text: str) -> list[Span]:
    """The spans of the emoji of a text; one that is put together from several is one."""
    if text.isascii():
        return []
    matches = _import_emoji().emoji_list(text)
    return [(one["match_start"], one["match_end"]) for one in matches if one["emoji"] not in SIGNS]


@cache
def _name_emoji(character: str) -> str:
    """The name of an emoji, such as `red heart`."""
    name: str = _import_emoji().demojize(character, delimiters=("", ""))
    return name.replace("_", " ")


def _import_emoji() -> ModuleType:
    """The library that knows every emoji, which only these perturbations need."""
    with optional_import("emoji"):
        import emoji

    return emoji


def _add_spaces(text: str, start: int, end: int, name: str) -> str:
    """A name with spaces to keep it from the words around it."""
    before = " " if start and not text[start - 1].isspace() else ""
    after = " " if text[end : end + 1].isalnum() else ""
    return f"{before}{name}{after}"


def _is_only_emoji(text: str) -> bool:
    covered = sum(end - start for start, end in find_emoji(text))
    return covered > 0 and covered == sum(not character.isspace() for character in text)
