"""The executor `ray/cluster`: a Ray cluster, reached or started, and workers on it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TextIO
from urllib.parse import urlsplit

from annotated_types import Ge, Gt

from mqa_ray.worker_pool import RayWorkerPool, serialize_job
from mqa_registry import Executor, NotRunError, UsageError, counted, optional_import, summarize_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry import Job, WorkerPool

ADDRESS = "RAY_ADDRESS"  # the variable with the address of a cluster
LOCAL = "local"  # the address of a new cluster in processes of this machine
CONNECT_SECONDS = 10.0
LISTENER = "ray_listen_error_messages"  # the thread of Ray in this process that prints messages of the cluster
OBJECT_STORE_BYTES = 512 * 2**20  # of a cluster on this machine: shards and predictions on their way


@dataclass(frozen=True)
class ClusterOptions:
    """`workers` is how many processes work at a time; left out, as many as fit. Each loads the model once.

    `cpus` and `gpus` are what one worker takes of the cluster, fractions too: with `gpus = 0.5` two share a GPU. A worker
    without `gpus` sees none. `cpus` says how many workers fit on a machine, and not how many threads a backend uses: that
    is its own option `threads`.
    """

    workers: Annotated[int, Ge(1)] | None = None
    cpus: Annotated[float, Gt(0)] = 1.0
    gpus: Annotated[float, Ge(0)] = 0.0


class Cluster(Executor[ClusterOptions]):
    """Workers on a Ray cluster: that of the variable `RAY_ADDRESS`, else one on this machine for the time of the run.

    Suite, model, plugins and files that rows refer to have to lie at the same paths on all of its machines, and the same
    versions have to be installed. A suite cannot name the address, since it would say where rows and models are sent.
    """

    name = "cluster"
    requires = ("ray",)

    @contextmanager
    def start(self, job: Job, options: ClusterOptions) -> Iterator[WorkerPool]:
        with _connect(), _open_pool(job, options) as pool:
            yield pool


@contextmanager
def _connect() -> Iterator[None]:
    """Connect this process to the cluster, if it is not connected already, and leave it as it was."""
    with optional_import("ray"):
        import ray
    if ray.is_initialized():
        yield
        return
    address = os.environ.get(ADDRESS) or LOCAL
    sigterm = signal.getsignal(signal.SIGTERM)  # which Ray replaces
    try:
        _require_reachable(address)
        ray.init(address=address, log_to_driver=False, configure_logging=False, **_settings(address))
    except NotRunError:
        raise
    except Exception as error:
        raise NotRunError(f"Ray cannot be started: {summarize_error(error)}", hint=_hint(address)) from error
    finally:
        if ray.is_initialized():
            signal.signal(signal.SIGTERM, sigterm)
    try:
        with _without_messages():
            yield
    finally:
        ray.shutdown()


@contextmanager
def _without_messages() -> Iterator[None]:
    """Leave out what Ray's listener prints: of every worker that dies, several lines. What is lost, the run itself tells."""
    before = sys.stdout
    sys.stdout = _WithoutListener(before)
    try:
        yield
    finally:
        sys.stdout = before


class _WithoutListener:
    """A stream without what one thread writes to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if threading.current_thread().name == LISTENER else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _settings(address: str) -> dict[str, Any]:
    """What a cluster on this machine gets; one that exists has its own."""
    if address != LOCAL:
        return {}
    return {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}


def _require_reachable(address: str) -> None:
    """A NotRunError where nothing answers at the address of a cluster: Ray itself would try for minutes."""
    if address in {LOCAL, "auto"}:
        return
    try:
        parts = urlsplit(address if "://" in address else f"ray-gcs://{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or port is None:
        raise NotRunError(f"`{address}` is no address of a Ray cluster", hint=f"set {ADDRESS} as `head-node:6379`")
    try:
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NotRunError(f"the Ray cluster `{address}` cannot be reached: {reason}", hint=_hint(address)) from error


def _hint(address: str) -> str:
    if address == LOCAL:
        return "run it with `--executor local`"
    return f"is it up? see `ray status --address {address}`; without {ADDRESS} the cluster is this machine"


@contextmanager
def _open_pool(job: Job, options: ClusterOptions) -> Iterator[RayWorkerPool]:
    import ray

    resources = ray.cluster_resources()
    size = _count_workers(resources, options)
    try:
        serialized = serialize_job(job)
    except Exception as error:  # of pickle, in many classes
        raise UsageError(
            f"what the run has in memory cannot be sent to a worker: {summarize_error(error.__cause__ or error)}",
            hint="save the model and the data to files, or run it with the executor `local`",
        ) from error
    pool = RayWorkerPool(serialized, size, cpus=options.cpus, gpus=options.gpus)
    try:
        yield pool
    finally:
        pool.close()


def _count_workers(resources: Mapping[str, float], options: ClusterOptions) -> int:
    """How many workers to start; a NotRunError where the cluster has no room for one."""
    wanted = {"CPU": options.cpus, "GPU": options.gpus}
    room = [int(resources.get(name, 0) / amount + 1e-9) for name, amount in wanted.items() if amount]
    if min(room) < (options.workers or 1):
        takes = " and ".join(f"{amount:g} {name}" for name, amount in wanted.items() if amount)
        has = " and ".join(f"{resources.get(name, 0):g} {name}" for name, amount in wanted.items() if amount)
        raise NotRunError(
            f"the Ray cluster has {has}, and {counted(options.workers or 1, 'worker')} of {takes} each do not fit",
            hint="ask for less by `workers`, `cpus` or `gpus` in `[execution]`, or start the missing nodes first",
        )
    return options.workers or min(room)
