"""A live backend: one that runs the model, and caches its predictions in the store."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import CheckedCodec, ForwardPasses, check_identity, open_runner, read_budget, read_facts
from mqa_registry.contributions import Backend, Batching, shapes
from mqa_registry.errors import ContributionError, DataError, ExitCode, MqaError, NotRunError, OutOfMemoryError
from mqa_registry.execution.batching import join_outputs, select_encodings
from mqa_registry.execution.cache import PredictionCache
from mqa_registry.execution.missing_rows import MissingRows
from mqa_registry.execution.model_building import runner_spec
from mqa_registry.findings import Finding
from mqa_registry.naming import counted
from mqa_registry.observations import Failure, Work
from mqa_registry.store import join_keys
from mqa_registry.suite import identity
from mqa_registry.types import Predictions, get_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mqa_registry.contributions import ModelUnderTest, OutputReading, Runner, RunnerFacts
    from mqa_registry.contributions.task import Batch, Outputs
    from mqa_registry.execution.batching import Encoding
    from mqa_registry.execution.resources import Progress, Resources
    from mqa_registry.observations import BackendRecord
    from mqa_registry.plan import View
    from mqa_registry.store import Store
    from mqa_registry.store.database import Keys
    from mqa_registry.suite import Use

FORMAT = 2  # increases when the host would make other predictions of the same outputs


class LiveBackend:
    """One backend during one run: the predictions that are requested of it, and its runner once it is open.

    It is opened where some prediction is not in the store. A failure of the backend is stored in `failure`, and ends
    its predictions alone. A `candidate` comes after another backend, which shows that the task can read outputs of
    the model. `declared_identity` is what the backend says of itself before it is opened.
    """

    def __init__(
        self, name: str, use: Use, model_under_test: ModelUnderTest, store: Store, *, candidate: bool = False
    ) -> None:
        self.name = name
        self.failure: Failure | None = None
        self.work = Work()
        self.model_under_test = model_under_test
        self.batching = Batching()
        self.runner: Runner | None = None
        self._candidate = candidate
        self._use = use
        self._backend = use.contribution_as(Backend)
        self._use_identity = identity(use)
        self._passes = ForwardPasses(use.contributor)
        self._reading: OutputReading | None = None
        self._facts: RunnerFacts | None = None
        self._requested: Mapping[View, Keys] = {}
        self._missing: MissingRows | None = None  # once it is known
        self._cache = PredictionCache(store)
        declared = use.call_method(self._backend.identity, model_under_test)
        self.declared_identity = self._identity = check_identity(use.contributor, declared)
        self._update_digest()

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
    def spec(self) -> dict[str, Any] | None:
        """How another process opens it; None where that is unknown."""
        return runner_spec(self._use, self.model_under_test)

    @property
    def codec(self) -> CheckedCodec:
        """The task's codec; once the backend is open, it decodes this backend's outputs."""
        return self._checked_codec.with_reading(self._reading)

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
        self.batching = batching
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
        contributor = self._use.contributor
        opened = self._use.call_method(self._backend.open, self.model_under_test)
        runner: Runner = resources.stack.enter_context(open_runner(contributor, opened))
        self._identity, facts = read_facts(contributor, runner)
        self._update_digest()
        self._reading = self._infer_reading(runner)
        meaning = self._reading.meaning if self._reading else ""
        self._facts = replace(facts, fixed_length=self.model_under_test.codec.length, read_as=meaning)
        self._put_facts()
        self.runner = runner
        return runner

    def _infer_reading(self, runner: Runner) -> OutputReading | None:
        """How the outputs of a runner are decoded, inferred from those for the task's sample, a row at a time."""
        codec = self._checked_codec
        if not codec.reads_outputs:
            return None
        try:
            rows = list(codec.encode(self.model_under_test.samples()))
            outputs = [self._passes.run(runner, codec.collate([row])) for row in rows]
        except Exception:  # predicting the rows of the run fails too, and reports it
            return None
        return codec.read_outputs({name: join_outputs([one[name] for one in outputs]) for name in outputs[0]}, rows)

    @property
    def _checked_codec(self) -> CheckedCodec:
        codec = self.model_under_test.codec
        assert isinstance(codec, CheckedCodec)  # `build_model` binds no other
        return codec

    def _update_digest(self) -> None:
        """Bring the keys of the cache in line with the identity and the batching."""
        self._cache.set_content(
            {
                "format": FORMAT,
                "model_under_test": self.model_under_test.digest,
                "backend": self._use_identity,
                "identity": self._identity,
                "batching": self.batching.rule,
            }
        )

    def _put_facts(self) -> None:
        if self._facts is not None:
            self._cache.put_facts(self._identity, self._facts)

    # Predicting.

    def request_predictions(self, views: Mapping[View, Keys], *, fresh: bool) -> bool:
        """Request predictions for these views, with the fingerprints of their rows: whether some have to be made."""
        self._requested = views
        found, missing = self._cache.request(np.concatenate([join_keys([]), *views.values()]), fresh=fresh)
        self.work = Work(found=found)
        self._missing = MissingRows(views, join_keys([])) if not missing else None  # once open, it may lack others
        return missing > 0

    def is_complete(self, view: View) -> bool:
        """Whether every row of a view that was requested has a prediction; where some lack one, known once it predicts."""
        return self._missing is not None and self._missing.is_complete(view)

    def predict(self, encodings: Sequence[Encoding], progress: Progress) -> None:
        """Predict those of the encoded rows that are requested and missing.

        Batches are made of all that are requested, so that the batch of a row does not depend on the store.
        """
        if self._missing is None:
            self._missing = self._begin(progress)
        requested = select_encodings(encodings, self._cache.select_requested(_fingerprints(encodings)))
        missing = self._cache.select_missing(_fingerprints(requested))
        # Another backend of the same digest, or another process, may have predicted some since.
        self._count_predicted({*_fingerprints(requested)} - missing, progress)
        budget = self._record_failure(self._read_budget)
        if not budget:
            return
        batches = self.batching.batches(
            requested, budget, cost=lambda row: row.cost, shape=lambda row: shapes(row.arrays)
        )
        for batch in batches:
            rows = select_encodings(batch, missing)
            if rows and self.failure is None:
                self._record_failure(partial(self._predict_batch, rows, progress))

    def _begin(self, progress: Progress) -> MissingRows:
        """The rows that it is about to predict, which it reports."""
        missing = MissingRows(self._requested, self._cache.find_missing())
        if len(missing):
            progress.start(self.name, len(missing))
        for view, done, total in missing.list_views():
            progress.update(view, done, total)
        return missing

    def run(self, batch: Batch) -> Outputs:
        """The outputs of the open runner for a batch."""
        assert self.runner is not None
        return self._passes.run(self.runner, batch)

    def read_predictions(self, views: Mapping[View, pa.ChunkedArray]) -> dict[View, Predictions]:
        """The predictions for views that were requested, with the ids of their rows. All of them have to be there."""
        tables, missing = self._cache.read([self._requested[view] for view in views])
        if missing:
            raise MqaError(f"backend `{self.name}` left {counted(missing, 'row')} without a prediction")
        schema = self.model_under_test.task.schema
        classes = self.model_under_test.model.labels if get_schema(schema).has_classes else ()
        return {
            view: Predictions(schema, table.append_column("id", ids), classes)
            for (view, ids), table in zip(views.items(), tables, strict=True)
        }

    def _read_budget(self) -> int:
        assert self.runner is not None
        return read_budget(self._use.contributor, self.runner)

    def _predict_batch(self, rows: Sequence[Encoding], progress: Progress) -> None:
        """Run one batch, decode its outputs, and store a prediction for every example with one of these encodings."""
        predictions = self._decode(self._run_in_halves(rows), rows)
        positions = [position for position, row in enumerate(rows) for _ in row.fingerprints]
        self._cache.put(_fingerprints(rows), predictions.take(pa.array(positions, pa.int64())))
        self.work = Work(self.work.found, self.work.predicted + len(positions), self.work.passes + 1)
        self._count_predicted(_fingerprints(rows), progress)

    def _count_predicted(self, fingerprints: Iterable[bytes], progress: Progress) -> None:
        """Count examples whose predictions are in the store, and report what that is new of."""
        assert self._missing is not None  # it was started
        predicted, views = self._missing.remove(fingerprints)
        if predicted:
            progress.advance(self.name, predicted)
        for view, done, total in views:
            progress.update(view, done, total)

    def _run_in_halves(self, rows: Sequence[Encoding]) -> Outputs:
        """The outputs for one batch; of its halves, where it does not fit into memory or the model refuses it."""
        batch: Batch = self.model_under_test.codec.collate([row.arrays for row in rows])
        try:
            return self.run(batch)
        except OutOfMemoryError:
            if len(rows) == 1:
                raise
        except ContributionError as error:
            # BART's head takes no rows with different numbers of `</s>` in one batch, and each of them alone.
            if len(rows) == 1 or not isinstance(error.__cause__, Exception):
                raise
        middle = len(rows) // 2
        halves = (self._run_in_halves(rows[:middle]), self._run_in_halves(rows[middle:]))
        return {name: join_outputs([half[name] for half in halves]) for name in halves[0]}

    def _decode(self, outputs: Outputs, rows: Sequence[Encoding]) -> pa.Table:
        """The predictions in these outputs. Outputs that the task cannot read are the failure of a candidate.

        Of the first backend they are an error of the suite, as its task does not fit the model.
        """
        try:
            return self.codec.decode(outputs, [row.arrays for row in rows])
        except DataError as error:
            if not self._candidate:
                raise
            raise NotRunError(f"the task cannot read the outputs of backend `{self.name}`: {error.message}") from error

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


def _fingerprints(encodings: Sequence[Encoding]) -> list[bytes]:
    """The fingerprints of all examples with these encodings."""
    return list(chain.from_iterable(encoding.fingerprints for encoding in encodings))
