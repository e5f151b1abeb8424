"""How far a perturbed row is from what it was, in characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapidfuzz.distance import Levenshtein

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.types import Example

MAX_COMPARED = 2000  # characters of a text: the time of a distance grows with the square of them


def edit_distance(before: Example, after: Example) -> int | None:
    """The Levenshtein distance in characters between the texts of two rows, summed; None where a row has no text.

    Of a longer text the first 2,000 characters are compared.
    """
    pairs = [pair for name, value in before.items() for pair in _pair_texts(value, after[name])]
    if not pairs:
        return None
    return sum(Levenshtein.distance(text[:MAX_COMPARED], str(other)[:MAX_COMPARED]) for text, other in pairs)


def _pair_texts(before: Any, after: Any) -> Iterator[tuple[str, Any]]:
    """Each text of a field with what it has become. A field may have one for each member, or the words of one."""
    if isinstance(before, str):
        yield before, after
    elif isinstance(before, list) and isinstance(after, list) and all(isinstance(one, str) for one in before):
        if len(before) == len(after):
            yield from zip(before, after, strict=True)
        else:  # words, of which one was split or two were joined
            yield " ".join(before), " ".join(after)
