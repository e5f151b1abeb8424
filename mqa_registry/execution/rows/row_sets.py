"""The sets of rows of a run: every data set, unperturbed and perturbed, made shard by shard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from mqa_registry.contributions import Task
from mqa_registry.execution.rows.perturbation import perturb_part
from mqa_registry.execution.rows.perturbed_rows import GrowingRows
from mqa_registry.execution.rows.shards import Shard, ShardPart, ShardRows, cut
from mqa_registry.execution.rows.view_rows import ViewRows, with_open_blobs
from mqa_registry.execution.workspace import Workspace
from mqa_registry.observations import Failure, PerturbedRows
from mqa_registry.types.tables.spool import TableSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mqa_registry.execution.rows.perturbed_rows import PerturbedPart
    from mqa_registry.plan import Plan, RowSet
    from mqa_registry.suite import Use
    from mqa_registry.types import Rows

    PerturbAll: TypeAlias = "Callable[[Iterable[PerturbTask]], Iterator[Sequence[PerturbedPart | Failure]]]"


class RowSets:
    """The sets of rows that a plan needs. Each is made once, of one shard of its data set after the other.

    `rows` are the unperturbed rows of the data sets that could be read, and `failures` say why others could not.
    `perturb_all` works on the shards of a data set, in their order, as a `ShardPerturber` does.
    """

    def __init__(
        self,
        plan: Plan,
        rows: Mapping[str, Rows],
        *,
        failures: Mapping[str, Failure] | None = None,
        workspace: Workspace | None = None,
        perturb_all: PerturbAll | None = None,
    ) -> None:
        self._rows = rows
        self._plan = plan
        self.workspace = workspace or Workspace()
        self._made: dict[RowSet, PerturbedRows | Failure] = {}
        self._ends: dict[RowSet, list[int]] = {}  # of the sets that were made: their rows up to each shard's end
        self._growing: dict[RowSet, GrowingRows] = {}
        self._perturb_all = perturb_all or partial(map, ShardPerturber.of(plan).perturb)
        self._needed = plan.row_sets
        for row_set in plan.row_sets:
            if failures and row_set.data in failures:
                self._made[row_set] = failures[row_set.data]
            elif not row_set.perturb:
                self._made[row_set] = PerturbedRows(rows[row_set.data])
        self._shards = {data: cut(data, rows[data], len(sets)) for data, sets in self._sets_by_data().items()}

    def __getitem__(self, row_set: RowSet) -> PerturbedRows | Failure:
        """A set that was made, or why it could not be."""
        return self._made[row_set]

    def find(self, row_set: RowSet) -> PerturbedRows | Failure | None:
        """A set that was made, or why it could not be; None as long as it is not."""
        return self._made.get(row_set)

    def find_failure(self, row_set: RowSet) -> Failure | None:
        """Why a set of rows cannot be made; None as long as nothing is known to be in the way."""
        if isinstance(made := self._made.get(row_set), Failure):
            return made
        return self._growing[row_set].failure if row_set in self._growing else None

    def expected_rows(self, row_set: RowSet) -> int:
        """How many rows a set has, as far as that is known: rows that perturbations decline later are counted."""
        made = self._made.get(row_set)
        if isinstance(made, PerturbedRows):
            return len(made.rows)
        growing = self._growing.get(row_set)
        return len(self._rows[row_set.data]) - (growing.left_out if growing else 0)

    def make(self, row_sets: Iterable[RowSet] | None = None) -> None:
        """Make some sets as a whole, before the shards are worked on; all of them, if left out."""
        wanted = [one for one in (self._needed if row_sets is None else row_sets) if one not in self._made]
        for sets in self._sets_by_data(wanted).values():
            for _ in self._work_through(sets):
                pass

    def shards(self, row_sets: Iterable[RowSet]) -> Iterator[ShardRows]:
        """Every shard with the rows of these sets, which are made on the way. A set that fails is left out from then on."""
        for sets in self._sets_by_data(row_sets).values():
            yield from self._work_through(sets)

    def view_rows(self, row_set: RowSet, rows: Rows) -> ViewRows:
        """Some rows of a set, in its order, as they are read again shard by shard."""
        seed = self._plan.suite.seed
        return ViewRows(rows, self._rows[row_set.data], row_set, self._shards[row_set.data], self._plan.task, seed)

    def _work_through(self, sets: Sequence[RowSet]) -> Iterator[ShardRows]:
        """The shards of one data set, with the rows of these sets of it."""
        made = [row_set for row_set in sets if isinstance(self._made.get(row_set), PerturbedRows)]
        new = [row_set for row_set in sets if row_set not in self._made]
        for row_set in new:
            self._growing[row_set] = GrowingRows(TableSpool(self.workspace.scratch))
        shards = self._shards[sets[0].data]
        tasks = (PerturbTask(shard.take(self._rows[shard.data]), self._positions(new)) for shard in shards)
        perturbed = self._perturb_all(tasks) if new else ([] for _ in shards)
        for number, (shard, parts) in enumerate(zip(shards, perturbed, strict=True)):
            kept = {row_set: ShardPart.of(self._slice(row_set, shard, number)) for row_set in made}
            for row_set, part in zip(new, parts, strict=True):
                self._add(row_set, shard, part)
                if not isinstance(part, Failure) and self.find_failure(row_set) is None:
                    kept[row_set] = ShardPart(part.rows, part.fingerprints)
            yield ShardRows(shard, kept)

    def _positions(self, row_sets: Iterable[RowSet]) -> tuple[int, ...]:
        return tuple(self._needed.index(row_set) for row_set in row_sets)

    def _slice(self, row_set: RowSet, shard: Shard, number: int) -> Rows:
        """The rows of a shard, the n-th of its data set from 0, in a set that was made before."""
        made = self._made[row_set]
        assert isinstance(made, PerturbedRows)
        if not row_set.perturb:
            return shard.take(made.rows)
        ends = self._ends[row_set]
        start, stop = ends[number - 1] if number else 0, ends[number]
        rows = made.rows.slice(start, stop)
        if not rows.has_dropped_blobs:
            return rows
        unperturbed = shard.take(self._rows[shard.data])
        return with_open_blobs(rows, unperturbed, row_set, self._plan.task, self._plan.suite.seed)

    def _add(self, row_set: RowSet, shard: Shard, part: PerturbedPart | Failure) -> None:
        """Add the next part of a set, which is made with its last one."""
        growing = self._growing[row_set]
        growing.add(part)
        if shard.is_last:
            self._made[row_set] = growing.finish(row_set.perturb)
            self._ends[row_set] = growing.ends
            del self._growing[row_set]

    def _sets_by_data(self, row_sets: Iterable[RowSet] | None = None) -> dict[str, list[RowSet]]:
        """The sets by their data, of the data sets that could be read."""
        by_data: dict[str, list[RowSet]] = {}
        for row_set in self._needed if row_sets is None else row_sets:
            if row_set.data in self._rows:
                by_data.setdefault(row_set.data, []).append(row_set)
        return by_data


@dataclass(frozen=True)
class PerturbTask:
    """The unperturbed rows of one shard, and the sets to make of them, by their positions in `plan.row_sets`. It pickles."""

    rows: Rows
    sets: tuple[int, ...]


@dataclass(frozen=True)
class ShardPerturber:
    """What perturbs the shards of a plan: the perturbations of each of its sets of rows, in order."""

    sets: tuple[tuple[Use, ...], ...]
    task: Use | None
    seed: int

    @classmethod
    def of(cls, plan: Plan) -> ShardPerturber:
        model = plan.suite.model
        return cls(tuple(one.perturb for one in plan.row_sets), model.task if model else None, plan.suite.seed)

    def perturb(self, work: PerturbTask) -> list[PerturbedPart | Failure]:
        """The rows of a shard in each set, with the fingerprint of each example; it depends on its arguments alone."""
        task = self.task.contribution_as(Task) if self.task is not None else None
        parts: list[PerturbedPart | Failure] = []
        for position in work.sets:
            part = perturb_part(work.rows, self.sets[position], task, self.seed)
            parts.append(
                part if isinstance(part, Failure) else replace(part, fingerprints=ShardPart.of(part.rows).fingerprints)
            )
        return parts


def apply_perturbations(
    rows: Rows, perturb: Sequence[Use], task: Task[Any] | None, seed: int
) -> PerturbedRows | Failure:
    """All rows of a data set after perturbations, applied in order; without any, the rows themselves.

    A row on which a perturbation crashes is lost. A failure where one cannot run, or no row is left.
    """
    if not perturb:
        return PerturbedRows(rows)
    growing = GrowingRows(TableSpool(None))
    growing.add(perturb_part(rows, perturb, task, seed))
    return growing.finish(perturb)
