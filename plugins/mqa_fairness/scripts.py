"""Groups by the script that a text is written in."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from mqa_fairness.columns import value_of

if TYPE_CHECKING:
    from mqa_registry import Example

NO_LETTERS = "no letters"
# The first word of a letter's name is its script, but for these.
TOGETHER = {"cjk": "han", "ideographic": "han", "fullwidth": "latin", "halfwidth": "katakana", "hentaigana": "hiragana"}
# Letters that stand for a quantity or a mark, and are of no script.
NONE = frozenset(
    {
        "alef", "angstrom", "bet", "black", "caron", "combining", "dalet", "double", "euler", "feminine", "gimel",
        "information", "kelvin", "masculine", "mathematical", "micro", "modifier", "ohm", "planck", "roman", "script",
        "superscript", "turned", "vertical",
    }
)  # fmt: skip


def script(example: Example, *, column: str = "text") -> str | None:
    """The script that most letters of a text are in.

    As their Unicode names have it: `latin`, `cyrillic`, `arabic`, `han`, `devanagari` and so on; `no letters` for a text
    of digits, marks and emoji. Of equally frequent ones it is the one that comes first. It does not tell languages of
    one script apart: `fairness/language` guesses them, and a column with the language tells them, with
    `fairness/column`. `column` is the one with the text. A missing text puts the row in no group.
    """
    text = value_of(example, column)
    if text is None:
        return None
    found = Counter(name for character in str(text) if (name := _script(character)))
    return found.most_common(1)[0][0] if found else NO_LETTERS


def first_letter(text: str) -> int | None:
    """Where the first letter of any script is; None where there is none."""
    return next((place for place, character in enumerate(text) if _script(character)), None)


@cache
def _script(character: str) -> str:
    """The script of a letter; nothing for what is no letter, or of no script."""
    if not character.isalpha():
        return ""
    first = unicodedata.name(character, "").partition(" ")[0].partition("-")[0].lower()
    return "" if first in NONE else TOGETHER.get(first, first)
