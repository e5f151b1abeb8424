"""Tables: of every group how often a class was answered, and how often it was right, from counts of cells of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry import Predictions, Targets

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Groups: TypeAlias = "Mapping[str, Ints]"


@dataclass(frozen=True)
class Tables:
    """Two-by-two tables of groups, one for each class against all others.

    Rows of a cell are in the same groups, with the same answer and right answer. `members` says which cells are in
    which group, shape (cells, groups); a row that is in no group has the cell -1.
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
        columns = np.stack([kind_of_row[grouped], answered[grouped], right[grouped]], axis=1)
        alike, cell_of_row = np.unique(columns, axis=0, return_inverse=True)
        cells = np.full(len(answered), -1, dtype=np.int64)
        cells[grouped] = cell_of_row.reshape(-1)
        return cls(
            tuple(groups), tuple(classes), cells, kinds[alike[:, 0]].astype(np.float64), alike[:, 1], alike[:, 2]
        )

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


def _memberships(groups: Groups, rows: int) -> tuple[npt.NDArray[np.bool_], Ints]:
    """The combinations of groups that occur, shape (combinations, groups), and which of them each row has."""
    width = (len(groups) + 7) // 8
    packed = np.zeros((rows, width), dtype=np.uint8)
    for number, places in enumerate(groups.values()):
        packed[places, number // 8] |= 128 >> number % 8
    found, kind_of_row = np.unique(packed, axis=0, return_inverse=True)
    return np.unpackbits(found, axis=1, count=len(groups)).astype(bool), kind_of_row.reshape(-1)
