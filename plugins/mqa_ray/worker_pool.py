"""Workers as Ray actors: each loads the run once and takes one task at a time.

Ray starts them where there is room, starts them again when they die, and repeats the task that they had. What is left to do
here is to give the next task to the actor that is free.
"""

from __future__ import annotations

import pickle
import threading
import zlib
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from mqa_registry import MqaError, NotRunError, WorkerLostError, summarize_error

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.actor import ActorHandle

    from mqa_registry import Job, Worker

MAX_DEATHS = 3  # of workers that had one task
START_AGAIN = -1  # as often as a worker dies


def serialize_job(job: Job) -> bytes:
    """A job as bytes, small enough to go with the order to start an actor. Raises whatever pickle does."""
    from ray import cloudpickle

    return zlib.compress(cloudpickle.dumps(job))


@dataclass(frozen=True)
class Outcome:
    """What became of a task: its result, or the error that ends the run. Errors of other kinds are bugs, and Ray's to tell."""

    result: Any = None
    error: MqaError | None = None


class RayWorker:
    """The actor: a worker of the run in a process of its own. `job` is what `serialize_job` gives."""

    def __init__(self, job: bytes) -> None:
        from ray import cloudpickle

        self._worker: Worker | None = None
        self._error: MqaError | None = None
        try:  # an actor whose construction fails is gone for good, and tells nobody why
            self._worker = cloudpickle.loads(zlib.decompress(job)).start()
        except MqaError as error:
            self._error = error

    def run(self, task: Any) -> bytes:
        """What becomes of a task: an `Outcome`, pickled.

        Ray would share the arrays of a result with the process of the run. Each of them keeps the whole result in the object
        store, where rows with few columns are kept of it until the run ends.
        """
        return pickle.dumps(self._run(task), pickle.HIGHEST_PROTOCOL)

    def _run(self, task: Any) -> Outcome:
        if self._worker is None:
            return Outcome(error=self._error)
        try:
            return Outcome(self._worker.run(task))
        except MqaError as error:
            return Outcome(error=error)


@dataclass(frozen=True, eq=False)
class _Submitted:
    """A task in Ray's object store, and the future of its result."""

    task: ObjectRef[Any]
    future: Future[Any]


@dataclass(frozen=True)
class _Ended:
    """A task that an actor has ended, with Ray's future of its outcome."""

    submitted: _Submitted
    actor: ActorHandle[Any]
    outcome: Future[bytes]


class RayWorkerPool:
    """As many actors as asked for, and a thread that gives them tasks in the order in which they were submitted."""

    def __init__(self, job: bytes, size: int, *, cpus: float, gpus: float) -> None:
        import ray

        started = ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=START_AGAIN, max_task_retries=MAX_DEATHS - 1)
        actor: Any = started(RayWorker)
        self.size = size
        self._actors: list[ActorHandle[Any]] = [actor.remote(job) for _ in range(size)]
        self._events: SimpleQueue[_Submitted | _Ended | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._dispatch, name="mqa-ray-dispatch", daemon=True)
        self._thread.start()

    def submit(self, task: Any) -> Future[Any]:
        """Have a task run by the next actor that is free; what its future raises is as `WorkerPool` says."""
        import ray

        submitted = _Submitted(ray.put(task), Future())
        self._events.put(submitted)
        return submitted.future

    def close(self) -> None:
        """End all actors, whatever they do; futures of tasks that have not ended are cancelled."""
        import ray

        self._events.put(None)
        self._thread.join()
        for actor in self._actors:
            ray.kill(actor)

    def _dispatch(self) -> None:
        """Give waiting tasks to free actors, until the pool is closed."""
        free, waiting = deque(self._actors), deque[_Submitted]()
        running: set[_Submitted] = set()
        while (event := self._events.get()) is not None:
            if isinstance(event, _Submitted):
                waiting.append(event)
            else:
                free.append(event.actor)
                running.discard(event.submitted)
                _settle(event)
            while free and waiting:
                submitted = waiting.popleft()
                running.add(submitted)
                try:
                    self._run(submitted, free.popleft())
                except Exception as error:  # Ray is gone
                    submitted.future.set_exception(NotRunError(f"Ray takes no task: {summarize_error(error)}"))
                    running.discard(submitted)
        for submitted in (*waiting, *running):
            submitted.future.cancel()

    def _run(self, submitted: _Submitted, actor: ActorHandle[Any]) -> None:
        outcome: Future[bytes] = actor.run.remote(submitted.task).future()
        # Ray calls this in a thread of its own, in which nothing may wait.
        outcome.add_done_callback(lambda ended: self._events.put(_Ended(submitted, actor, ended)))


def _settle(ended: _Ended) -> None:
    """Give the outcome of a task to whoever waits for it."""
    from ray.exceptions import RayError, RayTaskError

    future = ended.submitted.future
    try:
        outcome: Outcome = pickle.loads(ended.outcome.result())  # noqa: S301  # a worker of this run wrote it
    except RayTaskError as error:  # a bug in the worker: its traceback is in the message
        future.set_exception(error)
    except RayError as error:
        future.set_exception(WorkerLostError(f"the process of its worker ended {MAX_DEATHS} times: {_describe(error)}"))
    else:
        if outcome.error is not None:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome.result)


def _describe(error: Exception) -> str:
    """What Ray says of the end of a process, in short."""
    text = " ".join(str(error).split())
    return (
        "there was not enough memory"
        if "memory" in text.lower() and "oom" in text.lower()
        else "it crashed, or was killed"
    )
