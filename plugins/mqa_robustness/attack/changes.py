"""Changes: edits of a row's texts, and how large they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mqa_registry import edited

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mqa_registry import Edit, Example


@dataclass(frozen=True)
class Change:
    """One edit of one text: what stands from `start` to `end` becomes `new`.

    `kind` is what it is called in the option `edits`. `words` are the places, among all words of the row, of those it
    touches, and `size` is its Levenshtein distance in characters.
    """

    field: str
    start: int
    end: int
    new: str
    kind: str
    words: tuple[int, ...]
    size: int

    def meets(self, other: Change) -> bool:
        """Whether both change the same characters, so that only one of them can be made."""
        return self.field == other.field and self.start < other.end and other.start < self.end


Changes: TypeAlias = tuple[Change, ...]


@dataclass(frozen=True)
class Word:
    """One word of a row, what white space parts from others, with all changes that begin in it, the smallest first.

    `gone` leaves it out: no change that an attack may make, but it tells how much the word matters.
    """

    gone: Change
    changes: Changes


def changed(example: Example, changes: Iterable[Change]) -> Example:
    """The example after its changes, of which no two meet."""
    edits: dict[str, list[Edit]] = {}
    for change in changes:
        edits.setdefault(change.field, []).append((change.start, change.end, change.new))
    return {**example, **{field: edited(example[field], sorted(found)) for field, found in edits.items()}}


def touched(changes: Iterable[Change]) -> int:
    """How many words some changes touch."""
    return len({word for change in changes for word in change.words})


def size_of(changes: Iterable[Change]) -> int:
    """How many characters some changes come to."""
    return sum(change.size for change in changes)


def distance(one: str, other: str) -> int:
    """How many characters have to be inserted, deleted or replaced to make one text the other (Levenshtein 1966)."""
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    row = list(range(len(other) + 1))
    for above, letter in enumerate(one):
        last, row[0] = above, above + 1
        for place, match in enumerate(other, 1):
            last, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, last + (letter != match))
    return row[-1]
