"""The workers of a run, as its process sees them, and the sessions of backends that are open on them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry.boundary import ContributionCall
from mqa_registry.contributions import Executor
from mqa_registry.errors import WorkerLostError
from mqa_registry.execution.inference.session import BackendSession
from mqa_registry.execution.rows.perturbed_rows import PerturbedPart
from mqa_registry.execution.rows.shards import SHARD_BYTES, in_flight
from mqa_registry.execution.workers.tasks import ForwardTask, OpenTask
from mqa_registry.observations import LostRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from mqa_registry.boundary import CheckedCodec
    from mqa_registry.contributions import Job, ModelUnderTest, Runner, RunnerFacts, WorkerPool
    from mqa_registry.contributions.task import Batch, Outputs
    from mqa_registry.execution.resources import Progress
    from mqa_registry.execution.rows.row_sets import PerturbTask
    from mqa_registry.execution.workers.tasks import OpenedBackend
    from mqa_registry.observations import Failure
    from mqa_registry.suite import Use

TASKS_PER_WORKER = 2  # one at work, and one that waits for it


class Workers:
    """The workers of an executor, started with the first task.

    `memory` is how many bytes the shards at work may take in this process.
    """

    def __init__(self, use: Use, job: Job, progress: Progress, *, memory: int) -> None:
        self._use = use
        self._job = job
        self._progress = progress
        self._memory = memory
        self._stack = ExitStack()
        self._pool: WorkerPool | None = None

    def close(self) -> None:
        """End all workers."""
        self._stack.close()

    @property
    def max_shards(self) -> int:
        """How many shards may be at work at a time, whether perturbed or predicted."""
        return max(1, min(TASKS_PER_WORKER * self._start().size, self._memory // (2 * SHARD_BYTES)))

    def submit(self, task: Any) -> Future[Any]:
        """Have a task run by some worker; its future raises as that of a `WorkerPool` does."""
        return self._start().submit(task)

    def perturb(self, tasks: Iterable[PerturbTask]) -> Iterator[Sequence[PerturbedPart | Failure]]:
        """What becomes of the rows of each task, in their order. Where a task is lost with its workers, its rows are."""
        submitted = ((task, self.submit(task)) for task in tasks)
        for task, future in in_flight(submitted, lambda: self.max_shards):
            try:
                yield future.result()
            except WorkerLostError as error:
                lost = PerturbedPart(task.rows.slice(0, 0), lost=LostRows.of_error(task.rows.ids.to_pylist(), error))
                yield [lost for _ in task.sets]

    def _start(self) -> WorkerPool:
        if self._pool is None:
            self._progress.stage(f"starting the workers of {self._use.name}")
            executor = self._use.contribution_as(Executor)
            opened = self._use.call_method(executor.start, self._job)
            with ContributionCall(self._use.contributor):
                self._pool = self._stack.enter_context(opened)
        return self._pool


@contextmanager
def open_workers(
    use: Use | None, make_job: Callable[[], Job], progress: Progress, *, memory: int
) -> Iterator[Workers | None]:
    """The workers of an executor, which end with the context; None where the executor is this process."""
    if use is None:
        yield None
        return
    workers = Workers(use, make_job(), progress, memory=memory)
    try:
        yield workers
    finally:
        workers.close()


@dataclass(frozen=True)
class RemoteRunner:
    """A runner that is open on the workers: each batch goes to one of them."""

    backend: str
    opened: OpenedBackend
    workers: Workers

    @property
    def identity(self) -> Mapping[str, str]:
        return self.opened.identity

    @property
    def facts(self) -> RunnerFacts:
        return self.opened.facts

    @property
    def budget(self) -> int:
        return self.opened.budget

    def run(self, batch: Batch) -> Outputs:
        """The outputs for a batch; an error of the backend as the worker raised it."""
        outputs: Outputs = self.workers.submit(ForwardTask(self.backend, batch)).result()
        return outputs


class RemoteSession(BackendSession):
    """A backend that is opened on the workers of a run. `open_here` opens it in this process too, for probes."""

    def __init__(
        self, name: str, use: Use, model_under_test: ModelUnderTest, workers: Workers, *, candidate: bool = False
    ) -> None:
        super().__init__(name, use, model_under_test, candidate=candidate)
        self.is_remote = True
        self._workers = workers
        self._here = BackendSession(name, use, model_under_test, candidate=candidate)

    @property
    def codec(self) -> CheckedCodec:
        return self._here.codec

    def open(self, stack: ExitStack) -> Runner:
        """The runner on the workers; raises any error of the backend."""
        opened: OpenedBackend = self._workers.submit(OpenTask(self.name)).result()
        self.identity, self.facts = dict(opened.identity), opened.facts
        self.runner = RemoteRunner(self.name, opened, self._workers)
        return self.runner

    def open_here(self, stack: ExitStack) -> Runner:
        return self._here.runner or self._here.open(stack)

    def run(self, batch: Batch) -> Outputs:
        assert self.runner is not None
        return self.runner.run(batch)


def make_session(
    name: str, use: Use, model_under_test: ModelUnderTest, workers: Workers | None, *, candidate: bool = False
) -> BackendSession:
    """The session of a backend on the workers, where there are any, else in this process."""
    if workers is None:
        return BackendSession(name, use, model_under_test, candidate=candidate)
    return RemoteSession(name, use, model_under_test, workers, candidate=candidate)
