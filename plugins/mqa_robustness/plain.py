"""Changes that leave nothing to chance: lost case, lost punctuation."""

from __future__ import annotations

import unicodedata
from string import punctuation
from typing import TYPE_CHECKING, Any

from mqa_robustness.places import each_text

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Example


def upper_case(example: Example, rng: np.random.Generator) -> dict[str, Any]:
    """Every letter a capital.

    As Unicode maps them, whatever the language, so that \u00df becomes SS.
    """
    return each_text(example, str.upper)


def strip_punctuation(example: Example, rng: np.random.Generator) -> dict[str, Any] | None:
    """Every punctuation mark removed.

    Nothing is put in its place: `don't` becomes `dont`. These are the marks of ASCII, symbols such as $ and + among
    them, and all that Unicode counts as punctuation. A row with a text that is made of nothing else is declined.
    """
    stripped = each_text(example, lambda text: text.translate(_WITHOUT))
    lost = any(text and not text.isspace() and not stripped[field].strip() for field, text in example.items())
    return None if lost else stripped


class _Without(dict[int, int | None]):
    """A table for `str.translate` that looks each character up once: None for punctuation, else itself."""

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        marks = character in punctuation or unicodedata.category(character).startswith("P")
        self[code] = None if marks else code
        return self[code]


_WITHOUT = _Without()
