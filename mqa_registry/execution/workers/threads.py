"""Threads: a function applied to items in several threads of this process, with the results in order.

That is faster than one thread where the function does its work outside of the interpreter's lock, as decoders of images and
numpy on large arrays do.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from mqa_registry.boundary import raise_interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from mqa_registry.contributions import Codec
    from mqa_registry.contributions.task import Encoded
    from mqa_registry.types import Example

Item = TypeVar("Item")
Result = TypeVar("Result")

INTERRUPT_SECONDS = 0.2  # after which a thread that waits looks whether Ctrl-C was pressed
EXAMPLES_PER_CALL = 8  # that a thread encodes at a time


def await_result(future: Future[Result]) -> Result:
    """The result of a future; a KeyboardInterrupt once Ctrl-C was pressed, in whatever thread waits."""
    while not wait([future], timeout=INTERRUPT_SECONDS).done:
        raise_interrupt()
    return future.result()


def map_in_threads(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """The function's result for every item, in their order. Items are taken as threads become free, one each ahead."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="mqa-map")
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > threads:
                yield await_result(pending.popleft())
        while pending:
            yield await_result(pending.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def encode_in_threads(codec: Codec, examples: Sequence[Example], threads: int) -> list[Encoded]:
    """The encoded examples, encoded in several threads where the codec may be called from them."""
    if not codec.encodes_in_threads or threads == 1 or len(examples) <= EXAMPLES_PER_CALL:
        return list(codec.encode(examples))
    starts = range(0, len(examples), EXAMPLES_PER_CALL)
    parts = (examples[start : start + EXAMPLES_PER_CALL] for start in starts)
    return [row for part in map_in_threads(codec.encode, parts, threads) for row in part]
