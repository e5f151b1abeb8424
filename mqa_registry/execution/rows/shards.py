"""Shards: the rows of a data set cut into pieces that are small enough to be worked on at a time.

A shard is some rows of one data set with all perturbations that the plan needs of them. It is the unit of work, of
progress and of distribution. How rows are cut follows from the data alone, so that batches, and with them numbers, are the
same whatever the memory, the number of workers, or the executor.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from mqa_registry.errors import BlobError
from mqa_registry.store import join_keys, split_keys
from mqa_registry.types import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import ThreadPoolExecutor

    import numpy.typing as npt

    from mqa_registry.plan import RowSet
    from mqa_registry.store.database import Keys
    from mqa_registry.types import Example, Rows

Item = TypeVar("Item")

SHARD_ROWS = 2048
KEY_BYTES = 16  # of a fingerprint
SHARD_BYTES = 64 * 2**20  # of the fields of its rows, files and perturbed copies included
DECODED_BYTES = 8  # of a perturbed copy, for each byte of its file: pixels take 3 to 12 times as much as a JPEG of them


@dataclass(frozen=True)
class Shard:
    """The rows `start` to `stop` of one data set; `is_last` says that no rows of it follow."""

    data: str
    start: int
    stop: int
    is_last: bool

    def take(self, rows: Rows) -> Rows:
        """Its rows, of all of the data set; nothing is copied. Blobs know their files again from then on."""
        return rows.slice(self.start, self.stop).with_blob_values()


@dataclass(frozen=True)
class ShardPart:
    """The rows of a shard as one set of rows has them, and the fingerprint of each example."""

    rows: Rows
    fingerprints: Keys

    @classmethod
    def of(cls, rows: Rows) -> ShardPart:
        """The part that has these rows."""
        rows = rows.with_blob_values()
        return cls(rows, join_keys([_fingerprint(example) for example in rows.examples()]))

    def without_columns(self) -> ShardPart:
        """The same with the columns alone that the model reads."""
        return replace(self, rows=replace(self.rows, table=self.rows.table.select(self.rows.fields)))

    def without_blobs(self) -> ShardPart:
        """The part without the values of its blobs."""
        return replace(self, rows=replace(self.rows, blob_values=())) if self.rows.blob_values else self


@dataclass(frozen=True)
class ShardRows:
    """A shard with the rows of every set that could be made of it."""

    shard: Shard
    parts: Mapping[RowSet, ShardPart]

    def without_blobs(self) -> ShardRows:
        """The same without the values of images, sounds and files, which take much memory: they are not needed again."""
        return replace(self, parts={row_set: part.without_blobs() for row_set, part in self.parts.items()})


def examples_of(parts: Iterable[ShardPart]) -> dict[bytes, Example]:
    """The distinct examples of some parts of a shard, by fingerprint."""
    pairs = (zip(split_keys(part.fingerprints), part.rows.examples(), strict=True) for part in parts)
    return {name: example for part in pairs for name, example in part}


def _fingerprint(example: Example) -> bytes:
    """The fingerprint of an example. One that cannot be read has a random one: it is lost when it is encoded."""
    try:
        return fingerprint(example)
    except BlobError:
        return os.urandom(KEY_BYTES)


def cut(data: str, rows: Rows, copies: int) -> list[Shard]:
    """The shards of a data set, of which each row is perturbed so many times, the unperturbed row included."""
    shards: list[Shard] = []
    files = np.concatenate([[0], np.cumsum(rows.file_bytes())]) if rows.blobs else np.zeros(len(rows) + 1, np.int64)
    start = 0
    while start < len(rows):
        stop = min(start + SHARD_ROWS, len(rows))
        while stop - start > 1 and _count_bytes(rows, files, copies, start, stop) > SHARD_BYTES:
            stop = start + (stop - start) // 2
        shards.append(Shard(data, start, stop, is_last=stop == len(rows)))
        start = stop
    return shards


def in_flight(items: Iterable[Item], limit: Callable[[], int]) -> Iterator[Item]:
    """The same items in their order, each taken some time before it is handed on: so many are under way at a time."""
    pending: deque[Item] = deque()
    for item in items:
        pending.append(item)
        if len(pending) > limit():
            yield pending.popleft()
    yield from pending


def _count_bytes(rows: Rows, files: npt.NDArray[np.int64], copies: int, start: int, stop: int) -> int:
    """How many bytes so many copies of some rows take; `files` are those of all files before each row.

    The first copy has files as they are, and the others, which are perturbed, what was decoded of them.
    """
    return copies * rows.slice(start, stop).field_bytes + (1 + DECODED_BYTES * (copies - 1)) * int(
        files[stop] - files[start]
    )


def look_ahead(items: Iterable[Item], pool: ThreadPoolExecutor | None) -> Iterator[Item]:
    """The same items, each made in the pool's thread while the one before it is used; the first is begun at once.

    Without a pool, each is made when it is needed.
    """
    iterator, end = iter(items), object()
    if pool is None:
        return iterator
    first = pool.submit(next, iterator, end)

    def follow() -> Iterator[Item]:
        pending = first
        while (item := pending.result()) is not end:
            pending = pool.submit(next, iterator, end)
            yield item  # type: ignore[misc]  # it is no `end`

    return follow()
