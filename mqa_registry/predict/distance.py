"""Distance: how far a perturbed row lies from what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapidfuzz.distance import Levenshtein

if TYPE_CHECKING:
    from mqa_registry.types import Example

MOST = 2000  # characters of a text that are compared: the time grows with the square of them


def distance(before: Example, after: Example) -> int | None:
    """Characters to insert, delete or replace (Levenshtein) to come from one row to the other; None without any text.

    Of a longer text the first 2,000 characters are compared.
    """
    pairs = [(text, after[name]) for name, text in before.items() if isinstance(text, str)]
    if not pairs:
        return None
    return sum(Levenshtein.distance(text[:MOST], str(other)[:MOST]) for text, other in pairs)
