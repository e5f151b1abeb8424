"""The loop over the shards of a run: rows are read, perturbed and looked up in the store, and what it lacks is predicted.

Three shards are at work at a time, where there is memory for them: one is perturbed, one encoded, and one predicted.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mqa_registry.errors import BlobError, ContributionError, DataError, MqaError, NotRunError, WorkerLostError
from mqa_registry.execution.inference.cache import TruncationCache
from mqa_registry.execution.inference.encoding import Encoder
from mqa_registry.execution.rows.shards import examples_of, in_flight, look_ahead
from mqa_registry.execution.workers.tasks import BackendPredictions, PredictedShard, PredictTask
from mqa_registry.observations import Failure, Truncation
from mqa_registry.store import split_keys

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from mqa_registry.execution.collector import Collector
    from mqa_registry.execution.inference.encoding import Encodings
    from mqa_registry.execution.inference.live_backend import LiveBackend
    from mqa_registry.execution.inference.shard_request import ShardRequest
    from mqa_registry.execution.resources import Resources
    from mqa_registry.execution.rows.row_sets import RowSets
    from mqa_registry.execution.rows.shards import ShardPart, ShardRows
    from mqa_registry.execution.workers.driver import Workers
    from mqa_registry.plan import Plan, RowSet


@dataclass(frozen=True)
class _ShardWork:
    """One shard in work: what is requested of each backend, and the encodings of its rows where some lack a prediction.

    `incomplete` are the backends that predict rows of it.
    """

    shard_rows: ShardRows
    requests: Mapping[str, ShardRequest]
    incomplete: Sequence[LiveBackend]
    encodings: Iterable[Encodings] = ()
    remote: Future[PredictedShard] | None = None  # where a worker encodes and predicts them
    finished: set[str] = field(default_factory=set)


class ShardLoop:
    """Brings the predictions of every view that runs the model to the collector, shard by shard."""

    def __init__(
        self,
        plan: Plan,
        row_sets: RowSets,
        live: Mapping[str, LiveBackend],
        resources: Resources,
        collector: Collector,
        *,
        workers: Workers | None = None,
    ) -> None:
        assert plan.suite.model is not None  # a backend runs it
        self._plan = plan
        self._row_sets = row_sets
        self._live = live
        self._model_under_test = next(iter(live.values())).model_under_test
        self._truncations = TruncationCache(resources.store, self._model_under_test, plan.suite.model.task)
        self._resources = resources
        self._collector = collector
        self._workers = workers
        self._encoder: Encoder | None = None
        self._overlaps = row_sets.workspace.overlaps
        self._encoding: ThreadPoolExecutor | None = None  # of all shards: a tokenizer is not safe in several threads
        self._truncated: dict[str, Truncation] = {}
        self._rows: dict[str, int] = {}  # of which they are summed up

    @property
    def truncations(self) -> dict[str, Truncation]:
        """How the rows of every data set were truncated, where some were."""
        return {name: one for name, one in self._truncated.items() if one.rows}

    def run(self) -> None:
        """Work on every shard. Where opening a backend changes its digest, what was looked up before is not its own."""
        with ThreadPoolExecutor(1, thread_name_prefix="mqa-encode") as pool:
            self._encoding = pool if self._overlaps else None
            while not self._run_through():
                pass

    def _run_through(self) -> bool:
        """Work on every shard in order; false where that has to begin again."""
        self._collector.begin()
        self._truncated, self._rows = {}, {}
        for name, backend in self._live.items():
            views = (view for view in self._plan.views if view.backend == name)
            totals = {view: self._row_sets.expected_rows(view.rows) for view in views}
            backend.begin(totals, fresh=self._resources.fresh)
        begun = map(self._begin, self._row_sets.shards(self._plan.row_sets))
        for work in in_flight(begun, self._max_shards):
            if work is None:
                return False
            self._finish(work)
        return True

    def _max_shards(self) -> int:
        """How many shards are begun before the first of them is finished, besides that one."""
        return int(self._overlaps) if self._workers is None else self._workers.max_shards

    def _begin(self, shard_rows: ShardRows) -> _ShardWork | None:
        """Look a shard up, open the backends that lack some of it, and begin to encode it; None where a digest changed."""
        self._collector.collect_settled()
        requests = {name: self._request(backend, shard_rows) for name, backend in self._live.items()}
        incomplete = [self._live[name] for name, request in requests.items() if request.has_missing]
        if incomplete:
            self._refuse_unusable_rows(requests, shard_rows)
        for backend in incomplete:
            digest = backend.digest
            backend.open(self._resources)
            if backend.digest != digest:
                if backend.has_found:
                    return None
                requests[backend.name] = self._request(backend, shard_rows)
        self._collector.collect_settled()
        predicting = [one for one in incomplete if one.failure is None and requests[one.name].has_missing]
        if predicting and self._workers is not None:
            return _ShardWork(shard_rows, requests, predicting, remote=self._submit(predicting, requests, shard_rows))
        encodings: Iterable[Encodings] = ()
        if predicting:
            self._encoder = self._encoder or Encoder(predicting[0].codec.with_array_rows())
            has_found = any(backend.has_found for backend in self._live.values())
            examples = examples_of(_requested_parts(requests, shard_rows).values())
            groups = self._encoder.encode(examples, has_found=has_found)
            encodings = look_ahead(groups, self._encoding)
        return _ShardWork(shard_rows.without_blobs(), requests, predicting, encodings)

    def _submit(
        self, backends: Sequence[LiveBackend], requests: Mapping[str, ShardRequest], shard_rows: ShardRows
    ) -> Future[PredictedShard]:
        """Have a worker predict what backends lack of a shard."""
        assert self._workers is not None
        parts = [part.without_columns() for part in _requested_parts(requests, shard_rows).values()]
        requested = {backend.name: backend.describe_request(requests[backend.name]) for backend in backends}
        return self._workers.submit(PredictTask(parts, requested, backends[0].batching))

    def _request(self, backend: LiveBackend, shard_rows: ShardRows) -> ShardRequest:
        views = (view for view in self._plan.views if view.backend == backend.name)
        parts = shard_rows.parts
        return backend.request({view: parts[view.rows].fingerprints for view in views if view.rows in parts})

    def _refuse_unusable_rows(self, requests: Mapping[str, ShardRequest], shard_rows: ShardRows) -> None:
        """A DataError for the first row of a shard that the model cannot run."""
        for row_set, part in _requested_parts(requests, shard_rows).items():
            try:
                unusable = self._model_under_test.codec.find_unusable(list(part.rows.examples()))
            except BlobError:  # that row is lost when it is encoded
                continue
            if unusable is not None:
                index, reason = unusable
                raise DataError(f"row `{part.rows.ids[index]}` of `{row_set.name}` cannot be run: {reason}")

    def _finish(self, work: _ShardWork) -> None:
        """Predict what a shard lacks, and hand its predictions to the collector: those of the store first."""
        self._collect_others(work, [backend.name for backend in work.incomplete])
        if work.remote is not None:
            self._receive(work, work.remote)
        try:
            for encodings in work.encodings:
                self._truncations.put(encodings.full_costs, self._model_under_test.codec.limit)
                for backend in work.incomplete:
                    backend.predict(work.requests[backend.name], encodings, self._resources.progress)
                    if encodings.is_last:
                        self._collect(work, backend)
        except DataError as error:
            raise self._name_row(work, error) from error
        except (ContributionError, NotRunError) as error:  # of the task, whose encodings all backends need
            for backend in work.incomplete:
                backend.failure = backend.failure or Failure.of(error)
        self._collect_others(work, work.finished)
        self._count_truncated(work.shard_rows)

    def _name_row(self, work: _ShardWork, error: DataError) -> DataError:
        """The error of encoding a shard with the row that has it; as it is where no row alone does."""
        codec = self._model_under_test.codec
        for row_set, part in _requested_parts(work.requests, work.shard_rows).items():
            for row_id, example in zip(part.rows.ids.to_pylist(), part.rows.examples(), strict=True):
                try:
                    codec.encode([example])
                except MqaError as found:
                    if found.message == error.message:
                        message = f"row `{row_id}` of `{row_set.name}` cannot be run: {error.message}"
                        return DataError(message, hint=error.hint)
        return error

    def _receive(self, work: _ShardWork, remote: Future[PredictedShard]) -> None:
        """Take over what a worker has predicted of a shard; where it was lost with its workers, its rows are."""
        try:
            predicted = remote.result()
        except WorkerLostError as error:
            names = {one.name: split_keys(work.requests[one.name].distinct) for one in work.incomplete}
            lost = {name: BackendPredictions(lost=dict.fromkeys(keys, error)) for name, keys in names.items()}
            predicted = PredictedShard(lost)
        self._truncations.put(predicted.full_costs, self._model_under_test.codec.limit)
        for backend in work.incomplete:
            request, made = work.requests[backend.name], predicted.backends[backend.name]
            backend.accept_shard(request, made, self._resources.progress)
            self._collect(work, backend)

    def _collect_others(self, work: _ShardWork, names: Container[str]) -> None:
        for backend in self._live.values():
            if backend.name not in names and backend.name not in work.finished:
                self._collect(work, backend)

    def _collect(self, work: _ShardWork, backend: LiveBackend) -> None:
        work.finished.add(backend.name)
        parts = backend.finish(work.requests[backend.name])
        self._collector.add(parts, work.shard_rows)
        for view in parts:
            backend.expect(view, self._row_sets.expected_rows(view.rows))
        if work.shard_rows.shard.is_last:
            self._collector.collect_data(work.shard_rows.shard.data, backend.name)

    def _count_truncated(self, shard_rows: ShardRows) -> None:
        """Sum up how rows of the data set were truncated: of its unperturbed rows, else of its first set of rows."""
        data = shard_rows.shard.data
        sets = sorted(shard_rows.parts, key=lambda row_set: len(row_set.perturb))
        if not sets:
            return
        keys = shard_rows.parts[sets[0]].fingerprints
        rows = self._rows[data] = self._rows.get(data, 0) + len(keys)
        before = self._truncated.get(data, Truncation(0, 0.0, 0, 0))
        now = self._truncations.summarize(keys) or Truncation(0, 0.0, 0, 0)
        count = before.rows + now.rows
        self._truncated[data] = Truncation(
            count, count / max(1, rows), max(before.longest, now.longest), max(before.limit, now.limit)
        )


def _requested_parts(requests: Mapping[str, ShardRequest], shard_rows: ShardRows) -> dict[RowSet, ShardPart]:
    """The parts of a shard that some backend predicts, each once."""
    views = (view for request in requests.values() for view in request.views)
    return {view.rows: shard_rows.parts[view.rows] for view in views}
