"""Text changes: which characters of a text are new, and which of the one before are gone."""

from __future__ import annotations

from typing import NamedTuple

from rapidfuzz.distance import Levenshtein


class Segment(NamedTuple):
    """A part of a text, and whether the other text has something else there."""

    text: str
    is_changed: bool


def mark_changes(before: str, after: str) -> tuple[list[Segment], list[Segment]]:
    """Both texts in parts, of which those that the other text lacks are marked; the fewest edits decide."""
    removed, added = [], []
    for code in Levenshtein.opcodes(before, after):
        is_changed = code.tag != "equal"
        if code.src_end > code.src_start:
            removed.append(Segment(before[code.src_start : code.src_end], is_changed))
        if code.dest_end > code.dest_start:
            added.append(Segment(after[code.dest_start : code.dest_end], is_changed))
    return removed, added
