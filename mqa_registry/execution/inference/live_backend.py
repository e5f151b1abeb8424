"""A live backend: one that runs the model, and caches its predictions in the store."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.errors import ContributionError, ExitCode, MqaError, NotRunError
from mqa_registry.execution.inference.cache import PredictionCache
from mqa_registry.execution.inference.encoding import select_encodings
from mqa_registry.execution.inference.missing_rows import MissingRows
from mqa_registry.execution.inference.shard_request import ShardRequest, read_part
from mqa_registry.execution.workers.driver import make_session
from mqa_registry.execution.workers.tasks import BackendRequest
from mqa_registry.findings import Finding
from mqa_registry.observations import Failure, Work
from mqa_registry.store import join_keys, split_keys
from mqa_registry.suite import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mqa_registry.boundary import CheckedCodec
    from mqa_registry.contributions import Batching, ModelUnderTest, Runner
    from mqa_registry.contributions.task import Batch, Outputs
    from mqa_registry.execution.inference.encoding import Encoding, Encodings
    from mqa_registry.execution.inference.session import BatchPredictions
    from mqa_registry.execution.inference.shard_request import ViewPart
    from mqa_registry.execution.resources import Progress, Resources
    from mqa_registry.execution.workers.driver import Workers
    from mqa_registry.execution.workers.tasks import BackendPredictions
    from mqa_registry.observations import BackendRecord
    from mqa_registry.plan import View
    from mqa_registry.store import Store
    from mqa_registry.store.database import Keys
    from mqa_registry.suite import Use

FORMAT = 2  # increases when the host would make other predictions of the same outputs


class LiveBackend:
    """One backend during one run: the predictions that are requested of it, shard by shard.

    It is opened where some prediction is not in the store. A failure of the backend is stored in `failure`, and ends
    its predictions alone; what the store has is still read.
    """

    def __init__(
        self,
        name: str,
        use: Use,
        model_under_test: ModelUnderTest,
        store: Store,
        *,
        candidate: bool = False,
        workers: Workers | None = None,
    ) -> None:
        self.name = name
        self.failure: Failure | None = None
        self.work = Work()
        self.has_found = False  # some prediction of this run in the store
        self._use_identity = identity(use)
        self._session = make_session(name, use, model_under_test, workers, candidate=candidate)
        self._cache = PredictionCache(store)
        self._totals: dict[View, int] = {}  # rows of each view
        self._done: dict[View, int] = {}  # of them, those of shards before
        self._is_started = False
        self._update_digest()

    # What it is.

    @property
    def model_under_test(self) -> ModelUnderTest:
        return self._session.model_under_test

    @property
    def batching(self) -> Batching:
        return self._session.batching

    @property
    def runner(self) -> Runner | None:
        """The runner, once it is open."""
        return self._session.runner

    @property
    def codec(self) -> CheckedCodec:
        """The task's codec; once the backend is open, it decodes this backend's outputs."""
        return self._session.codec

    @property
    def spec(self) -> dict[str, Any] | None:
        """How another process opens it; None where that is unknown."""
        return self._session.spec

    @property
    def declared_identity(self) -> Mapping[str, str]:
        """What the backend says of itself before it is opened."""
        return self._session.declared_identity

    @property
    def opening_failure(self) -> Failure | None:
        """Why it could not be opened; None where it failed on some rows alone, so that a probe can still run it."""
        return self.failure if self.runner is None else None

    @property
    def model(self) -> dict[str, Any]:
        """The digest of the model, what its source reports of it, and its task, in the words of model hubs."""
        model, task = self.model_under_test.model, self.model_under_test.task
        return {"digest": model.digest, **model.about, "task": task.needs or task.name}

    @property
    def digest(self) -> bytes:
        """The digest of all that its predictions depend on except the example; it may change when it is opened."""
        return self._cache.digest

    @property
    def record(self) -> BackendRecord:
        """What it ran on, in this run or in the one that filled the store, and the digest of what it is."""
        return self._cache.record

    def findings(self) -> list[Finding]:
        """How its outputs were read, where that is not as usual."""
        read_as = self.record.facts.read_as
        return [Finding("note", self.name, f"its outputs are read as {read_as}")] if read_as else []

    def set_batching(self, batching: Batching) -> None:
        """Batch rows by this rule from now on. Predictions that were made by another rule count as missing."""
        self._session.batching = batching
        self._update_digest()
        self._put_facts()

    # Opening.

    def open(self, resources: Resources) -> None:
        """Open the runner, once; an error becomes the backend's failure."""
        if self.runner is None and self.failure is None:
            self._record_failure(partial(self.load, resources))

    def load(self, resources: Resources) -> Runner:
        """The runner, loaded and open; raises any error of the backend."""
        resources.progress.stage(f"loading {self.name}")
        digest, runner = self.digest, self._session.open(resources.stack)
        self._update_digest()
        if resources.fresh and self.digest != digest:
            self._cache.delete()
        self._put_facts()
        return runner

    def load_here(self, resources: Resources) -> Runner:
        """A runner in this process, whatever the executor: for probes. Raises any error of the backend."""
        return (
            self._session.open_here(resources.stack) if self._session.is_remote else self.runner or self.load(resources)
        )

    def run(self, batch: Batch) -> Outputs:
        """The outputs of the open runner for a batch."""
        return self._session.run(batch)

    def _update_digest(self) -> None:
        """Bring the keys of the cache in line with the identity and the batching."""
        self._cache.set_content(
            {
                "format": FORMAT,
                "model_under_test": self.model_under_test.digest,
                "backend": self._use_identity,
                "identity": self._session.identity,
                "batching": self.batching.rule,
            }
        )

    def _put_facts(self) -> None:
        if self._session.facts is not None:
            self._cache.put_facts(self._session.identity, self._session.facts)

    # Predicting.

    def begin(self, totals: Mapping[View, int], *, fresh: bool) -> None:
        """Begin with the first shard, of views with so many rows. With `fresh`, what the store has is deleted first."""
        self._totals, self._done = dict(totals), dict.fromkeys(totals, 0)
        self.work, self.has_found = Work(), False
        if fresh:
            self._cache.delete()

    def request(self, views: Mapping[View, Keys]) -> ShardRequest:
        """Look the rows of a shard up in the store."""
        distinct = np.unique(np.concatenate([join_keys([]), *views.values()]))
        positions, table = self._cache.read(distinct)
        missing = int((positions < 0).sum())
        self.has_found = self.has_found or missing < len(distinct)
        if missing:
            self._cache.repair()
        if table is not None:
            table = None if missing else table.take(pa.array(positions))
        return ShardRequest(views, distinct, table)

    def predict(self, request: ShardRequest, encodings: Encodings, progress: Progress) -> None:
        """Predict those of the encoded rows that are requested and missing."""
        requested = set(split_keys(request.distinct))
        rows = select_encodings(encodings.rows, requested)
        names = [name for row in rows for name in row.fingerprints]
        if request.missing is None:
            request.missing = self._start(request, progress)
            lacking = request.missing.fingerprints  # looked up just now
        else:
            # Another backend of the same digest, another process, or the shard before may have predicted some since.
            lacking = self._cache.find_missing(join_keys(names))
        missing = set(split_keys(lacking)).intersection(names)
        self.has_found = self.has_found or len(missing) < len(names)
        self._count_predicted(request, {*names} - missing, progress)
        request.lost |= {name: error for name, error in encodings.lost.items() if name in requested}
        if self.failure is None:
            self._record_failure(partial(self._predict, request, rows, missing, progress))

    def _predict(
        self, request: ShardRequest, rows: Sequence[Encoding], missing: set[bytes], progress: Progress
    ) -> None:
        for batch in self._session.predict(rows, missing, has_found=self.has_found):
            self.accept(request, batch, progress)

    def accept(self, request: ShardRequest, batch: BatchPredictions, progress: Progress) -> None:
        """Store what a batch of a shard gave, and count its rows."""
        if request.missing is None:
            request.missing = self._start(request, progress)
        request.lost |= batch.lost
        if batch.table is not None:
            self._cache.put(batch.fingerprints, batch.table)
        predicted = len(batch.fingerprints)
        self.work = replace(self.work, predicted=self.work.predicted + predicted, passes=self.work.passes + 1)
        self._count_predicted(request, [*batch.fingerprints, *batch.lost], progress)

    def describe_request(self, request: ShardRequest) -> BackendRequest:
        """What a worker has to know to predict a shard."""
        return BackendRequest(request.distinct, self._cache.find_missing(request.distinct), has_found=self.has_found)

    def accept_shard(self, request: ShardRequest, predictions: BackendPredictions, progress: Progress) -> None:
        """Store what a worker has predicted of a shard."""
        if predictions.identity:
            self._record_failure(partial(self._session.check_identity, predictions.identity))
        if self.failure is not None:
            return
        for batch in predictions.batches:
            self.accept(request, batch, progress)
        request.lost |= predictions.lost
        self.failure = predictions.failure

    def finish(self, request: ShardRequest) -> dict[View, ViewPart]:
        """The predictions of the views in a shard, once all that can be predicted is."""
        positions, table = np.arange(len(request.distinct)), request.table
        if request.has_missing:
            positions, table = self._cache.read(request.distinct)
        if request.missing is None:
            self.work = replace(self.work, found=self.work.found + int((positions >= 0).sum()))
        for view, keys in request.views.items():
            self._done[view] += len(keys)
        return {view: read_part(request, keys, positions, table) for view, keys in request.views.items()}

    def expect(self, view: View, rows: int) -> None:
        """Correct how many rows a view has, as perturbations decline some."""
        self._totals[view] = rows

    def _start(self, request: ShardRequest, progress: Progress) -> MissingRows:
        """The rows of a shard that it is about to predict. The first time, it reports all rows that are left."""
        missing = MissingRows(request.views, self._cache.find_missing(request.distinct))
        self.work = replace(self.work, found=self.work.found + len(request.distinct) - len(missing))
        counts = list(missing.list_views())
        if len(missing) and not self._is_started:
            done = sum(self._done.values()) + sum(done for _, done, _ in counts)
            progress.start(self.name, sum(self._totals.values()) - done)
            self._is_started = True
        self._report(counts, progress)
        return missing

    def _count_predicted(self, request: ShardRequest, fingerprints: Iterable[bytes], progress: Progress) -> None:
        """Count examples that are settled, and report what that is new of."""
        assert request.missing is not None  # it was started
        rows, counts = request.missing.remove(fingerprints)
        if rows:
            progress.advance(self.name, rows)
        self._report(counts, progress)

    def _report(self, counts: Iterable[tuple[View, int, int]], progress: Progress) -> None:
        for view, done, _ in counts if self._is_started else ():
            progress.update(view, self._done[view] + done, self._totals[view])

    def _record_failure(self, step: Callable[[], Any]) -> Any:
        """The result of a step. An error becomes the failure of this backend, unless the user's input is wrong."""
        try:
            return step()
        except ContributionError as error:
            self.failure = Failure.of_error(error)
        except MqaError as error:
            if error.exit_code is ExitCode.WRONG_INPUT or not isinstance(error, NotRunError):
                raise
            self.failure = Failure.of_refusal(error)
        return None
