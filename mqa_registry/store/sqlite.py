"""The store: predictions kept by what they depend on, so that nothing is predicted twice.

One SQLite file in WAL mode. A batch of predictions is one Arrow stream with its checksum, written in one transaction;
`rows` says in which batch, and where in it, the prediction under a key stands. The batches are the truth and the index
can be made again from them, so a process that is killed at any moment loses at most the batch in flight, and a damaged
byte is either found or harmless. A file that SQLite cannot use any more is set aside, and its whole batches are copied
into a new one.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from contextlib import closing, contextmanager, suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import pyarrow as pa

from mqa_registry.errors import StoreError
from mqa_registry.store.folder import DATABASE, EXPORTS, claim, refuse_links
from mqa_registry.store.packing import checksum, is_sound, keys_of, packed, split, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from mqa_registry.store.packing import Keys

P = ParamSpec("P")
T = TypeVar("T")

FORMAT = 1
# What SQLite answers where a file is none of its own, or has no tables such as ours. All else (full, locked, not to be
# read or written) is of the disk, and says nothing of what is in the file.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH}

_ROWS = """
CREATE TABLE IF NOT EXISTS rows (
    key BLOB PRIMARY KEY, batch INTEGER NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
"""
_TABLES = """
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT, backend BLOB NOT NULL, payload BLOB NOT NULL, digest BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS batches_by_backend ON batches (backend);
CREATE TABLE IF NOT EXISTS facts (backend BLOB PRIMARY KEY, payload BLOB NOT NULL, digest BLOB NOT NULL);
"""
# A damaged file may hold anything where a number should be.
_PLACES = """
SELECT batch, number, position FROM wanted JOIN rows USING (key)
WHERE typeof(batch) = 'integer' AND typeof(position) = 'integer'
"""


def _recovering(operation: Callable[Concatenate[Store, P], T]) -> Callable[Concatenate[Store, P], T]:
    """The same operation of a store, done once more on a new file where the old one turns out to be damaged."""

    @wraps(operation)
    def recovering(store: Store, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with _reported(store.folder):
            try:
                return operation(store, *args, **kwargs)
            except UnicodeDecodeError:  # of a damaged name, in what SQLite says of the damage
                pass
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
            store.recover()
            return operation(store, *args, **kwargs)

    return recovering


class Store:
    """Predictions on disk, in one folder. `backend` below is always the digest of everything but the example."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exports = folder / EXPORTS
        self.set_aside: Path | None = None  # where a file went that turned out to be damaged
        claim(folder)
        self._connection = sqlite3.connect(":memory:")
        self._file = 0  # the number of the file that is open, which another process may have set aside since
        self._open()

    @_recovering
    def _open(self) -> None:
        database = self.folder / DATABASE
        self._file = database.stat().st_ino if database.exists() else 0
        self._connection = _connect(database)
        self._file = database.stat().st_ino

    def recover(self) -> None:
        """Set the file aside, and copy every batch of it that is whole into a new one."""
        refuse_links(self.folder)
        with suppress(sqlite3.Error):
            self._connection.close()
        database = self.folder / DATABASE
        aside = self.folder / f"{DATABASE}.damaged-{secrets.token_hex(4)}"
        with suppress(FileNotFoundError):
            if database.stat().st_ino == self._file:
                for suffix in ("-wal", "-shm", ""):  # the log first, that no new file is taken for the one it is of
                    with suppress(FileNotFoundError):
                        (self.folder / f"{DATABASE}{suffix}").rename(f"{aside}{suffix}")
                self.set_aside = aside
        self._connection = _connect(database)
        self._file = database.stat().st_ino
        for backend, payload, table in _whole_batches(aside) if aside.exists() else ():
            self._insert(backend, split(keys_of(table)), payload)

    def close(self) -> None:
        with _reported(self.folder):
            self._connection.close()

    @_recovering
    def put(self, backend: bytes, keys: Sequence[bytes], table: pa.Table) -> None:
        """Keep one batch: all of it, or nothing."""
        self._insert(backend, keys, packed(keys, table))

    def _insert(self, backend: bytes, keys: Sequence[bytes], payload: bytes) -> None:
        with self._connection as connection:
            cursor = connection.execute(
                "INSERT INTO batches (backend, payload, digest) VALUES (?, ?, ?)",
                (backend, payload, checksum(backend, payload)),
            )
            _index(connection, cursor.lastrowid or 0, keys)

    @_recovering
    def get(self, backend: bytes, keys: Keys) -> tuple[npt.NDArray[np.int64], pa.Table | None]:
        """Per key its row in the table of predictions that is given beside, or -1; the table is None without any.

        A batch that is damaged counts as not kept.
        """
        return self._get(backend, keys)

    def _get(self, backend: bytes, keys: Keys) -> tuple[npt.NDArray[np.int64], pa.Table | None]:
        places = np.full(len(keys), -1, dtype=np.int64)
        batches: list[pa.Table] = []
        offset = 0
        for batch, wanted, positions in self._placed(keys):
            table = self._batch(backend, batch)
            if table is None:
                continue
            stored = keys_of(table)
            sound = (positions >= 0) & (positions < len(stored))
            sound[sound] = stored[positions[sound]] == keys[wanted[sound]]
            places[wanted[sound]] = offset + positions[sound]
            batches.append(table)
            offset += len(stored)
        return places, pa.concat_tables(batches).drop_columns(["key"]) if batches else None

    @_recovering
    def known(self, backend: bytes, keys: Keys) -> npt.NDArray[np.bool_]:
        """Per key whether the index has it in a batch of this backend; the batches themselves are not read."""
        known = np.zeros(len(keys), dtype=bool)
        batches = self._batches(backend)
        for batch, wanted, _ in self._placed(keys):
            known[wanted] = batch in batches
        return known

    @_recovering
    def mend(self, backend: bytes) -> None:
        """Drop the damaged batches of one backend; where the index does not lead to the others, make it again."""
        with self._connection as connection:
            sound = True
            for batch in self._batches(backend):
                table = self._batch(backend, batch)
                if table is None:
                    connection.execute("DELETE FROM batches WHERE id = ?", (batch,))
                else:
                    sound = sound and bool((self._get(backend, keys_of(table))[0] >= 0).all())
            if not sound:
                self._index_again()

    @_recovering
    def note(self, backend: bytes, facts: Mapping[str, Any]) -> None:
        """Keep what is known of how a backend ran, for the reports of runs that need not run it."""
        payload = json.dumps(facts, sort_keys=True, default=str).encode()
        with self._connection as connection:
            connection.execute(
                "INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", (backend, payload, checksum(backend, payload))
            )

    @_recovering
    def noted(self, backend: bytes) -> dict[str, Any]:
        """What was noted of a backend; empty where nothing was, or where it is damaged."""
        row = self._connection.execute("SELECT payload, digest FROM facts WHERE backend = ?", (backend,)).fetchone()
        return dict(json.loads(row[0])) if row and is_sound(backend, *row) else {}

    @_recovering
    def forget(self, backend: bytes) -> None:
        """Drop whatever is kept for one backend."""
        with self._connection as connection:
            connection.execute("DELETE FROM rows WHERE batch IN (SELECT id FROM batches WHERE backend = ?)", (backend,))
            connection.execute("DELETE FROM batches WHERE backend = ?", (backend,))

    def _placed(self, keys: Keys) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """For each batch with some of the keys: its id, which of the keys, and their positions in it."""
        connection = self._connection
        connection.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (number INTEGER PRIMARY KEY, key BLOB)")
        connection.execute("DELETE FROM wanted")
        connection.executemany("INSERT INTO wanted VALUES (?, ?)", enumerate(split(keys)))
        placed = connection.execute(_PLACES).fetchall()
        connection.commit()
        table = np.array(placed, dtype=np.int64).reshape(-1, 3)
        table = table[np.argsort(table[:, 0], kind="stable")]
        ids, starts = np.unique(table[:, 0], return_index=True)
        for batch, part in zip(ids, np.split(table, starts[1:]), strict=False):
            yield int(batch), part[:, 1], part[:, 2]

    def _index_again(self) -> None:
        """Make the whole index from the batches, which say themselves what is in them."""
        connection = self._connection
        connection.execute("DROP TABLE rows")
        connection.execute(_ROWS)
        for batch, backend in connection.execute(
            "SELECT id, backend FROM batches WHERE typeof(backend) = 'blob'"
        ).fetchall():
            table = self._batch(backend, batch)
            if table is not None:
                _index(connection, batch, split(keys_of(table)))

    def _batches(self, backend: bytes) -> set[int]:
        found = self._connection.execute("SELECT id FROM batches WHERE backend = ?", (backend,))
        return {row[0] for row in found}

    def _batch(self, backend: bytes, batch: int) -> pa.Table | None:
        row = self._connection.execute(
            "SELECT payload, digest FROM batches WHERE id = ? AND backend = ?", (batch, backend)
        ).fetchone()
        return unpacked(backend, *row) if row else None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, FORMAT):
        raise StoreError(
            f"the store `{path}` has format {version}, and this mqa reads format {FORMAT}",
            hint="use the mqa that wrote it, or name another folder with `--store DIR`",
        )
    connection.executescript(_ROWS + _TABLES)
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    return connection


