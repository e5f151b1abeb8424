"""Rows: a data set as the host holds it, one Arrow table with a stable id for every row."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Example: TypeAlias = "Mapping[str, Any]"

BATCH_SIZE = 4096  # rows turned into Python values at a time


@dataclass(frozen=True)
class Rows:
    """Rows of one data set, perturbed or not.

    `table` has a column `id`, the `fields` that the model reads, `target` and `cluster` where the data has them, and
    whatever other columns slices may ask for. `digest` is that of the whole data set that they are from, `numbers` are
    those that the rows have in their source, from 1 up, where they are not simply counted.
    """

    table: pa.Table
    fields: tuple[str, ...]
    digest: str = ""
    numbers: Sequence[int] | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def ids(self) -> pa.ChunkedArray:
        return self.table.column("id")

    def examples(self) -> Iterator[Example]:
        """Every row as the model reads it: its fields alone."""
        return _iter_examples(self.table.select(self.fields))

    def whole(self) -> Iterator[Example]:
        """Every row with all its columns, for slices."""
        return _iter_examples(self.table)


def fingerprint(example: Example) -> bytes:
    """Sixteen bytes that tell one example from every other, by its fields' names and values."""
    text = json.dumps(example, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_serializable)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def derived_ids(table: pa.Table, fields: Sequence[str]) -> list[str]:
    """Ids for rows that bring none: the hash of the example's fields, with `#n` on the n-th copy."""
    copies: Counter[str] = Counter()
    ids = []
    for example in _iter_examples(table.select(list(fields))):
        name = fingerprint(example).hex()[:20]
        copies[name] += 1
        ids.append(name if copies[name] == 1 else f"{name}#{copies[name]}")
    return ids


def _iter_examples(table: pa.Table) -> Iterator[Example]:
    for batch in table.to_batches(max_chunksize=BATCH_SIZE):
        yield from batch.to_pylist()


def _serializable(value: object) -> object:
    if isinstance(value, bytes):
        return {"bytes": hashlib.blake2b(value, digest_size=16).hexdigest()}
    return str(value)
