"""Tables: of every group how often a class was answered, and how often it was right, from counts of cells of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry import Predictions, Targets

WORD = 62  # groups whose memberships one integer holds

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Groups: TypeAlias = "Mapping[str, Ints]"


@dataclass(frozen=True)
class Tables:
    """Two-by-two tables of groups, one for each class against all others.

    Rows of a cell are in the same groups, with the same answer and right answer. `members` says which cells are in
    which group, shape (cells, groups); a row that is in no group has the cell -1. Of one class there are cells for every
    answer and right answer, whether or not some row has them; of several, for a right answer to each that occurs too.
    """

    groups: tuple[str, ...]
    classes: tuple[int, ...]
    cells: Ints
    members: Floats
    answered: Ints  # the class of each cell
    right: Ints

    @classmethod
    def of(cls, predictions: Predictions, targets: Targets, groups: Groups, classes: Sequence[int]) -> Tables:
        """The tables of some classes; where it is one class, rows differ by whether they have it, and no further."""
        answered, right = predictions.codes, targets.codes
        if len(classes) == 1:
            answered, right, classes = (answered == classes[0]) * 1, (right == classes[0]) * 1, (1,)
        kinds, kind_of_row = _memberships(groups, len(answered))
        grouped = np.flatnonzero(np.asarray(kinds.any(axis=1))[kind_of_row])
        seen = kind_of_row[grouped], answered[grouped], right[grouped]
        columns = [np.concatenate(pair) for pair in zip(seen, _possible(*seen, classes), strict=True)]
        first, cell_of_row = _alike(*columns)
        cell_of_row = cell_of_row[: len(grouped)]
        kind, answered, right = (column[first] for column in columns)
        cells = np.full(len(kind_of_row), -1, dtype=np.int64)
        cells[grouped] = cell_of_row
        return cls(tuple(groups), tuple(classes), cells, kinds[kind].astype(np.float64), answered, right)

    @property
    def size(self) -> int:
        return len(self.members)

    @property
    def counts(self) -> Floats:
        """How many rows each cell has."""
        return np.bincount(self.cells[self.cells >= 0], minlength=self.size).astype(np.float64)

    def by_group(self, counts: Floats) -> Iterator[Floats]:
        """For each class the tables of all groups, shape (..., groups, 4): rightly not it, wrongly it, missed, hit."""
        for places in self._places():
            parts = [counts[..., cells] @ self.members[cells] for cells in places]
            yield np.stack(parts, axis=-1)

    def overall(self, counts: Floats) -> Iterator[Floats]:
        """The same of all rows that are in any group, each counted once, shape (..., 1, 4)."""
        for places in self._places():
            parts = [counts[..., cells].sum(axis=-1, keepdims=True) for cells in places]
            yield np.stack(parts, axis=-1)

    def _places(self) -> Iterator[list[Ints]]:
        for code in self.classes:
            place = 2 * (self.right == code) + (self.answered == code)
            yield [np.flatnonzero(place == number) for number in range(4)]


def _possible(kinds: Ints, answered: Ints, right: Ints, classes: Sequence[int]) -> tuple[Ints, Ints, Ints]:
    """Rows that there might have been: their combinations of groups, answers and right answers."""
    if len(classes) == 1:
        kind = np.unique(kinds)
        return np.repeat(kind, 4), np.tile([0, 1, 0, 1], len(kind)), np.tile([0, 0, 1, 1], len(kind))
    first = _alike(kinds, right)[0]
    kinds, right = kinds[first], right[first]
    others = (right + 1) % len(classes)
    return np.tile(kinds, 2), np.concatenate([right, others]), np.tile(right, 2)


def _memberships(groups: Groups, rows: int) -> tuple[npt.NDArray[np.bool_], Ints]:
    """The combinations of groups that occur, shape (combinations, groups), and which of them each row has."""
    words = [np.zeros(rows, dtype=np.int64) for _ in range(0, len(groups), WORD)]
    for number, places in enumerate(groups.values()):
        words[number // WORD][places] |= 1 << number % WORD
    first, kind_of_row = _alike(*words)
    kinds = [words[number // WORD][first] >> number % WORD & 1 for number in range(len(groups))]
    return np.stack(kinds, axis=1).astype(bool), kind_of_row


def _alike(*columns: Ints) -> tuple[Ints, Ints]:
    """Which rows are alike in all columns: the first row of each kind, and the kind of every row."""
    first, kind_of_row = np.unique(columns[0], return_index=True, return_inverse=True)[1:]
    for column in columns[1:]:
        values, code = np.unique(column, return_inverse=True)
        joint = kind_of_row * max(len(values), 1) + code
        first, kind_of_row = np.unique(joint, return_index=True, return_inverse=True)[1:]
    return first, kind_of_row