def _index(connection: sqlite3.Connection, batch: int, keys: Sequence[bytes]) -> None:
    places = ((key, batch, position) for position, key in enumerate(keys))
    connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", places)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_NOTADB) & 0xFF in _DAMAGE


def _whole_batches(database: Path) -> Iterator[tuple[bytes, bytes, pa.Table]]:
    """Every batch that a damaged file still gives whole: its backend, its payload, the table in it.

    The file is read from both its ends, since what is damaged in the middle ends a reading.
    """
    seen: set[int] = set()
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.Error, UnicodeDecodeError), closing(sqlite3.connect(database)) as connection:
            batches = f"SELECT id, backend, payload, digest FROM batches ORDER BY id {order}"  # noqa: S608  # no input
            for number, backend, payload, digest in connection.execute(batches):
                if number in seen:
                    break
                seen.add(number)
                if isinstance(backend, bytes) and (table := unpacked(backend, payload, digest)) is not None:
                    yield backend, payload, table


@contextmanager
def _reported(folder: Path) -> Iterator[None]:
    """What the disk or SQLite refuses, as one line with a way out."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"the store `{folder}` cannot be used: {error}",
            hint="what was predicted before is kept; free some space, or name another folder with `--store DIR`",
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise StoreError(
            f"the predictions in the store `{folder}` are damaged: {error}",
            hint=f"move `{DATABASE}` elsewhere: what is in it is predicted anew, and runs and exports stay",
        ) from error
    except OSError as error:
        raise StoreError(
            f"the store `{folder}` cannot be used: {error.strerror}", hint="name another folder with `--store DIR`"
        ) from error
