"""Typing errors: a letter too many, one too few, a wrong one, two in the wrong order."""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING, Literal

from mqa_robustness.places import each_text, edit_places, pick
from mqa_robustness.severity import Rate, Severity, rate_of
from mqa_robustness.words import in_case_of, words_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from mqa_registry import Edit, Example


def typos(
    example: Example,
    rng: np.random.Generator,
    *,
    kind: Literal["mixed", "insert", "delete", "replace", "transpose"] = "mixed",
    severity: Severity | None = None,
    rate: Rate | None = None,
) -> dict[str, list[Edit]]:
    """One typing error in a share of the words.

    A letter is inserted, deleted, replaced, or transposed with the next. `kind` is one of these errors; `mixed` has all
    four, equally likely. So are all places in the word and all letters: those from a to z, or in a word with others,
    those of the word itself. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words of
    three letters or more.
    """
    share = rate_of(severity, rate)
    change = mistyped if kind == "mixed" else ERRORS[kind]
    return each_text(example, lambda text: edit_places(text, words_in(text), rng, share, change))


def mistyped(word: str, draw: float) -> str:
    """The word with one error, which the draw decides."""
    kind, draw = pick(draw, 4)
    return (inserted, deleted, replaced, transposed)[kind](word, draw)


def inserted(word: str, draw: float) -> str:
    place, draw = pick(draw, len(word) + 1)
    letters = ascii_lowercase if word.isascii() else word
    letter = letters[pick(draw, len(letters))[0]]
    return word[:place] + in_case_of(word, letter) + word[place:]


def deleted(word: str, draw: float) -> str:
    place, _ = pick(draw, len(word))
    return word[:place] + word[place + 1 :]


def replaced(word: str, draw: float) -> str:
    place, draw = pick(draw, len(word))
    letters = (ascii_lowercase if word.isascii() else word).replace(word[place].lower(), "").replace(word[place], "")
    if not letters:
        return inserted(word, draw)
    letter = letters[pick(draw, len(letters))[0]]
    return word[:place] + in_case_of(word[place], letter) + word[place + 1 :]


def transposed(word: str, draw: float) -> str:
    places = [place for place in range(len(word) - 1) if word[place] != word[place + 1]]
    if not places:
        return inserted(word, draw)
    place = places[pick(draw, len(places))[0]]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


ERRORS: Mapping[str, Callable[[str, float], str]] = {
    "insert": inserted,
    "delete": deleted,
    "replace": replaced,
    "transpose": transposed,
}
