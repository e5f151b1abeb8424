"""Edits: replacements of parts of a text, and the positions of its spans afterwards.

Positions count characters (code points) of the text as it was before any of its edits.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Span: TypeAlias = Mapping[str, Any]

Edit: TypeAlias = tuple[int, int, str]  # from, to, and what stands there instead


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text after its edits: what stands from `start` to `end` becomes `replacement`, for each of them.

    They come in order, and none reaches into the next; else it is a ValueError.
    """
    pieces: list[str] = []
    done = 0
    for start, end, replacement in edits:
        if not done <= start <= end <= len(text):
            raise ValueError(f"an edit from {start} to {end} stands where none can, between {done} and {len(text)}")
        pieces += (text[done:start], replacement)
        done = end
    return "".join((*pieces, text[done:]))


def move_spans(spans: Iterable[Span], text: str, edits: Sequence[Edit]) -> list[Span]:
    """The spans of a text after its edits; one of which nothing is left is gone.

    What is inserted at the edge of a span stays outside of it. A replacement that begins or ends where the span does
    belongs to it whole. Where a span begins or ends within what was replaced, letters that stayed in their position tell
    how much of the replacement is its own, and where they cannot, all of it is.
    """
    if not edits:
        return list(spans)
    changes = _Changes(text, edits)
    moved: list[Span] = []
    for span in spans:
        start, end = changes.first(span["start"]), changes.last(span["end"])
        if start < end or span["start"] == span["end"]:
            moved.append({**span, "start": start, "end": max(start, end)})
    return moved


class _Changes:
    """The edits of one text, with the running sum of how far they shift what follows."""

    def __init__(self, text: str, edits: Sequence[Edit]) -> None:
        self.text = text
        self.edits = edits
        self.starts = [start for start, _, _ in edits]
        self.ends = [end for _, end, _ in edits]
        self.shifts = [0, *accumulate(len(new) - (end - start) for start, end, new in edits)]

    def first(self, position: int) -> int:
        """Where a span now begins that began there."""
        past = bisect_right(self.ends, position)
        if past < len(self.edits) and self.starts[past] < position:
            return self.shifts[past] + self._within(past, position)[0]
        return self.shifts[past] + position

    def last(self, position: int) -> int:
        """Where a span now ends that ended there."""
        past = bisect_left(self.starts, position)
        if past and self.ends[past - 1] > position:
            return self.shifts[past - 1] + self._within(past - 1, position)[1]
        return self.shifts[past] + position

    def _within(self, number: int, position: int) -> tuple[int, int]:
        """Where a span begins, and where one ends, at a position within what was replaced; shifts are still to come."""
        start, end, new = self.edits[number]
        old = self.text[start:end]
        left, right = position, position + len(new) - len(old)
        if left == right:
            return position, position
        before = _common_prefix(old, new)
        after = min(_common_prefix(old[::-1], new[::-1]), min(len(old), len(new)) - before)
        in_front, behind = position <= start + before, position >= end - after
        first = right if behind else left if in_front else start + before
        last = left if in_front else right if behind else start + len(new) - after
        return first, last


def _common_prefix(one: str, other: str) -> int:
    """How many letters two texts begin with in common."""
    pairs = zip(one, other, strict=False)
    return next((count for count, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
