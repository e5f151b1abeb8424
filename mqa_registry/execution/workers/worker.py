"""A worker: a process that plans the suite of a run again, opens its backends once, and does the tasks of the run.

What it does depends on its task alone. It reads no store and writes none.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from mqa_registry.boundary import limit_calls, read_budget, redact_messages, supervise
from mqa_registry.errors import ContributionError, NotRunError
from mqa_registry.execution.inference.batching import find_fixed_lengths, with_fixed_length
from mqa_registry.execution.inference.encoding import Encoder, select_encodings
from mqa_registry.execution.inference.session import BackendSession
from mqa_registry.execution.model_building import build_model
from mqa_registry.execution.preparation import is_candidate, live_backends_of
from mqa_registry.execution.rows.datasets import load_dataset
from mqa_registry.execution.rows.row_sets import PerturbTask, ShardPerturber
from mqa_registry.execution.rows.shards import examples_of
from mqa_registry.execution.workers.tasks import (
    BackendPredictions,
    ForwardTask,
    OpenedBackend,
    OpenTask,
    PredictedShard,
    PredictTask,
)
from mqa_registry.observations import Failure
from mqa_registry.store import split_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mqa_registry.contributions import ModelUnderTest, RunContext
    from mqa_registry.contributions.task import Outputs
    from mqa_registry.errors import MqaError
    from mqa_registry.execution.inference.encoding import Encodings
    from mqa_registry.execution.inference.session import BatchPredictions
    from mqa_registry.execution.workers.tasks import BackendRequest
    from mqa_registry.plan import Plan
    from mqa_registry.types import Rows


class RunWorker:
    """Does the tasks of one run.

    `timeout` is the time limit of a call into a plugin, in seconds; None is that of the call's kind. Without `texts`, no
    message repeats what a row says.
    """

    def __init__(self, plan: Plan, context: RunContext, *, timeout: float | None = None, texts: bool = True) -> None:
        self._plan = plan
        self._perturber = ShardPerturber.of(plan)
        self._context = context
        self._timeout = timeout
        self._texts = texts
        self._stack = ExitStack()  # of runners, which stay open as long as the process
        self._model_under_test: ModelUnderTest | None = None
        self._sessions: dict[str, BackendSession] = {}
        self._encoder: Encoder | None = None

    def run(self, task: Any) -> Any:
        """The result of a task. Raises an MqaError where the run has to end.

        The process exits where a call into a plugin does not end in time and cannot be stopped.
        """
        with supervise(may_exit=True), limit_calls(self._timeout), redact_messages(enabled=not self._texts):
            match task:
                case PerturbTask():
                    return self._perturber.perturb(task)
                case OpenTask():
                    return self._open(task)
                case ForwardTask():
                    return self._forward(task)
                case PredictTask():
                    return self._predict(task)
        raise TypeError(f"`{type(task).__name__}` is no task of a worker")

    # Predicting.

    def _open(self, task: OpenTask) -> OpenedBackend:
        session = self._session(task.backend)
        assert session.runner is not None  # it is open
        assert session.facts is not None  # likewise
        contributor = self._plan.suite.backends[task.backend].contributor
        return OpenedBackend(session.identity, session.facts, read_budget(contributor, session.runner))

    def _forward(self, task: ForwardTask) -> Outputs:
        return self._session(task.backend).run(task.batch)

    def _predict(self, task: PredictTask) -> PredictedShard:
        shards = {name: _BackendShard(request) for name, request in task.requests.items()}
        for name, shard in shards.items():
            try:
                shard.open(self._session(name))
            except (ContributionError, NotRunError) as error:
                shard.failure = Failure.of(error)
        full_costs: dict[bytes, int] = {}
        opened = [shard.session for shard in shards.values() if shard.session is not None]
        try:
            for encodings in self._encode(opened[0], task) if opened else ():
                full_costs |= encodings.full_costs
                for shard in shards.values():
                    shard.predict(encodings, task)
        except (ContributionError, NotRunError) as error:  # of the task, whose encodings all backends need
            for shard in shards.values():
                shard.failure = shard.failure or Failure.of(error)
        return PredictedShard({name: shard.predictions() for name, shard in shards.items()}, full_costs)

    def _encode(self, session: BackendSession, task: PredictTask) -> Iterable[Encodings]:
        if self._encoder is None:
            self._encoder = Encoder(session.codec.with_array_rows())
        has_found = any(request.has_found for request in task.requests.values())
        return self._encoder.encode(examples_of(task.parts), has_found=has_found)

    def _session(self, name: str) -> BackendSession:
        """The session of a backend, which is open; raises any error of the backend."""
        if name not in self._sessions:
            use, candidate = self._plan.suite.backends[name], is_candidate(self._plan, name)
            session = BackendSession(name, use, self._model(), candidate=candidate)
            session.open(self._stack)
            self._sessions[name] = session
        return self._sessions[name]

    def _model(self) -> ModelUnderTest:
        """The model under test, as the process of the run has it."""
        if self._model_under_test is None:
            suite = self._plan.suite
            assert suite.model is not None  # a backend runs it
            made = build_model(suite.model, self._context, self._first_rows)
            uses = {name: suite.backends[name] for name in live_backends_of(self._plan)}
            self._model_under_test = with_fixed_length(made, find_fixed_lengths(uses, made)[0])
        return self._model_under_test

    def _first_rows(self) -> Rows:
        """The rows of which the model under test takes examples, as where a file is exported that is not there yet."""
        suite, needed = self._plan.suite, dict.fromkeys(row_set.data for row_set in self._plan.row_sets)
        first = next(iter(suite.data))
        name = first if first in needed else next(iter(needed))
        return load_dataset(suite.data[name], self._plan.task, self._context, suite.seed, ())


class _BackendShard:
    """One shard on one backend, while it is predicted."""

    def __init__(self, request: BackendRequest) -> None:
        self.session: BackendSession | None = None
        self.failure: Failure | None = None
        self._requested, self._missing = set(split_keys(request.requested)), set(split_keys(request.missing))
        self._has_found = request.has_found
        self._batches: list[BatchPredictions] = []
        self._lost: dict[bytes, MqaError] = {}

    def open(self, session: BackendSession) -> None:
        self.session = session

    def predict(self, encodings: Encodings, task: PredictTask) -> None:
        """Predict those of the encoded rows that are missing. An error becomes its failure, unless the input is wrong."""
        self._lost |= {name: error for name, error in encodings.lost.items() if name in self._requested}
        if self.session is None or self.failure is not None:
            return
        self.session.batching = task.batching
        try:
            rows = select_encodings(encodings.rows, self._requested)
            self._batches += self.session.predict(rows, self._missing, has_found=self._has_found)
        except (ContributionError, NotRunError) as error:
            self.failure = Failure.of(error)

    def predictions(self) -> BackendPredictions:
        identity = self.session.identity if self.session else {}
        return BackendPredictions(self._batches, self._lost, self.failure, identity)
