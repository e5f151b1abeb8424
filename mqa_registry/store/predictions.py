"""The store of predictions: each by the key of all that it depends on, so that nothing is predicted twice.

The store is one SQLite file in WAL mode. A batch of predictions is an Arrow stream with its checksum, written in one
transaction; the index `rows` has the batch of each key and its position there. The index can be built again from the
batches. So a process that is killed at any moment loses at most the batch in flight, and a damaged byte is either found
or harmless. A file that SQLite cannot use is set aside, and its whole batches are copied into a new one.

What several processes write at once is serialized by SQLite, which waits for a lock. It needs a file system with locks,
which most network file systems lack: a store of several machines is a URL.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import tempfile
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from mqa_registry.store.database import (
    batch_ids,
    checksum,
    connect,
    connect_read_only,
    connect_temporary,
    delete_batches,
    encode_batch,
    has_batch,
    insert_batch,
    is_damage,
    is_index_empty,
    is_intact,
    keys_of,
    read_batch,
    rebuild_index,
    salvage_batches,
    split_keys,
    store_errors,
)
from mqa_registry.store.folder import DATABASE, claim, refuse_links
from mqa_registry.store.lookup import collect_rows, look_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry.store.database import Keys
    from mqa_registry.store.protocol import Batch

P = ParamSpec("P")
T = TypeVar("T")


def _recovering(operation: Callable[Concatenate[SqliteStore, P], T]) -> Callable[Concatenate[SqliteStore, P], T]:
    """The same operation of a store, repeated on a new file where the old one turns out to be damaged."""

    @wraps(operation)
    def recovering(store: SqliteStore, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with store_errors(store.folder):
            try:
                return operation(store, *args, **kwargs)
            except UnicodeDecodeError:  # of a damaged name, in SQLite's own message about the damage
                if not store.sets_damaged_aside:
                    raise
            except sqlite3.DatabaseError as error:
                if not is_damage(error) or not store.sets_damaged_aside:
                    raise
            store.recover()
            return operation(store, *args, **kwargs)

    return recovering


class SqliteStore:
    """A `Store` in one folder on disk.

    With `read_only`, nothing is written, and the folder is a store already. `set_aside` is the path of a file that turned
    out to be damaged; where one is not set aside, damage is an error.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.folder = folder
        self.read_only = read_only
        self.sets_damaged_aside = not read_only
        self.set_aside: Path | None = None
        self._connection = sqlite3.connect(":memory:")
        self._inode = 0  # of the open file, which another process may have set aside since
        self._has_met_damage = False
        self._open()

    @_recovering
    def _open(self) -> None:
        database = self.folder / DATABASE
        if self.read_only:
            refuse_links(self.folder)
            self._connection = connect_read_only(database)
            return
        claim(self.folder)
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
        """Release the file."""
        with store_errors(self.folder):
            self._connection.close()

    @_recovering
    def put(self, backend: bytes, keys: Sequence[bytes], table: pa.Table) -> None:
        insert_batch(self._connection, backend, keys, encode_batch(keys, table))

    @_recovering
    def get(self, backend: bytes, keys: Keys) -> tuple[npt.NDArray[np.int64], pa.Table | None]:
        return self._get(backend, keys)

    def _get(self, backend: bytes, keys: Keys) -> tuple[npt.NDArray[np.int64], pa.Table | None]:
        found = collect_rows(self._connection, keys, lambda batch: read_batch(self._connection, backend, batch))
        self._has_met_damage = self._has_met_damage or found.has_met_damage
        return found.rows, found.table

    @_recovering
    def contains(self, backend: bytes, keys: Keys) -> npt.NDArray[np.bool_]:
        contained = np.zeros(len(keys), dtype=bool)
        for batch, numbers, _ in look_up(self._connection, keys):
            contained[numbers] = has_batch(self._connection, backend, batch)
        return contained

    @_recovering
    def repair(self, backend: bytes) -> None:
        """Drop the damaged batches of one backend, and build the index again where it does not lead to the others.

        It reads all batches of the backend, and does so only where `get` met damage or the index is empty.
        """
        if not self._has_met_damage and not is_index_empty(self._connection):
            return
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
        self._has_met_damage = False

    @_recovering
    def put_facts(self, backend: bytes, facts: Mapping[str, Any]) -> None:
        payload = json.dumps(facts, sort_keys=True, default=str).encode()
        with self._connection as connection:
            connection.execute(
                "INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", (backend, payload, checksum(backend, payload))
            )

    @_recovering
    def get_facts(self, backend: bytes) -> dict[str, Any]:
        row = self._connection.execute("SELECT payload, digest FROM facts WHERE backend = ?", (backend,)).fetchone()
        return dict(json.loads(row[0])) if row and is_intact(backend, *row) else {}

    @_recovering
    def delete(self, backend: bytes) -> None:
        delete_batches(self._connection, backend)

    def take_pending(self) -> Sequence[Batch]:
        return ()  # each batch is stored once it is put


class TemporaryStore(SqliteStore):
    """A `Store` for one run: in memory up to some size, beyond that in a file that goes when it is closed."""

    def __init__(self) -> None:
        super().__init__(Path(tempfile.gettempdir()))

    def _open(self) -> None:
        self.sets_damaged_aside = False
        with store_errors(self.folder):
            self._connection = connect_temporary()
