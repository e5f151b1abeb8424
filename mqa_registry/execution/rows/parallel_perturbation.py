"""Perturbing on all cores: shards are perturbed slice by slice, in worker processes or in threads.

Text is perturbed by Python code, which holds the interpreter's lock: worker processes load the perturbations again, and take
and give Arrow tables. They take about a second to start, and are started where the time of the first slices says that it pays.
A slice is as many rows as may be in one of their sets, or in several: to begin with a set takes as long as a few of its rows.
Images, sounds and files are perturbed by compiled code, in threads, which need not copy them: a slice is few of them in
all sets. A row is perturbed alike wherever that happens, so that no result depends on any of this.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry import plugins
from mqa_registry.boundary import limit_calls, redact_messages, supervise
from mqa_registry.contributions import Perturbation, Task
from mqa_registry.errors import PluginError
from mqa_registry.execution.rows.perturbed_rows import PerturbedPart
from mqa_registry.execution.rows.row_sets import PerturbTask, ShardPerturber
from mqa_registry.execution.rows.shards import look_ahead
from mqa_registry.execution.workers.pool import WorkerPool
from mqa_registry.execution.workers.threads import map_in_threads
from mqa_registry.machine import available_cores
from mqa_registry.observations import Failure, LostRows
from mqa_registry.suite import UseReference, identity
from mqa_registry.types import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self, TypeAlias

    from mqa_registry.plan import Plan

    Parts: TypeAlias = Sequence[PerturbedPart | Failure]

FIRST_COPIES = 256  # perturbed rows of the first slice
BLOB_COPIES = 32  # perturbed rows of a slice with images, sounds or files
SLICE_COPIES = 8192  # at most, of any slice
SLICE_BYTES = 8 * 2**20  # of their fields
SLICE_SECONDS = 0.5  # of work in a slice, by the pace of those before
MIN_SECONDS = 4.0  # of work left for which workers are started
MAX_WORKERS = 16  # each takes about 120 MB


@dataclass(frozen=True)
class WorkerOptions:
    """The options of a run that its workers share. With `redacted`, messages do not quote rows."""

    plugin_files: tuple[Path, ...] = ()
    timeout: float | None = None
    redacted: bool = False


class RowPerturber:
    """Perturbs the rows of a plan, task by task, on all cores.

    `options` are those of workers; without them, there are none. They are started where more than four seconds of work are
    left, and have ended when the context is left. Where it `overlaps`, the next task is at work while one is used.
    """

    def __init__(
        self,
        plan: Plan,
        options: WorkerOptions | None = None,
        *,
        cores: int | None = None,
        overlaps: bool = True,
    ) -> None:
        perturber = ShardPerturber.of(plan)
        self._setup = _WorkerSetup.of(perturber, options) if options is not None else None
        self._perturb = partial(_perturb_slice, perturber)
        self._cores = available_cores() if cores is None else cores
        self._pool: WorkerPool[PerturbTask, PerturbedSlice] | None = None
        self._copies, self._seconds = 0, 0.0  # that were perturbed, and how long it took
        self._stack = ExitStack()  # of the workers
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="mqa-perturb") if overlaps else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        self._pool = None
        if self._ahead is not None:
            self._ahead.shutdown()

    @property
    def workers(self) -> Sequence[int]:
        """The ids of the worker processes that have started."""
        return self._pool.processes if self._pool is not None else ()

    def perturb(self, tasks: Iterable[PerturbTask]) -> Iterator[Parts]:
        """What becomes of the rows of each task, in their order."""
        return look_ahead(self._work_through(list(tasks)), self._ahead)

    def _work_through(self, tasks: Sequence[PerturbTask]) -> Iterator[Parts]:
        at_work: deque[_Slice] = deque()
        failed: dict[int, Failure] = {}  # sets that later slices leave out: the next call may not end in time either

        def slices() -> Iterator[PerturbTask]:
            for task in tasks:
                for one in self._cut(task, failed):
                    at_work.append(one)
                    yield one.work

        made: dict[int, list[PerturbedPart]] = {}
        for perturbed in self._map(slices(), sum(len(task.rows) * len(task.sets) for task in tasks)):
            done = at_work.popleft()
            self._copies += done.copies
            self._seconds += perturbed.seconds
            for one, part in zip(done.work.sets, perturbed.parts, strict=True):
                if isinstance(part, Failure):
                    failed.setdefault(one, part)
                else:
                    made.setdefault(one, []).append(part)
            if done.is_last:
                yield [failed.get(one) or _join(done.task.rows, made[one]) for one in done.task.sets]
                made = {}

    def _cut(self, task: PerturbTask, failed: Collection[int]) -> Iterator[_Slice]:
        """The slices of a task, each cut when the one before it was handed on: without the sets that have failed by then."""
        start, rows = 0, _narrow(task.rows)
        while start < len(rows):
            sets = task.sets
            stop = start + self._slice_rows(rows.slice(start, len(rows)), len(sets))
            taken = rows.slice(start, stop)
            while sets:
                count = len(sets) if rows.blobs else max(1, self._slice_copies(taken) // len(taken))
                now, sets = sets[:count], sets[count:]
                work = PerturbTask(taken, tuple(one for one in now if one not in failed))
                yield _Slice(task, work, is_last=stop == len(rows) and not sets)
            start = stop

    def _map(self, slices: Iterator[PerturbTask], copies: int) -> Iterator[PerturbedSlice]:
        """What becomes of every slice, in order: in this process until workers pay for so many copies, then in theirs."""
        for one in slices:
            if one.rows.blobs:
                yield from map_in_threads(self._perturb, chain([one], slices), self._cores)
                return
            if self._pool is not None:
                yield from self._pool.map(chain([one], slices))
                return
            yield self._perturb(one)
            self._consider_workers(copies - self._copies)

    def _slice_rows(self, rows: Rows, sets: int) -> int:
        """How many of some rows, of at least one, the next slices have."""
        copies = BLOB_COPIES // max(1, sets) if rows.blobs else self._slice_copies(rows)
        return min(max(1, copies), len(rows))

    def _slice_copies(self, rows: Rows) -> int:
        """How many perturbed copies of some rows a slice has: as many as take about half a second."""
        pace = SLICE_SECONDS / self._seconds * self._copies if self._seconds else FIRST_COPIES
        bytes_per_copy = max(1, rows.field_bytes / len(rows))
        return int(min(pace, SLICE_COPIES, SLICE_BYTES / bytes_per_copy))

    def _consider_workers(self, copies: int) -> None:
        """Start workers for so many perturbed rows, if they are worth it. That is known once a slice of full size is done."""
        seconds = self._seconds / max(1, self._copies) * copies
        if self._setup is None or self._cores == 1 or self._seconds < SLICE_SECONDS or seconds <= MIN_SECONDS:
            return
        self.start_workers(min(self._cores, MAX_WORKERS, 1 + math.ceil(seconds / MIN_SECONDS)))

    def start_workers(self, count: int) -> None:
        """Start so many workers, without waiting for them."""
        assert self._setup is not None
        self._pool = self._stack.enter_context(WorkerPool(count, start_worker, self._setup, self._perturb))

    def await_workers(self) -> bool:
        """Wait until every worker has started, or failed to; whether one has."""
        return self._pool is not None and self._pool.await_start()


@dataclass(frozen=True)
class PerturbedSlice:
    """What became of the rows of a slice in each of its sets, and the seconds that it took."""

    parts: Parts
    seconds: float


@dataclass(frozen=True)
class _Slice:
    """A part of the work of a task; `is_last` says that no other follows."""

    task: PerturbTask
    work: PerturbTask
    is_last: bool

    @property
    def copies(self) -> int:
        return len(self.work.rows) * len(self.work.sets)


def _perturb_slice(perturber: ShardPerturber, work: PerturbTask) -> PerturbedSlice:
    start = time.perf_counter()
    parts = perturber.perturb(work)
    return PerturbedSlice(parts, time.perf_counter() - start)


@dataclass(frozen=True)
class _WorkerSetup:
    """What a worker needs to perturb as this process does. It pickles."""

    sets: tuple[tuple[UseReference, ...], ...]
    task: UseReference | None
    seed: int
    digest: str
    options: WorkerOptions

    @classmethod
    def of(cls, perturber: ShardPerturber, options: WorkerOptions) -> _WorkerSetup:
        sets = tuple(tuple(UseReference.of(use) for use in uses) for uses in perturber.sets)
        task = UseReference.of(perturber.task) if perturber.task is not None else None
        return cls(sets, task, perturber.seed, _digest(perturber), options)

    def load(self) -> ShardPerturber:
        """The same perturber, of the plugins that it names alone.

        A PluginError where the perturbations have another digest than in the run, as when a plugin was changed meanwhile.
        """
        references = [one for uses in self.sets for one in uses] + ([self.task] if self.task is not None else [])
        catalog = plugins.load({one.plugin for one in references}, files=self.options.plugin_files)
        perturber = ShardPerturber(
            tuple(tuple(one.resolve(Perturbation, catalog) for one in uses) for uses in self.sets),
            self.task.resolve(Task, catalog) if self.task is not None else None,
            self.seed,
        )
        if _digest(perturber) != self.digest:
            raise PluginError("the perturbations are others than when the run began")
        return perturber


def start_worker(setup: _WorkerSetup) -> Callable[[PerturbTask], PerturbedSlice]:
    """In a worker: what perturbs a slice."""
    options, perturber = setup.options, setup.load()

    def perturb(one: PerturbTask) -> PerturbedSlice:
        with supervise(may_exit=True), limit_calls(options.timeout), redact_messages(enabled=options.redacted):
            return _perturb_slice(perturber, one)

    return perturb


def _digest(perturber: ShardPerturber) -> str:
    """A digest of what the perturbations are, the source of their plugins included."""
    sets = [[identity(use) for use in uses] for uses in perturber.sets]
    return hashlib.sha256(json.dumps([perturber.seed, sets], sort_keys=True, default=str).encode()).hexdigest()


def _narrow(rows: Rows) -> Rows:
    """The rows with the columns that perturbing reads."""
    names = [name for name in ("id", *rows.fields, "target") if name in rows.table.column_names]
    return replace(rows, table=rows.table.select(names))


def _join(rows: Rows, made: Sequence[PerturbedPart]) -> PerturbedPart:
    """One set of some rows, of what became of their slices."""
    return PerturbedPart(
        _join_rows(rows, [part.rows for part in made]),
        declined=sum(part.declined for part in made),
        changed=sum(part.changed for part in made),
        edits=sum(part.edits for part in made),
        compared=sum(part.compared for part in made),
        lost=LostRows.merge(part.lost for part in made),
        fingerprints=np.concatenate([part.fingerprints for part in made]),
    )


def _join_rows(rows: Rows, parts: Sequence[Rows]) -> Rows:
    """The perturbed rows of several slices, with all columns: those that perturbing does not read are as they were."""
    perturbed = pa.concat_tables([part.table for part in parts])
    table = rows.table
    if len(perturbed) < len(table):
        table = table.take(pc.index_in(perturbed.column("id"), value_set=rows.ids.combine_chunks()))
    for name in perturbed.column_names:
        table = table.set_column(table.column_names.index(name), name, perturbed.column(name))
    return Rows(table, rows.fields, blobs=rows.blobs, blob_values=[one for part in parts for one in part.blob_values])
