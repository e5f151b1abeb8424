"""Looking keys up in the index of a store, and the rows of the batches that it leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from mqa_registry.store.database import keys_of, split_keys

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from mqa_registry.store.database import Keys

BLOCK_KEYS = 65_536  # that are looked up at a time
# A damaged file may hold anything where a number should be.
_LOOK_UP = """
SELECT batch, number, position FROM requested CROSS JOIN rows USING (key)
WHERE typeof(batch) = 'integer' AND typeof(position) = 'integer'
"""


class FoundRows(NamedTuple):
    """The rows that some keys have: for each key its row in the table, or -1; the table is None where none has one.

    `has_met_damage` where the index led to a batch that could not be read, or not to all rows of one.
    """

    rows: npt.NDArray[np.int64]
    table: pa.Table | None
    has_met_damage: bool


def collect_rows(connection: sqlite3.Connection, keys: Keys, read: Callable[[int], pa.Table | None]) -> FoundRows:
    """Look keys up, and take their rows from the batches. `read` gives a batch with its keys, or None where it is damaged."""
    rows = np.full(len(keys), -1, dtype=np.int64)
    tables: list[pa.Table] = []
    partly_found: list[Keys] = []  # all keys of the batches of which only some were found
    count, has_met_damage = 0, False
    for batch, numbers, positions in look_up(connection, keys):
        table = read(batch)
        if table is None:
            has_met_damage = True
            continue
        stored = keys_of(table)
        is_right = (positions >= 0) & (positions < len(stored))
        is_right[is_right] = stored[positions[is_right]] == keys[numbers[is_right]]
        has_met_damage = has_met_damage or not is_right.all()
        found = int(is_right.sum())
        rows[numbers[is_right]] = np.arange(count, count + found)
        count += found
        tables.append(table.drop_columns(["key"]).take(pa.array(positions[is_right])))
        if found < len(stored):
            partly_found.append(stored)
    missing = keys[rows < 0]
    if partly_found and len(missing) and np.isin(missing, np.concatenate(partly_found)).any():
        has_met_damage = True  # of the index: a batch is there with all of its rows, or not at all
    return FoundRows(rows, pa.concat_tables(tables) if tables else None, has_met_damage)


class BatchPart(NamedTuple):
    """The part of some requested keys that the index has in one batch.

    `numbers` are the positions of the keys in the request, `positions` their rows in the batch: integer arrays of equal
    length.
    """

    batch: int
    numbers: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]


def look_up(connection: sqlite3.Connection, keys: Keys) -> Iterator[BatchPart]:
    """Look keys up in the index, block by block; yields a part for each batch that has some of them.

    They are looked up in their order in the index, so that each of its pages is read once.
    """
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS requested (number INTEGER PRIMARY KEY, key BLOB)")
    order = np.argsort(np.ascontiguousarray(keys).view(">u8")[::2])
    found = [_look_up_block(connection, keys, order[at : at + BLOCK_KEYS]) for at in range(0, len(keys), BLOCK_KEYS)]
    table = np.concatenate(found or [np.empty((0, 3), np.int64)])
    table = table[np.argsort(table[:, 0], kind="stable")]
    ids, starts = np.unique(table[:, 0], return_index=True)
    for batch, part in zip(ids, np.split(table, starts[1:]), strict=False):
        yield BatchPart(int(batch), part[:, 1], part[:, 2])


def _look_up_block(connection: sqlite3.Connection, keys: Keys, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The batch, the number and the position of those of these keys that the index has, a row each."""
    connection.execute("DELETE FROM requested")
    connection.executemany("INSERT INTO requested VALUES (?, ?)", enumerate(split_keys(keys[numbers])))
    table = np.array(connection.execute(_LOOK_UP).fetchall(), dtype=np.int64).reshape(-1, 3)
    connection.commit()
    table[:, 1] = numbers[table[:, 1]]
    return table
