"""Executors: where the shards of a run are perturbed and predicted, and the workers that do it."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from mqa_registry.contributions.contribution import ClassContribution, OptionsT

if TYPE_CHECKING:
    from concurrent.futures import Future
    from contextlib import AbstractContextManager


class Executor(ClassContribution[OptionsT]):
    """Where the shards of a run are perturbed and predicted: in processes of this machine, or on a cluster.

    It starts workers and sends them tasks. It has no part in what a task computes: results are the same whatever the
    executor, the number of workers, and the order in which tasks end.
    """

    kind = "executor"
    main = "start"

    @abstractmethod
    def start(self, job: Job, options: OptionsT) -> AbstractContextManager[WorkerPool]:
        """A context manager of workers for one run; no worker is left when it is closed, by an error or Ctrl-C too.

        Raises a NotRunError where workers cannot be had, as of a cluster that cannot be reached.
        """


class Job(Protocol):
    """What a worker has to know of a run. It pickles."""

    def start(self) -> Worker:
        """Prepare this process to work for the run. Called once in every process of a worker, before its first task.

        Raises an MqaError where the process cannot: it has another version of a package than the driver, or lacks a file.
        """
        ...


class Worker(Protocol):
    """What a process does for a run."""

    def run(self, task: Any) -> Any:
        """The result of a task; both pickle. It may be run again elsewhere: a task has no effect but its result.

        Raises an MqaError where the run has to end; anything else that goes wrong is part of the result.
        """
        ...


class WorkerPool(Protocol):
    """The workers of one run, started. `size` is how many tasks they run at a time."""

    @property
    def size(self) -> int: ...

    def submit(self, task: Any) -> Future[Any]:
        """Have a task run by some worker, and return its future.

        A task whose worker dies is run again by another. Where it has ended three of them, its future raises a
        WorkerLostError. An error that `Job.start` or `Worker.run` raises is raised by the future.
        """
        ...
