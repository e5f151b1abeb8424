"""Looking: letting the probes of a plan see what they ask to see, and keeping what they saw."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import check_table, restart_time_limits
from mqa_registry.contributions import Batching, ProbeContext, ViewContext
from mqa_registry.errors import ContributionError, DataError, ExitCode, MqaError
from mqa_registry.execution.preflight import raise_problems, wrong_input
from mqa_registry.observations import Failure, PerturbedRows, ProbeResult
from mqa_registry.stats.randomness import generator
from mqa_registry.store import join_keys
from mqa_registry.suite import identity
from mqa_registry.types import name_targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from mqa_registry.contributions import Codec, ModelUnderTest, Runner
    from mqa_registry.errors import Problem
    from mqa_registry.execution.live_backend import LiveBackend
    from mqa_registry.execution.progress import Progress
    from mqa_registry.observations import ObservedView, PreparedData
    from mqa_registry.plan import Sight, View
    from mqa_registry.store import Store
    from mqa_registry.types import Predictions

FORMAT = 2  # counts up when the host itself would keep what probes saw in another form


class Looking:
    """One run's probes: the runners that are open for them, each loaded once, and the store of what they saw.

    A runner that predicted rows of this run is still open, and is the one that a probe sees.
    """

    def __init__(
        self,
        prepared: PreparedData,
        live: Mapping[str, LiveBackend],
        store: Store,
        progress: Progress,
        *,
        lost: Mapping[str, Failure],
        seed: int,
        fresh: bool,
    ) -> None:
        self._prepared = prepared
        self._views: Mapping[View, ObservedView] = {}
        self._live = live
        self._lost = lost
        self._seed = seed
        self._store = store
        self._progress = progress
        self._fresh = fresh
        self._stack = ExitStack()
        self._open: dict[str, Runner] = {}
        self._wrong_input: MqaError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._stack.close()
        except ContributionError as closed:  # what was seen until then is whole
            self._progress.stage(closed.message)

    def check(self, sights: Iterable[Sight]) -> None:
        """Let probes say which of their options do not fit, before anything is predicted: a SuiteError or DataError.

        What the store has was seen with options that do. A probe that crashes here is its check's own failure later.
        """
        problems: dict[Problem, None] = {}
        for sight in sights:
            if sight.probe.checks and not self._failed_before(sight) and self._kept(sight) is None:
                problems |= dict.fromkeys(wrong_input(sight.use, partial(self._check, sight), DataError))
                if self._wrong_input is not None:  # of a backend, which the run cannot do without
                    raise self._wrong_input
        raise_problems(problems)

    def _check(self, sight: Sight) -> None:
        sight.use.call_method(sight.probe.check, self._context(sight))

    def at(self, sight: Sight, views: Mapping[View, ObservedView]) -> ProbeResult:
        """What a probe sees, from the store where it is kept there; a failure is the sight's own."""
        self._views = views
        if failure := self._failed_before(sight):
            return ProbeResult(failure=failure)
        seen = self._seen(sight.view)
        try:
            table = self._kept(sight)
            if table is None:
                table = self._looked(sight)
        except MqaError as error:
            if self._wrong_input is not None:  # of a backend that the probe had opened, and no doing of the probe
                raise self._wrong_input from error
            return ProbeResult(failure=Failure.of(error))
        return ProbeResult(table, None, seen.declined, seen.changed, len(seen.rows), seen.edits)

    def _failed_before(self, sight: Sight) -> Failure | None:
        """Why a sight has nothing to show, where its rows could not be made or predicted."""
        rows = (self._prepared.row_sets[view.rows] for view in sight.views)
        failures = [seen for seen in rows if isinstance(seen, Failure)]
        if sight.probe.inputs == "predictions":
            known = (self._views[view] for view in sight.views if view in self._views)  # none before predicting
            failures += [one.failure for one in known if one.failure]
        if sight.probe.inputs == "runner":
            failures += [self._lost[view.backend] for view in sight.views if view.backend in self._lost]
            failures += [one.unopened for view in sight.views if (one := self._live.get(view.backend)) and one.unopened]
        return failures[0] if failures else None

    def _seen(self, view: View) -> PerturbedRows:
        seen = self._prepared.row_sets[view.rows]
        assert isinstance(seen, PerturbedRows)
        return seen

    def _kept(self, sight: Sight) -> pa.Table | None:
        """What the store has of a sight; nothing of a timing."""
        key = self._key(sight)
        if self._fresh:
            self._store.delete(key)
        if not sight.probe.cacheable:
            return None
        _, table = self._store.get(key, join_keys([key]))
        return None if table is None else pa.ipc.open_stream(table.column("seen")[0].as_py()).read_all()

    def _looked(self, sight: Sight) -> pa.Table:
        """Let the probe look, and keep what it saw under what was really open."""
        self._progress.stage(f"looking: {sight.use.name}")
        table = check_table(sight.use.contributor, sight.use.call_method(sight.probe.observe, self._context(sight)))
        if sight.probe.cacheable:
            key = self._key(sight)
            self._store.put(key, [key], pa.table({"seen": pa.array([_bytes(table)], pa.binary())}))
        return table

    def _context(self, sight: Sight) -> ProbeContext:
        reference = self._view_context(sight, sight.reference) if sight.reference else None
        rng = generator(self._seed, "probe", sight.use.key)
        batching = next((backend.batching for backend in self._live.values()), Batching())
        view, tell = self._view_context(sight, sight.view), partial(self._tell, sight)
        return ProbeContext(view, rng, reference, self._model_under_test, batching, tell)

    @property
    def _model_under_test(self) -> ModelUnderTest | None:
        """The model and its task, where a backend runs it."""
        return next((backend.model_under_test for backend in self._live.values()), None)

    def _tell(self, sight: Sight, done: int, total: int) -> None:
        """How far a probe says that it is; the name on a line for people is its own."""
        restart_time_limits()
        self._progress.look(sight.use.name, max(0, min(int(done), int(total))), int(total))

    def _view_context(self, sight: Sight, view: View) -> ViewContext:
        sees = sight.probe.inputs
        predictions = self._predictions(view) if sees == "predictions" else None
        opened = partial(self._runner, view.backend) if sees == "runner" else None
        spec = self._live[view.backend].spec if sees == "runner" else None
        decoding = partial(self._codec, view.backend) if sees == "runner" else None
        rows = self._seen(view).rows
        if sees != "rows" and self._prepared.classes:
            rows = name_targets(rows, self._prepared.classes)
        return ViewContext(view.backend, rows, predictions, opened, spec, decoding)

    def _predictions(self, view: View) -> Predictions | None:
        return self._views[view].predictions if view in self._views else None

    def _runner(self, backend: str) -> Runner:
        if backend not in self._open:
            live = self._live[backend]
            try:
                self._open[backend] = live.runner or live.load(self._stack, self._progress)
            except MqaError as error:
                self._wrong_input = error if error.exit_code is ExitCode.WRONG_INPUT else None
                raise
        return self._open[backend]

    def _codec(self, backend: str) -> Codec:
        self._runner(backend)  # how its outputs are decoded is known once it is open
        return self._live[backend].codec

    def _key(self, sight: Sight) -> bytes:
        """All that a sight depends on."""
        whole = {
            "format": FORMAT,
            "probe": identity(sight.use),
            "version": sight.probe.version,
            "subject": "" if (model_under_test := self._model_under_test) is None else model_under_test.digest,
            "seed": self._seed,
            "views": [self._digests(sight, view) for view in sight.views],
        }
        return hashlib.blake2b(json.dumps(whole, sort_keys=True, default=str).encode(), digest_size=16).digest()

    def _digests(self, sight: Sight, view: View) -> list[str]:
        """What a view depends on, as far as the probe sees it."""
        digests = [_digest(self._seen(view).rows.table)]
        if sight.probe.inputs == "runner":
            digests.append(self._live[view.backend].digest.hex())
        predictions = self._predictions(view) if sight.probe.inputs == "predictions" else None
        if predictions is not None:
            digests += [_digest(predictions.table), *predictions.classes]
        return digests


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _digest(table: pa.Table) -> str:
    """A digest of a table's content, however it is cut into chunks."""
    whole = pa.Table.from_arrays([_whole(column) for column in table.columns], schema=table.schema)
    return hashlib.blake2b(_bytes(whole), digest_size=16).hexdigest()


def _whole(column: pa.ChunkedArray) -> Any:
    """A column in one piece that starts at its own beginning, so that equal columns have equal bytes."""
    return column.combine_chunks().take(pa.array(np.arange(len(column))))
