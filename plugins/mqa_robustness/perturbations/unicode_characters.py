"""Characters that no keyboard has: look-alikes, characters of no width, direction overrides, and emoji.

The first three are imperceptible, the same text to the eye and another to the model, after Boucher, Shumailov, Anderson
and Papernot 2022, "Bad Characters: Imperceptible NLP Attacks" (https://arxiv.org/abs/2106.09898): homoglyphs, invisible
characters and reorderings.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from mqa_registry import optional_import
from mqa_robustness.spans import (
    LINEAR,
    Rate,
    Severity,
    choose,
    edit_spans,
    edit_texts,
    find_words,
    find_words_where,
    resolve_rate,
    sample_spans,
)

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.spans import Span

# Origin: confusables.txt of Unicode Technical Standard 39 (https://www.unicode.org/reports/tr39/), Unicode License v3.
# Picked by hand: for each Latin letter the Cyrillic one that looks the same in most typefaces, and the Greek capitals
# for N, Y and Z; the small letters that have none are left out.
LATIN_HOMOGLYPHS = {
    "a": "\u0430", "c": "\u0441", "d": "\u0501", "e": "\u0435", "h": "\u04bb", "i": "\u0456", "j": "\u0458",
    "l": "\u04c0", "o": "\u043e", "p": "\u0440", "q": "\u051b", "s": "\u0455", "v": "\u0475", "w": "\u051d",
    "x": "\u0445", "y": "\u0443", "A": "\u0410", "B": "\u0412", "C": "\u0421", "E": "\u0415", "H": "\u041d",
    "I": "\u0406", "J": "\u0408", "K": "\u041a", "M": "\u041c", "N": "\u039d", "O": "\u041e", "P": "\u0420",
    "S": "\u0405", "T": "\u0422", "X": "\u0425", "Y": "\u03a5", "Z": "\u0396",
}  # fmt: skip
HOMOGLYPHS = LATIN_HOMOGLYPHS | {homoglyph: letter for letter, homoglyph in LATIN_HOMOGLYPHS.items()}

# Of no width, and in no script a way to spell, as the joiners U+200C and U+200D are.
ZERO_WIDTH = ("\u200b", "\u2060", "\ufeff")  # zero width space, word joiner, zero width no-break space
RIGHT_TO_LEFT_OVERRIDE, POP_DIRECTION = "\u202e", "\u202c"

# Things, and no faces, hands or hearts: they add nothing to what a text feels.
NEUTRAL_EMOJI = "\U0001f4ce\U0001f4cc\U0001f4c5\U0001f550\U0001f4f7\U0001f4bb\U0001f6b2\U0001f30d\U0001f3e0\U0001f511"
TEXT_SIGNS = "\u00a9\u00ae\u2122"  # Unicode counts them as emoji, and nobody else does


def homoglyphs(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """One letter in a share of the words replaced by its look-alike.

    All letters of a word that have one are equally likely; the look-alike stands in another script, of those that
    Unicode lists as confusable. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words
    of three letters or more that have such a letter.
    """
    share = resolve_rate(severity, rate)

    def edit(text: str) -> list[Edit]:
        return edit_spans(text, find_words_where(text, has_homoglyph), rng, share, replace_with_homoglyph)

    return edit_texts(example, edit)


def zero_width(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """One character of no width inside a share of the words.

    That is a zero width space, a word joiner or a zero width no-break space; all of them are equally likely, and all
    positions between two letters. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the
    words of three letters or more.
    """
    share = resolve_rate(severity, rate)
    return edit_texts(example, lambda text: edit_spans(text, find_words(text), rng, share, insert_zero_width))


def bidi(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A share of the words spelled backwards, between marks that show them the right way round.

    The marks are a right-to-left override and its end. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is
    the share of the words of three letters or more in a script that runs from left to right.
    """
    share = resolve_rate(severity, rate)

    def edit(text: str) -> list[Edit]:
        words = find_words_where(text, _is_left_to_right)
        return edit_spans(text, words, rng, share, lambda word, _draw: reverse_with_override(word))

    return edit_texts(example, edit)


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
        return edit_spans(
            text, ends, rng, share, lambda _empty, draw: f" {NEUTRAL_EMOJI[choose(draw, len(NEUTRAL_EMOJI))[0]]}"
        )

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


def has_homoglyph(word: str) -> bool:
    """Whether a letter of the word has a homoglyph."""
    return not HOMOGLYPHS.keys().isdisjoint(word)


def replace_with_homoglyph(word: str, draw: float) -> str:
    """The word with one letter replaced by its homoglyph; the draw decides which."""
    positions = [position for position, letter in enumerate(word) if letter in HOMOGLYPHS]
    position = positions[choose(draw, len(positions))[0]]
    return word[:position] + HOMOGLYPHS[word[position]] + word[position + 1 :]


def insert_zero_width(word: str, draw: float) -> str:
    """The word with one character of no width; the draw decides where, and which."""
    position, draw = choose(draw, len(word) - 1)
    character = ZERO_WIDTH[choose(draw, len(ZERO_WIDTH))[0]]
    return f"{word[: position + 1]}{character}{word[position + 1 :]}"


def reverse_with_override(word: str) -> str:
    """The word backwards between direction marks, which is displayed as it was."""
    return f"{RIGHT_TO_LEFT_OVERRIDE}{word[::-1]}{POP_DIRECTION}"


def _is_left_to_right(word: str) -> bool:
    return word.isascii() or all(unicodedata.bidirectional(letter) == "L" for letter in word)


def find_emoji(text: str) -> list[Span]:
    """The spans of the emoji of a text; one that is put together from several is one."""
    if text.isascii():
        return []
    matches = _import_emoji().emoji_list(text)
    return [(one["match_start"], one["match_end"]) for one in matches if one["emoji"] not in TEXT_SIGNS]


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
