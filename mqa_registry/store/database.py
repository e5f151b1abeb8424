"""The SQLite file of a store: its tables, and batches of predictions with checksums."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa

from mqa_registry.errors import StoreError, StoreUnavailableError
from mqa_registry.store.folder import DATABASE, explain_folder_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    Keys: TypeAlias = npt.NDArray[np.bytes_]

FORMAT = 1
KEY_BYTES = 16
TIMEOUT = 60  # seconds to wait for another process that writes
TEMPORARY_MEMORY = 64 << 20  # bytes of a temporary database that stay in memory
# What SQLite answers where a file is none of its own, or lacks our tables. All else (full, locked, not to be read or
# written) is of the disk, and says nothing about the content of the file.
_DAMAGE_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH}

_CREATE_INDEX = """
CREATE TABLE IF NOT EXISTS rows (
    key BLOB PRIMARY KEY, batch INTEGER NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
"""
_CREATE_TABLES = """
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT, backend BLOB NOT NULL, payload BLOB NOT NULL, digest BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS batches_by_backend ON batches (backend);
CREATE TABLE IF NOT EXISTS facts (backend BLOB PRIMARY KEY, payload BLOB NOT NULL, digest BLOB NOT NULL);
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open a file, and create the tables that it lacks. Raises a StoreError where it has another format."""
    connection = sqlite3.connect(path, timeout=TIMEOUT)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, FORMAT):
        raise StoreError(
            f"the store `{path}` has format {version}, and this mqa reads format {FORMAT}",
            hint="use the mqa that wrote it, or name another folder with `--store DIR`",
        )
    connection.executescript(_CREATE_INDEX + _CREATE_TABLES)
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a file that cannot be written; nothing is created next to it.

    Where not even the file that SQLite shares with other readers can be made, the file is read as it is: what another
    process writes meanwhile then looks like damage.
    """
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)
        try:
            connection.execute("SELECT count(*) FROM batches, rows, facts LIMIT 0").fetchall()
        except sqlite3.OperationalError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def connect_temporary() -> sqlite3.Connection:
    """Create a database that is in memory up to some size, beyond that in a file that goes when it is closed."""
    connection = sqlite3.connect("")
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute(f"PRAGMA cache_size = -{TEMPORARY_MEMORY // 1024}")
    connection.executescript(_CREATE_INDEX + _CREATE_TABLES)
    return connection


def insert_batch(connection: sqlite3.Connection, backend: bytes, keys: Sequence[bytes], payload: bytes) -> None:
    """Insert an encoded batch and index its keys, in one transaction."""
    with connection:
        cursor = connection.execute(
            "INSERT INTO batches (backend, payload, digest) VALUES (?, ?, ?)",
            (backend, payload, checksum(backend, payload)),
        )
        _index_batch(connection, cursor.lastrowid or 0, keys)


def batch_ids(connection: sqlite3.Connection, backend: bytes) -> set[int]:
    """The ids of the batches of one backend."""
    return {row[0] for row in connection.execute("SELECT id FROM batches WHERE backend = ?", (backend,))}


def has_batch(connection: sqlite3.Connection, backend: bytes, batch: int) -> bool:
    """Whether there is a batch of this id, and it is one of this backend."""
    row = connection.execute("SELECT 1 FROM batches WHERE id = ? AND backend = ?", (batch, backend)).fetchone()
    return row is not None


def is_index_empty(connection: sqlite3.Connection) -> bool:
    """Whether the index has no key at all."""
    (has_rows,) = connection.execute("SELECT EXISTS (SELECT 1 FROM rows)").fetchone()
    return not has_rows


def read_payload(connection: sqlite3.Connection, backend: bytes, batch: int) -> bytes | None:
    """The payload of a batch of a backend as it was stored; None where it is missing."""
    row = connection.execute("SELECT payload FROM batches WHERE id = ? AND backend = ?", (batch, backend)).fetchone()
    return bytes(row[0]) if row else None


def read_batch(connection: sqlite3.Connection, backend: bytes, batch: int) -> pa.Table | None:
    """One batch of a backend, with a column `key`; None where it is missing or damaged."""
    row = connection.execute(
        "SELECT payload, digest FROM batches WHERE id = ? AND backend = ?", (batch, backend)
    ).fetchone()
    return decode_batch(backend, *row) if row else None


def delete_batch(connection: sqlite3.Connection, batch: int) -> None:
    """Delete one batch; keys that the index has in it count as missing then."""
    with connection:
        connection.execute("DELETE FROM batches WHERE id = ?", (batch,))


