"""Slips of the finger: a key beside the right one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from mqa_robustness.places import each_text, edit_places, pick
from mqa_robustness.severity import Rate, Severity, rate_of
from mqa_robustness.words import in_case_of, words_with

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from mqa_registry import Edit, Example

# Each row half a key to the right of the one above.
LAYOUTS = {
    "qwerty": ("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    "qwertz": ("qwertzuiop", "asdfghjkl", "yxcvbnm"),
    "azerty": ("azertyuiop", "qsdfghjklm", "wxcvbn"),
}


def keyboard(
    example: Example,
    rng: np.random.Generator,
    *,
    layout: Literal["qwerty", "qwertz", "azerty"] = "qwerty",
    severity: Severity | None = None,
    rate: Rate | None = None,
) -> dict[str, list[Edit]]:
    """One letter in a share of the words replaced by its neighbour on the keyboard.

    All letters from a to z of a word are equally likely, and all neighbours of a letter. Capitals stay capitals.
    `layout` is where the keys are. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the
    words of three letters or more that have a letter from a to z.
    """
    share, keys = rate_of(severity, rate), NEIGHBOURS[layout]
    change = partial(slipped, keys=keys)
    return each_text(
        example, lambda text: edit_places(text, words_with(text, lambda word: _has(word, keys)), rng, share, change)
    )


def slipped(word: str, draw: float, keys: Mapping[str, str]) -> str:
    """The word with one slip, which the draw decides."""
    places = [place for place, letter in enumerate(word) if letter.lower() in keys]
    chosen, draw = pick(draw, len(places))
    place = places[chosen]
    near = keys[word[place].lower()]
    return word[:place] + in_case_of(word[place], near[pick(draw, len(near))[0]]) + word[place + 1 :]


def neighbours(rows: Sequence[str]) -> dict[str, str]:
    """For every letter of a keyboard, those around it: beside it, above it and below it."""
    return {letter: _around(rows, row, key) for row, keys in enumerate(rows) for key, letter in enumerate(keys)}


def _around(rows: Sequence[str], row: int, key: int) -> str:
    around = [(row, key - 1), (row, key + 1), (row - 1, key), (row - 1, key + 1), (row + 1, key - 1), (row + 1, key)]
    return "".join(rows[r][k] for r, k in around if 0 <= r < len(rows) and 0 <= k < len(rows[r]))


NEIGHBOURS = {name: neighbours(rows) for name, rows in LAYOUTS.items()}


def _has(word: str, keys: Mapping[str, str]) -> bool:
    return word.isascii() or any(letter.lower() in keys for letter in word)
