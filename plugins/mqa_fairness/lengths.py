"""Groups by how long a text is."""

from __future__ import annotations

from bisect import bisect_left
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from mqa_fairness.columns import value_of
from mqa_registry import UsageError

if TYPE_CHECKING:
    from mqa_registry import Example

BOUNDS = (10, 20)


def length(example: Example, *, bounds: list[int] | None = None, column: str = "text") -> str | None:
    """The number of words in a text.

    By default that is `1-10 words`, `11-20 words`, `over 20 words` or `no words`. `bounds` is the last number of every
    group but the one over them; left out, 10 and 20. `column` is the one with the text. Words are what white space
    parts. A missing text puts the row in no group.
    """
    text = value_of(example, column)
    if text is None:
        return None
    groups = _groups(BOUNDS if bounds is None else tuple(bounds))
    words = len(str(text).split())
    return groups[bisect_left((0, *(bounds or BOUNDS)), words)]


@cache
def _groups(bounds: tuple[int, ...]) -> tuple[str, ...]:
    """The names of the groups, from the shortest texts to the longest."""
    if not bounds or bounds[0] < 1 or any(low >= high for low, high in pairwise(bounds)):
        raise UsageError(f"`bounds` must rise from at least 1, and is {list(bounds)}", hint="for example `[10, 20]`")
    firsts = [1, *(bound + 1 for bound in bounds)]
    spans = [f"{first}-{last}" if first < last else f"{last}" for first, last in zip(firsts, bounds, strict=False)]
    return (
        "no words",
        *(f"{span} word{'' if span == '1' else 's'}" for span in spans),
        f"over {bounds[-1]} word{'' if bounds[-1] == 1 else 's'}",
    )