def delete_batches(connection: sqlite3.Connection, backend: bytes) -> None:
    """Delete all batches of a backend, and their keys from the index."""
    with connection:
        connection.execute("DELETE FROM rows WHERE batch IN (SELECT id FROM batches WHERE backend = ?)", (backend,))
        connection.execute("DELETE FROM batches WHERE backend = ?", (backend,))


def rebuild_index(connection: sqlite3.Connection) -> None:
    """Build the whole index from the batches, each of which has its keys."""
    connection.execute("DROP TABLE rows")
    connection.execute(_CREATE_INDEX)
    batches = connection.execute("SELECT id, backend FROM batches WHERE typeof(backend) = 'blob'").fetchall()
    for batch, backend in batches:
        table = read_batch(connection, backend, batch)
        if table is not None:
            _index_batch(connection, batch, split_keys(keys_of(table)))


def _index_batch(connection: sqlite3.Connection, batch: int, keys: Sequence[bytes]) -> None:
    rows = ((key, batch, position) for position, key in enumerate(keys))
    connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", rows)


def salvage_batches(path: Path) -> Iterator[tuple[bytes, bytes, pa.Table]]:
    """Yield every whole batch that a damaged file still gives: its backend, its payload, and its table.

    The file is read from both ends, since damage in the middle stops a read.
    """
    seen: set[int] = set()
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.Error, UnicodeDecodeError), closing(sqlite3.connect(path)) as connection:
            batches = f"SELECT id, backend, payload, digest FROM batches ORDER BY id {order}"  # noqa: S608  # no input
            for batch, backend, payload, digest in connection.execute(batches):
                if batch in seen:
                    break
                seen.add(batch)
                if isinstance(backend, bytes) and (table := decode_batch(backend, payload, digest)) is not None:
                    yield backend, payload, table


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether an error of SQLite says that the file is damaged."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_NOTADB) & 0xFF in _DAMAGE_CODES


@contextmanager
def store_errors(folder: Path) -> Iterator[None]:
    """Raise a StoreError for an error of SQLite or of the disk."""
    try:
        with explain_folder_errors(folder):
            yield
    except sqlite3.OperationalError as error:
        kind = StoreError if is_damage(error) else StoreUnavailableError
        raise kind(
            f"the store `{folder}` cannot be used: {error}",
            hint="predictions stay cached; free some space, or name another folder with `--store DIR`",
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise StoreError(
            f"the predictions in the store `{folder}` are damaged: {error}",
            hint=f"move `{DATABASE}` elsewhere: what is in it is predicted again, and runs and exports stay",
        ) from error


def encode_batch(keys: Sequence[bytes], table: pa.Table, compression: str | None = None) -> bytes:
    """A batch as an Arrow stream, with its keys as the column `key`."""
    column = pa.array(keys, pa.binary(KEY_BYTES))
    sink = pa.BufferOutputStream()
    batch = table.append_column("key", column).combine_chunks()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_table(batch)
    return bytes(sink.getvalue())


def decode_batch(backend: bytes, payload: bytes, digest: bytes) -> pa.Table | None:
    """The table that `encode_batch` wrote; None where the payload is damaged."""
    return pa.ipc.open_stream(payload).read_all() if is_intact(backend, payload, digest) else None


def is_intact(backend: bytes, payload: object, digest: object) -> bool:
    """Whether a payload has the checksum that was stored with it."""
    return isinstance(payload, bytes) and checksum(backend, payload) == digest


def checksum(backend: bytes, payload: bytes) -> bytes:
    """The keyed BLAKE2b of a payload; of another backend it differs."""
    return hashlib.blake2b(payload, digest_size=16, key=backend).digest()


def keys_of(table: pa.Table) -> Keys:
    """The keys of a batch."""
    return join_keys(table.column("key").to_pylist())


def join_keys(keys: Sequence[bytes]) -> Keys:
    """Keys of 16 bytes each as one array, which compares and sorts quickly."""
    return np.frombuffer(b"".join(keys), dtype=f"S{KEY_BYTES}")


def split_keys(keys: Keys) -> list[bytes]:
    """The keys of an array one by one, with the zero bytes at a key's end, which numpy itself drops."""
    joined = keys.tobytes()
    return [joined[start : start + KEY_BYTES] for start in range(0, len(joined), KEY_BYTES)]
