"""Running the probes of a plan: each on the views that it requests, with its table cached in the store."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from mqa_registry.boundary import check_identity, check_table, restart_time_limits
from mqa_registry.contributions import Batching, Probe, ProbeContext, ViewContext
from mqa_registry.errors import BlobError, ContributionError, DataError, ExitCode, MqaError
from mqa_registry.execution.inference.encoding import encode_each
from mqa_registry.execution.rows.preflight import raise_problems, wrong_input
from mqa_registry.observations import Failure, LostRows, PerturbedRows, ProbeResult
from mqa_registry.stats.randomness import generator
from mqa_registry.store import join_keys
from mqa_registry.suite import identity
from mqa_registry.types import fingerprint, name_targets
from mqa_registry.types.digests import digest_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from mqa_registry.contributions import Codec, ModelUnderTest, Runner
    from mqa_registry.errors import Problem
    from mqa_registry.execution.inference.live_backend import LiveBackend
    from mqa_registry.execution.preparation import PreparedData
    from mqa_registry.execution.resources import Resources
    from mqa_registry.observations import ObservedView
    from mqa_registry.plan import ProbeRequest, View
    from mqa_registry.types import Predictions, Rows

FORMAT = 5  # increases when the host would cache the tables of probes in another form
TABLE = "table"  # the column of the store that holds a probe's table, as an Arrow stream


class ProbeRunner:
    """Runs the probes of one run, and caches their tables.

    A runner that a probe needs is opened once for all of them. A runner that has predicted rows of this run is still
    open, and is the one that the probe gets. `failures` are those of backends that could not be prepared, by name.
    """

    def __init__(
        self,
        prepared: PreparedData,
        live: Mapping[str, LiveBackend],
        resources: Resources,
        failures: Mapping[str, Failure],
        seed: int,
    ) -> None:
        self._prepared = prepared
        self._views: Mapping[View, ObservedView] = {}
        self._live = live
        self._failures = failures
        self._seed = seed
        self._resources = replace(resources, stack=ExitStack())
        self._runners: dict[str, Runner] = {}
        self._contents: dict[str, str] = {}  # the digest of the blobs of every data set that has some
        self._wrong_input: MqaError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._resources.stack.close()
        except ContributionError as closed:  # the tables of all probes are complete by now
            self._resources.progress.stage(closed.message)

    def check(self, requests: Iterable[ProbeRequest]) -> None:
        """Let probes check their options before anything is predicted: a SuiteError or DataError with all problems.

        A request with a cached table has passed before. A probe that crashes here fails its own check later. A probe
        that reads predictions is checked without them.
        """
        problems: dict[Problem, None] = {}
        for request in requests:
            if not request.probe.checks or self._find_failure(request):
                continue
            if request.probe.inputs != "predictions" and self._read_cached(request) is not None:
                continue
            problems |= dict.fromkeys(wrong_input(request.use, partial(self._check_options, request), DataError))
            if self._wrong_input is not None:  # of a backend, which the run cannot do without
                raise self._wrong_input
        raise_problems(problems)

    def run(self, request: ProbeRequest, views: Mapping[View, ObservedView]) -> ProbeResult:
        """The result of one request: its table, cached or new, or its failure.

        `views` are the predicted views of the run. Raises only where a backend refuses the user's input.
        """
        self._views = views
        if failure := self._find_failure(request):
            return ProbeResult(failure=failure)
        perturbed = self._rows_of(request, request.view)
        lost_rows: dict[str, MqaError] = {}
        try:
            table = self._read_cached(request)
            if table is None:
                table = self._observe(request, lost_rows)
        except MqaError as error:
            if self._wrong_input is not None:  # of a backend that the probe has opened: the probe is not at fault
                raise self._wrong_input from error
            return ProbeResult(failure=Failure.of(error))
        lost = LostRows.merge([self._lost_rows(request), LostRows.of_errors(lost_rows.items())])
        left = len(perturbed.rows) - len(lost_rows)
        return ProbeResult(table, None, perturbed.declined, perturbed.changed, left, perturbed.edits, lost)

    def _find_failure(self, request: ProbeRequest) -> Failure | None:
        """Why a probe cannot run: its rows could not be perturbed, or its backend not opened or not run on them."""
        found = (self._prepared.row_sets.find_failure(view.rows) for view in request.views)
        failures = [failure for failure in found if failure is not None]
        if request.probe.inputs == "predictions":
            observed = [self._views[view] for view in request.views if view in self._views]
            failures += [view.failure for view in observed if view.failure is not None]
        if request.probe.encodes and self._prepared.model_failure is not None:
            failures.append(self._prepared.model_failure)
        if request.probe.inputs == "runner":
            names = [view.backend for view in request.views]
            failures += [self._failures[name] for name in names if name in self._failures]
            backends = [self._live[name] for name in names if name in self._live]
            failures += [failure for backend in backends if (failure := backend.opening_failure)]
        return failures[0] if failures else None

    def _rows_of(self, request: ProbeRequest, view: View) -> PerturbedRows:
        """The rows of a view; where the probe reads predictions too, without those that have none."""
        observed = self._views.get(view) if request.probe.inputs == "predictions" else None
        return observed.perturbed if observed is not None and observed.perturbed else self._perturbed_rows(view)

    def _lost_rows(self, request: ProbeRequest) -> LostRows:
        """The rows that could not be perturbed, each once. Views of predictions say themselves which rows they lost."""
        row_sets = dict.fromkeys(view.rows for view in (request.view, request.reference) if view is not None)
        if request.probe.inputs == "predictions":
            return LostRows()
        made = (self._prepared.row_sets[row_set] for row_set in row_sets)
        return LostRows.merge(one.lost for one in made if isinstance(one, PerturbedRows))

    def _perturbed_rows(self, view: View) -> PerturbedRows:
        row_set = self._prepared.row_sets[view.rows]
        assert isinstance(row_set, PerturbedRows)
        return row_set

    def _read_cached(self, request: ProbeRequest) -> pa.Table | None:
        """The cached table of a request; None where there is none, or the probe is not cacheable, as timings are not."""
        key = self._key(request)
        if self._resources.fresh:
            self._resources.store.delete(key)
        if not request.probe.cacheable:
            return None
        _, stored = self._resources.store.get(key, join_keys([key]))
        return None if stored is None else pa.ipc.open_stream(stored.column(TABLE)[0].as_py()).read_all()

    def _observe(self, request: ProbeRequest, lost: dict[str, MqaError]) -> pa.Table:
        """Run the probe, which adds the rows that it cannot read to `lost`.

        Its table is cached under the identity that the opened backends have, unless it lost rows: they are tried again.
        """
        self._resources.progress.update(request, 0, 0)

        def lose(row: str, error: MqaError) -> None:
            lost.setdefault(row, error)

        context = replace(self._context(request), lose=lose)
        table = check_table(request.use.contributor, request.use.call_method(request.probe.observe, context))
        if request.probe.cacheable and not lost:
            key = self._key(request)
            self._resources.store.put(key, [key], pa.table({TABLE: pa.array([_to_bytes(table)], pa.binary())}))
        return table

    def _check_options(self, request: ProbeRequest) -> None:
        request.use.call_method(request.probe.check, self._context(request))

    def _context(self, request: ProbeRequest) -> ProbeContext:
        view = self._view_context(request, request.view)
        reference = self._view_context(request, request.reference) if request.reference else None
        rng = generator(self._seed, "probe", request.use.key)
        batching = next((backend.batching for backend in self._live.values()), Batching())
        report = partial(self._report_progress, request)
        return ProbeContext(view, rng, reference, self._model_under_test, batching, report, _ignore_lost, encode_each)

    def _view_context(self, request: ProbeRequest, view: View) -> ViewContext:
        inputs = request.probe.inputs
        rows = self._rows_of(request, view).rows
        if inputs != "rows":
            rows = name_targets(rows, self._prepared.classes, self._find_schema(view))
        context = ViewContext(view.backend, rows, reader=self._prepared.row_sets.view_rows(view.rows, rows))
        if inputs == "predictions":
            return replace(context, predicted=self._predictions(view))
        if inputs == "runner":
            spec = self._live[view.backend].spec
            open_runner, open_codec = partial(self._runner, view.backend), partial(self._codec, view.backend)
            return replace(context, opened=open_runner, spec=spec, decoding=open_codec)
        return context

    def _find_schema(self, view: View) -> str:
        """The schema of the predictions of a view, by its model's task where there are none yet."""
        if (predictions := self._predictions(view)) is not None:
            return predictions.schema
        return self._model_under_test.task.schema if self._model_under_test is not None else "label"

    @property
    def _model_under_test(self) -> ModelUnderTest | None:
        """The model and its task, where a backend runs it or a probe encodes rows for it."""
        return next((backend.model_under_test for backend in self._live.values()), self._prepared.model_under_test)

    def _predictions(self, view: View) -> Predictions | None:
        """The predictions of a view; None before anything is predicted."""
        return self._views[view].predictions if view in self._views else None

    def _runner(self, backend: str) -> Runner:
        if backend not in self._runners:
            live = self._live[backend]
            try:
                self._runners[backend] = live.load_here(self._resources)
            except MqaError as error:
                self._wrong_input = error if error.exit_code is ExitCode.WRONG_INPUT else None
                raise
        return self._runners[backend]

    def _codec(self, backend: str) -> Codec:
        self._runner(backend)  # how its outputs are decoded is known once it is open
        return self._live[backend].codec

    def _report_progress(self, request: ProbeRequest, done: int, total: int) -> None:
        """Report the progress of a probe, with `done` clipped to its total."""
        restart_time_limits()
        self._resources.progress.update(request, max(0, min(int(done), int(total))), int(total))

    def _key(self, request: ProbeRequest) -> bytes:
        """The key of a request in the store: a digest of all that its table depends on."""
        model_under_test = self._model_under_test
        content = {
            "format": FORMAT,
            "probe": identity(request.use),
            "version": request.probe.version,
            "model_under_test": "" if model_under_test is None else model_under_test.digest,
            "seed": self._seed,
            "views": [self._view_digests(request, view) for view in request.views],
            **self._declared_identity(request),
        }
        return hashlib.blake2b(json.dumps(content, sort_keys=True, default=str).encode(), digest_size=16).digest()

    def _declared_identity(self, request: ProbeRequest) -> dict[str, Any]:
        """What the probe says that its table depends on besides; nothing for one that says nothing."""
        if type(request.probe).identity is Probe.identity:
            return {}
        declared = request.use.call_method(request.probe.identity, self._context(request))
        return {"identity": check_identity(request.use.contributor, declared)}

    def _view_digests(self, request: ProbeRequest, view: View) -> list[str]:
        """The digests of what the probe reads of a view: rows, and the backend or its predictions."""
        digests = self._row_digests(view, self._rows_of(request, view).rows)
        if request.probe.inputs == "runner":
            digests.append(self._live[view.backend].digest.hex())
        predictions = self._predictions(view) if request.probe.inputs == "predictions" else None
        if predictions is not None:
            digests += [digest_table(predictions.table), *predictions.classes]
        return digests

    def _row_digests(self, view: View, rows: Rows) -> list[str]:
        """What rows are known by. Blobs count by what they hold: the unperturbed ones, and how they were perturbed."""
        if not rows.blobs:
            return [digest_table(rows.table)]
        data = view.rows.data
        if data not in self._contents:
            self._contents[data] = _digest_examples(self._prepared.rows[data])
        perturbations = [json.dumps(identity(use), sort_keys=True, default=str) for use in view.rows.perturb]
        return [digest_table(rows.table.drop_columns(list(rows.blobs))), self._contents[data], *perturbations]


def _ignore_lost(_row: str, _error: MqaError) -> None:
    """Before rows are observed, none counts as lost."""


def _to_bytes(table: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _digest_examples(rows: Rows) -> str:
    """The digest of what rows hold, whatever their files are called."""
    digest = hashlib.blake2b(digest_size=16)
    for example in rows.examples():
        try:
            digest.update(fingerprint(example))
        except BlobError as error:
            digest.update(error.message.encode(errors="backslashreplace"))
    return digest.hexdigest()
