"""Edits: replacements of parts of a text, and the positions of its spans afterwards.

Positions count characters (code points) of the text as it was before any of its edits.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Span: TypeAlias = Mapping[str, Any]

WORD = re.compile(r"\w+")

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


def cuts_span(spans: Iterable[Span], text: str, edits: Sequence[Edit]) -> bool:
    """Whether edits leave no whole counterpart of some span.

    They do where one replaces text on both sides of where a span begins or ends, and no letters that stayed tell how much
    of the replacement is its own; or where one takes out whole words of a span, and not all of it.
    """
    return any(_is_cut(span["start"], span["end"], text, edits) for span in spans)


def edit_words(words: Sequence[str], edits: Sequence[Edit]) -> tuple[list[str], list[int | None]] | None:
    """Words after edits of their text, joined by single spaces, and which of the words each was; None of an inserted one.

    None where an edit cuts a word, so that it is unknown what became of it.
    """
    text, start = " ".join(words), 0
    places: list[Span] = []
    for word in words:
        places.append({"start": start, "end": start + len(word), "word": len(places)})
        start += len(word) + 1
    if any(_is_crossed(place["start"], place["end"], text, edits) for place in places):
        return None
    after, done = edited(text, edits), 0
    edited_words: list[str] = []
    origins: list[int | None] = []
    for place in move_spans(places, text, edits):
        inserted = after[done : place["start"]].split()
        edited_words += [*inserted, after[place["start"] : place["end"]]]
        origins += [*[None] * len(inserted), place["word"]]
        done = place["end"]
    inserted = after[done:].split()
    return edited_words + inserted, origins + [None] * len(inserted)


def _is_cut(start: int, end: int, text: str, edits: Sequence[Edit]) -> bool:
    return _is_crossed(start, end, text, edits) or any(
        _takes_out_words(edit, start, end, text) for edit in edits if start <= edit[0] < edit[1] <= end
    )


def _is_crossed(start: int, end: int, text: str, edits: Sequence[Edit]) -> bool:
    """Whether an edit reaches over the start or the end of a span, and what stayed does not tell how much is the span's."""
    changes = _Changes(text, edits)
    for number, (first, last, new) in enumerate(edits):
        crossed = [position for position in (start, end) if first < position < last]
        if crossed and not new.strip():
            if start < first or last < end:
                return True
        elif any(len(set(changes.within(number, position))) > 1 for position in crossed) or (
            crossed and len(new) == last - first and not _goes_letter_by_letter(text[first:last], new)
        ):
            return True
    return False


def _takes_out_words(edit: Edit, start: int, end: int, text: str) -> bool:
    """Whether an edit leaves out whole words of a span, and not the span itself."""
    first, last, new = edit
    if new.strip() or (first <= start and end <= last):
        return False
    words = ((start + word.start(), start + word.end()) for word in WORD.finditer(text[start:end]))
    return any(first <= begin and stop <= last for begin, stop in words)


def _goes_letter_by_letter(old: str, new: str) -> bool:
    """Whether texts of one length have their spaces in the same positions, and most of their letters."""
    pairs = list(zip(old.casefold(), new.casefold(), strict=False))
    return all(one.isspace() == other.isspace() for one, other in pairs) and (
        2 * sum(one == other for one, other in pairs) >= len(pairs)
    )


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
            return self.shifts[past] + self.within(past, position)[0]
        return self.shifts[past] + position

    def last(self, position: int) -> int:
        """Where a span now ends that ended there."""
        past = bisect_left(self.starts, position)
        if past and self.ends[past - 1] > position:
            return self.shifts[past - 1] + self.within(past - 1, position)[1]
        return self.shifts[past] + position

    def within(self, number: int, position: int) -> tuple[int, int]:
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
