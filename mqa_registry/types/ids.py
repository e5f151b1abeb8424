"""Ids of rows: whether each is there once, and ids made of the rows where there are none.

Ids are compared by hashes of eight bytes, which are sorted as numbers: a hash table of ten million texts takes a gigabyte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.types.rows import Rows, fingerprint
from mqa_registry.types.tables.spool import TableSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    Hashes = npt.NDArray[np.uint64]

BLOCK_ROWS = 1 << 16  # rows that are hashed at a time
COMPARED_HASHES = 100_000  # equal hashes whose texts are compared; that all of more than these differ does not happen
ID_CHARACTERS = 20  # of a derived id: ten bytes in hexadecimal
WORD = 8  # bytes that are mixed into a hash at a time
MULTIPLIERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFF51AFD7ED558CCD))  # odd, as in splitmix64 and MurmurHash3


def find_repeated(ids: pa.ChunkedArray) -> tuple[int, str] | None:
    """How many ids stand more than once in a column of text, and the first that does; None where all are unique."""
    hashes = _hash_column(ids)
    repeated = _repeated_values(hashes)
    if not len(repeated):
        return None
    rows = np.flatnonzero(np.isin(hashes, repeated[:COMPARED_HASHES]))
    counts = pc.value_counts(ids.take(pa.array(rows)).combine_chunks())
    counts = counts.filter(pc.greater(counts.field("counts"), 1))
    if not len(counts):
        return None  # the hashes are equal, and the ids are not
    return len(counts) + max(0, len(repeated) - COMPARED_HASHES), counts[0]["values"].as_py()


def derive_ids(table: pa.Table, fields: Sequence[str], folder: Callable[[], Path] | None = None) -> pa.ChunkedArray:
    """Ids for rows that bring none: the hash of the example's fields, with `#n` on the n-th copy.

    A large column of ids is written to a file in the folder that `folder` gives.
    """
    digests = _hash_examples(Rows(table, tuple(fields)))
    copies = _number_copies(digests)
    with TableSpool(folder) as spool:
        for start in range(0, max(1, len(digests)), BLOCK_ROWS):
            block = digests[start : start + BLOCK_ROWS].tobytes().hex()
            names = [block[at : at + ID_CHARACTERS] for at in range(0, len(block), ID_CHARACTERS)]
            for row in np.flatnonzero(copies[start : start + BLOCK_ROWS] > 1).tolist():
                names[row] += f"#{copies[start + row]}"
            spool.append(pa.table({"id": pa.array(names, pa.string())}))
        return spool.finish().column("id")


def _hash_examples(rows: Rows) -> npt.NDArray[np.uint8]:
    """The first bytes of the fingerprint of every row."""
    size = ID_CHARACTERS // 2
    content = bytearray(len(rows) * size)
    for row, example in enumerate(rows.examples()):
        content[row * size : (row + 1) * size] = fingerprint(example)[:size]
    return np.frombuffer(content, np.uint8).reshape(-1, size)


def _number_copies(digests: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Of each digest which of its copies it is, from 1 on, in the order of rows."""
    copies = np.ones(len(digests), dtype=np.int64)
    first = np.ascontiguousarray(digests[:, :WORD]).view(np.uint64).reshape(-1)
    rows = np.flatnonzero(np.isin(first, _repeated_values(first)))
    if not len(rows):
        return copies
    keys = (np.ascontiguousarray(digests[rows, WORD:]).view(np.uint16).reshape(-1), first[rows])
    order = np.lexsort(keys)  # is stable, so that copies stay in the order of rows
    is_new = np.ones(len(rows), dtype=bool)
    is_new[1:] = (keys[0][order][1:] != keys[0][order][:-1]) | (keys[1][order][1:] != keys[1][order][:-1])
    starts = np.flatnonzero(is_new)
    ranks = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    copies[rows[order]] = ranks + 1
    return copies


def _repeated_values(hashes: Hashes) -> Hashes:
    """The values that stand in an array more than once, each once."""
    ordered = np.sort(hashes)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _hash_column(column: pa.ChunkedArray) -> Hashes:
    hashes = np.empty(len(column), dtype=np.uint64)
    start = 0
    for chunk in column.chunks:
        for offset in range(0, len(chunk), BLOCK_ROWS):
            block = chunk.slice(offset, BLOCK_ROWS)
            hashes[start : start + len(block)] = hash_texts(block)
            start += len(block)
    return hashes


def hash_texts(texts: pa.StringArray) -> Hashes:
    """A hash of eight bytes of every text: equal texts have equal hashes, others hardly ever."""
    _, offsets, content = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    starts, lengths = ends[:-1], np.diff(ends)
    used = b"" if content is None else content.slice(ends[0], ends[-1] - ends[0]).to_pybytes()
    padded = np.frombuffer(used + bytes(WORD), np.uint8)
    words = np.ndarray((len(padded) - WORD + 1,), "<u8", padded, strides=(1,))  # the eight bytes from each byte on
    starts = starts - ends[0]
    hashes = _mix(lengths.astype(np.uint64))
    rows = np.flatnonzero(lengths > 0)
    done = 0
    while len(rows):
        left = np.minimum(lengths[rows] - done, WORD)
        masks = np.uint64(0xFFFFFFFFFFFFFFFF) >> (np.uint64(WORD) * (WORD - left).astype(np.uint64))
        hashes[rows] = _mix(hashes[rows] ^ (words[starts[rows] + done] & masks))
        done += WORD
        rows = rows[lengths[rows] > done]
    return hashes


def _mix(values: Hashes) -> Hashes:
    values = (values + MULTIPLIERS[0]) * MULTIPLIERS[1]
    return values ^ (values >> np.uint64(32))
