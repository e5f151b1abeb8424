"""Perturbed rows, put together of the parts of a data set that were perturbed one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mqa_registry.observations import Failure, LostRows, PerturbedRows, failure_of_lost
from mqa_registry.store import join_keys
from mqa_registry.types import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.store.database import Keys
    from mqa_registry.suite import Use
    from mqa_registry.types.tables.spool import TableSpool


@dataclass(frozen=True)
class PerturbedPart:
    """Some rows of a data set after all perturbations: those that none of them declined, and those that were lost.

    `edits` is how many characters the changed rows are apart from what they were, summed over the `compared` of them, which
    have a text. `fingerprints` are those of the rows' examples, where they were asked for.
    """

    rows: Rows
    declined: int = 0
    changed: int = 0
    edits: int = 0
    compared: int = 0
    lost: LostRows = field(default_factory=LostRows)
    fingerprints: Keys = field(default_factory=lambda: join_keys([]))


@dataclass
class GrowingRows:
    """The rows of a set, part by part. `left_out` rows were declined or lost."""

    spool: TableSpool
    fields: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()
    ends: list[int] = field(default_factory=list)
    declined: int = 0
    changed: int = 0
    edits: int = 0
    compared: int = 0
    lost: LostRows = field(default_factory=LostRows)
    failure: Failure | None = None

    @property
    def left_out(self) -> int:
        return self.declined + self.lost.count

    def add(self, part: PerturbedPart | Failure) -> None:
        if isinstance(part, Failure):
            self.failure = self.failure or part
        if self.failure is not None or isinstance(part, Failure):
            return
        self.spool.append(part.rows.table)
        self.fields, self.blobs = part.rows.fields, part.rows.blobs
        self.ends.append((self.ends[-1] if self.ends else 0) + len(part.rows))
        self.declined += part.declined
        self.changed += part.changed
        self.edits += part.edits
        self.compared += part.compared
        self.lost = LostRows.merge([self.lost, part.lost])

    def finish(self, perturb: Sequence[Use]) -> PerturbedRows | Failure:
        """The whole set. A failure where no row is left: each was declined, or lost."""
        if self.failure is not None:
            return self.failure
        table, lost = self.spool.finish(), self.lost
        if not len(table):
            if self.declined and (failure := failure_of_lost(lost, 0, declined=self.declined)) is not None:
                return failure
            if lost.cause is not None:
                return replace(lost.cause, message=f"{lost.cause.message}, on row `{lost.named[0].id}`")
            names = " and ".join(f"`{use.name}`" for use in perturb)
            return Failure(f"{names} declined all of {self.declined:,} rows, so nothing was tested")
        edits = self.edits / self.compared if self.compared else None
        return PerturbedRows(Rows(table, self.fields, blobs=self.blobs), self.declined, self.changed, edits, lost)
