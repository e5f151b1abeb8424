"""A pool of worker processes: one function, applied to items in several processes, with the results in order.

A worker is a new interpreter and not a fork: threads of model libraries may run in this process. It speaks through its
standard streams, and ends when they are closed, so that it never outlives this process. No run depends on it: what a worker
failed on, or had not finished when it was killed, is done in this process.
"""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar

import pyarrow as pa

from mqa_registry.execution.workers.threads import await_result
from mqa_registry.process import end_process_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from types import TracebackType
    from typing import NoReturn, Self

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

COMMAND = ("-P", "-c", f"from {__name__} import serve; serve()")
LENGTH_BYTES = 8  # of the number in front of a message: how many bytes it has
ITEMS_PER_WORKER = 2  # in flight: one at work, and one that is the next or waits to be taken
MAX_RESTARTS = 3  # of one worker


class WorkerLostError(Exception):
    """An item has no result: its worker ended, or failed on it."""


class WorkerPool(Generic[ItemT, ResultT]):
    """Worker processes that apply one function to items.

    `start` is called once in each of `count` workers with `setup`, and returns the function. It is found by its module and
    name; setup, items and results are pickled, Arrow tables as streams of their rows alone. `local` is the same function in
    this process. The workers start when the pool is entered, which does not wait for them, and have ended when it is left.
    """

    def __init__(
        self,
        count: int,
        start: Callable[[Any], Callable[[ItemT], ResultT]],
        setup: Any,
        local: Callable[[ItemT], ResultT],
    ) -> None:
        self._local = local
        self._window = ITEMS_PER_WORKER * count
        self._workers = [_Worker(to_bytes((start, setup))) for _ in range(count)]
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="mqa-worker")
        self._starts: list[Future[bool]] = []

    def __enter__(self) -> Self:
        self._starts = [self._threads.submit(self._start, worker) for worker in self._workers]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.end()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close_streams()

    @property
    def processes(self) -> list[int]:
        """The ids of the processes that have started."""
        return [worker.process.pid for worker in self._workers if worker.process is not None]

    @property
    def has_started(self) -> bool:
        """Whether a worker has started."""
        return any(start.done() and start.result() for start in self._starts)

    def await_start(self) -> bool:
        """Wait until every worker has started, or failed to; whether one has."""
        wait(self._starts)
        return self.has_started

    def map(self, items: Iterable[ItemT]) -> Iterator[ResultT]:
        """The result for every item, in their order; it raises what `local` raises.

        Items are taken as they are needed: at most two for each worker are in flight. Until a worker has started, this
        process does the work.
        """
        pending: deque[tuple[ItemT, Future[ResultT]]] = deque()
        for item in items:
            if not self.has_started:
                yield self._local(item)
                continue
            pending.append((item, self._threads.submit(self._apply, item)))
            if len(pending) >= self._window:
                yield self._result(*pending.popleft())
        while pending:
            yield self._result(*pending.popleft())

    def _start(self, worker: _Worker) -> bool:
        started = worker.start()
        if started:
            self._idle.put(worker)
        return started

    def _apply(self, item: ItemT) -> ResultT:
        """The result of an item, from the worker that is idle."""
        worker = self._idle.get()
        try:
            return worker.apply(item)  # type: ignore[no-any-return]  # the worker's function gives it
        finally:
            self._idle.put(worker)

    def _result(self, item: ItemT, future: Future[ResultT]) -> ResultT:
        with suppress(WorkerLostError):
            return await_result(future)
        return self._local(item)  # outside of the handler, for an error of its own has no context


class _Worker:
    """One worker process, started again where it was killed. One thread at a time uses it."""

    def __init__(self, setup: bytes) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._setup = setup
        self._starts = 0
        self._is_ended = False
        self._lock = threading.Lock()  # between a start, and an end from another thread

    def start(self) -> bool:
        """Start a process, and wait until it is ready: whether it is."""
        self._starts += 1
        self.close_streams()
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109  # as a string
        with self._lock, suppress(OSError):
            if not self._is_ended:
                self.process = subprocess.Popen(  # noqa: S603  # our own interpreter, with our own module
                    [sys.executable, *COMMAND],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=os.environ | {"PYTHONPATH": path},
                    start_new_session=True,  # Ctrl-C is for this process, which ends the others
                )
        with suppress(WorkerLostError):
            self._exchange(self._setup)
            return True
        return False

    def apply(self, item: Any) -> Any:
        """The result of the process's function; a WorkerLostError where there is none."""
        has_ended = self.process is None or self.process.poll() is not None
        if has_ended and (self._starts > MAX_RESTARTS or not self.start()):
            raise WorkerLostError
        done, result = self._exchange(to_bytes(item))
        if not done:
            raise WorkerLostError
        return result

    def end(self) -> None:
        """End the process at once, and let none be started again. Another thread may wait for its answer."""
        with self._lock:
            self._is_ended = True
            if self.process is not None:
                end_process_tree(self.process)

    def close_streams(self) -> None:
        """Close the streams of a process that has ended, or is to end."""
        for stream in (self.process.stdin, self.process.stdout) if self.process is not None else ():
            with suppress(OSError):  # of what was not sent yet
                if stream is not None:
                    stream.close()

    def _exchange(self, message: bytes) -> Any:
        """Send one message, and receive the answer."""
        process = self.process
        if process is None:
            raise WorkerLostError
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _send(process.stdin, message)
            return from_bytes(_receive(process.stdout))
        except (OSError, EOFError) as error:  # it has ended
            end_process_tree(process)
            raise WorkerLostError from error


# In the worker.


def serve() -> NoReturn:
    """The worker: receives what to start, then items, and answers each with its result, until its input ends."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123  # no file on disk
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what a plugin prints is no answer
    received: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_receive_all, args=(requests, received), daemon=True).start()
    start, setup = from_bytes(received.get())
    function = start(setup)
    _send(answers, to_bytes("started"))
    while True:
        _send(answers, to_bytes(_apply(function, from_bytes(received.get()))))


def _apply(function: Callable[[Any], Any], item: Any) -> tuple[bool, Any]:
    """Whether the function has done its work, and its result. An error is raised where the item is done again."""
    try:
        return True, function(item)
    except Exception:
        return False, None


def _receive_all(stream: IO[bytes], received: SimpleQueue[bytes]) -> None:
    """Receive messages while others are worked on. The end of the stream is that of the process that wants them."""
    with suppress(OSError, EOFError):
        while True:
            received.put(_receive(stream))
    os._exit(0)


# Messages.


class _Pickler(pickle.Pickler):
    """A pickler of Arrow tables as streams: pickled as usual, a slice has all rows of the table that it is of."""

    def reducer_override(self, value: Any) -> Any:
        if not isinstance(value, pa.Table):
            return NotImplemented
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as writer:
            writer.write_table(value)
        return _read_table, (sink.getvalue().to_pybytes(),)


def _read_table(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content).read_all()


def to_bytes(value: Any) -> bytes:
    """A value as bytes, for a worker of the same program."""
    sink = io.BytesIO()
    _Pickler(sink, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    return sink.getvalue()


def from_bytes(content: bytes) -> Any:
    """The value of bytes that `to_bytes` made in this process, or in one that it started."""
    return pickle.loads(content)  # noqa: S301  # our own process wrote it


def _send(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(LENGTH_BYTES, "little"))
    stream.write(message)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    """The next message; EOFError where the stream ends."""
    return _read(stream, int.from_bytes(_read(stream, LENGTH_BYTES), "little"))


def _read(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content
