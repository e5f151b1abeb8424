"""The store of predictions: each by the key of all that it depends on, so that nothing is predicted twice.

The store is one SQLite file in WAL mode. A batch of predictions is an Arrow stream with its checksum, written in one
transaction; the index `rows` has the batch of each key and its position there. The index can be built again from the
batches. So a process that is killed at any moment loses at most the batch in flight, and a damaged byte is either found
or harmless. A file that SQLite cannot use is set aside, and its whole batches are copied into a new one.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import pyarrow as pa

from mqa_registry.store.database import (
    batch_ids,
    checksum,
    connect,
    encode_batch,
    insert_batch,
    is_damage,
    is_intact,
    keys_of,
    look_up,
    read_batch,
    rebuild_index,
    salvage_batches,
    split_keys,
    store_errors,
)
from mqa_registry.store.folder import DATABASE, EXPORTS, claim, refuse_links

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from mqa_registry.store.database import Keys

P = ParamSpec("P")
T = TypeVar("T")


def _recovering(operation: Callable[Concatenate[Store, P], T]) -> Callable[Concatenate[Store, P], T]:
    """The same operation of a store, repeated on a new file where the old one turns out to be damaged."""

    @wraps(operation)
    def recovering(store: Store, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with store_errors(store.folder):
            try:
                return operation(store, *args, **kwargs)
            except UnicodeDecodeError:  # of a damaged name, in SQLite's own message about the damage
                pass
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
            store.recover()
            return operation(store, *args, **kwargs)

    return recovering


class Store:
    """Predictions in one folder on disk.

    In every method, `backend` is the digest of all that a prediction depends on except the example. `set_aside` is the
    path of a file that turned out to be damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exports = folder / EXPORTS
        self.set_aside: Path | None = None
        claim(folder)
        self._connection = sqlite3.connect(":memory:")
        self._inode = 0  # of the open file, which another process may have set aside since
        self._open()

    @_recovering
    def _open(self) -> None:
        database = self.folder / DATABASE
        self._inode = database.stat().st_ino if database.exists() else 0
        self._connection = connect(database)
        self._inode = database.stat().st_ino

    def recover(self) -> None:
        """Set the file aside, and copy every whole batch of it into a new one."""
        refuse_links(self.folder)
        with suppress(sqlite3.Error):
            self._connection.close()
        database = self.folder / DATABASE
        aside = self.folder / f"{DATABASE}.damaged-{secrets.token_hex(4)}"
        with suppress(FileNotFoundError):
            if database.stat().st_ino == self._inode:
                for suffix in ("-wal", "-shm", ""):  # the log first, so that no new file is taken for the log's own
                    with suppress(FileNotFoundError):
                        (self.folder / f"{DATABASE}{suffix}").rename(f"{aside}{suffix}")
                self.set_aside = aside
        self._connection = connect(database)
        self._inode = database.stat().st_ino
        for backend, payload, table in salvage_batches(aside) if aside.exists() else ():
            insert_batch(self._connection, backend, split_keys(keys_of(table)), payload)

    def close(self) -> None:
        """Close the file."""
        with store_errors(self.folder):
            self._connection.close()

    @_recovering
    def put(self, backend: bytes, keys: Sequence[bytes], table: pa.Table) -> None:
        """Store one batch of predictions, a row for each key: all of it, or nothing."""
        insert_batch(self._connection, backend, keys, encode_batch(keys, table))

    @_recovering
    def get(self, backend: bytes, keys: Keys) -> tuple[npt.NDArray[np.int64], pa.Table | None]:
        """The predictions of some keys: for each key its row in the table, or -1; the table is None where none has one.

        A damaged batch counts as missing.
        """
        return self._get(backend, keys)

    def _get(self, backend: bytes, keys: Keys) -> tuple[npt.NDArray[np.int64], pa.Table | None]:
        rows = np.full(len(keys), -1, dtype=np.int64)
        batches: list[pa.Table] = []
        offset = 0
        for batch, numbers, positions in look_up(self._connection, keys):
            table = read_batch(self._connection, backend, batch)
            if table is None:
                continue
            stored = keys_of(table)
            is_right = (positions >= 0) & (positions < len(stored))
            is_right[is_right] = stored[positions[is_right]] == keys[numbers[is_right]]
            rows[numbers[is_right]] = offset + positions[is_right]
            batches.append(table)
            offset += len(stored)
        return rows, pa.concat_tables(batches).drop_columns(["key"]) if batches else None

    @_recovering
    def contains(self, backend: bytes, keys: Keys) -> npt.NDArray[np.bool_]:
        """For each key whether the index has it in a batch of this backend; the batches themselves are not read."""
        contained = np.zeros(len(keys), dtype=bool)
        batches = batch_ids(self._connection, backend)
        for batch, numbers, _ in look_up(self._connection, keys):
            contained[numbers] = batch in batches
        return contained

    @_recovering
    def repair(self, backend: bytes) -> None:
        """Drop the damaged batches of one backend, and build the index again where it does not lead to the others."""
        with self._connection as connection:
            is_indexed = True
            for batch in batch_ids(connection, backend):
                table = read_batch(connection, backend, batch)
                if table is None:
                    connection.execute("DELETE FROM batches WHERE id = ?", (batch,))
                else:
                    is_indexed = is_indexed and bool((self._get(backend, keys_of(table))[0] >= 0).all())
            if not is_indexed:
                rebuild_index(connection)

    @_recovering
    def put_facts(self, backend: bytes, facts: Mapping[str, Any]) -> None:
        """Store how a backend ran, for the reports of runs that need not run it."""
        payload = json.dumps(facts, sort_keys=True, default=str).encode()
        with self._connection as connection:
            connection.execute(
                "INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", (backend, payload, checksum(backend, payload))
            )

    @_recovering
    def get_facts(self, backend: bytes) -> dict[str, Any]:
        """The facts that were stored of a backend; empty where there are none, or they are damaged."""
        row = self._connection.execute("SELECT payload, digest FROM facts WHERE backend = ?", (backend,)).fetchone()
        return dict(json.loads(row[0])) if row and is_intact(backend, *row) else {}

    @_recovering
    def delete(self, backend: bytes) -> None:
        """Delete the predictions of one backend."""
        with self._connection as connection:
            connection.execute("DELETE FROM rows WHERE batch IN (SELECT id FROM batches WHERE backend = ?)", (backend,))
            connection.execute("DELETE FROM batches WHERE backend = ?", (backend,))
