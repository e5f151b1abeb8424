"""A store at a URL, which several machines share: shards of predictions as files, each with a manifest of its keys.

    store.json                        marks the place as a store of mqa
    predictions/BACKEND/NAME.arrow    a shard: an Arrow stream of predictions with their keys, compressed
    predictions/BACKEND/NAME.keys     its manifest: a checksum, and the key of each row, 16 bytes each
    facts/BACKEND                     facts of the backend: a checksum, and JSON

BACKEND is the digest of the backend, and NAME that of the shard's content. So no file is ever changed, equal shards of
several writers are one file, and a damaged one is found by its name. A manifest is written after its shard: a shard without
one does not exist. So writers need no lock, and one that is killed leaves a file that nobody reads.

The manifests that were listed are indexed in a temporary database, which has bounded memory; a shard is read only where
keys of it are asked for.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.errors import StoreError
from mqa_registry.store.database import (
    KEY_BYTES,
    checksum,
    connect_temporary,
    decode_batch,
    delete_batch,
    delete_batches,
    encode_batch,
    has_batch,
    insert_batch,
    join_keys,
    read_payload,
    split_keys,
)
from mqa_registry.store.folder import MARK, MARKER
from mqa_registry.store.lookup import collect_rows, look_up
from mqa_registry.store.object_files import READ_AT_ONCE, ObjectFiles
from mqa_registry.store.protocol import Batch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry.store.database import Keys

PREDICTIONS, FACTS = "predictions", "facts"
SHARD, MANIFEST = ".arrow", ".keys"
SHARD_ROWS = 2048  # rows that are written together, unless they are read before
SHARD_BYTES = 8 << 20  # of them, in memory
SHARD_SECONDS = 30  # that a row waits to be written
LISTING_SECONDS = 60  # between two looks for what others have written, at least
LISTING_SHARE = 0.1  # of the time that listing may take, at most
_MANIFEST_NAME = re.compile(rf"([0-9a-f]{{{2 * KEY_BYTES}}}){re.escape(MANIFEST)}")


class SharedStore:
    """A `Store` at a URL. A batch is pending until it is written with others as a shard.

    Raises a UsageError where the URL can be no store, and a StoreError where it has files that mqa did not write.
    """

    def __init__(self, url: str) -> None:
        self._files = ObjectFiles(url)
        self._claim()
        self._index = connect_temporary()  # of each shard its keys, with its name in place of its content
        self._listed: dict[bytes, set[str]] = {}
        self._next_listing: dict[bytes, float] = {}
        self._damaged: list[tuple[bytes, str]] = []
        self._pending: list[Batch] = []
        self._pending_since = 0.0
        self._facts: dict[bytes, dict[str, Any]] = {}

    def put(self, backend: bytes, keys: Sequence[bytes], table: pa.Table) -> None:
        """Store one batch of predictions: all of it, or nothing. It is written with others, or when it is read."""
        self._pending_since = self._pending_since if self._pending else time.monotonic()
        self._pending.append(Batch(backend, keys, table))
        rows, size = (sum(map(measure, self._pending)) for measure in (_count_rows, _count_bytes))
        if rows >= SHARD_ROWS or size >= SHARD_BYTES or time.monotonic() - self._pending_since >= SHARD_SECONDS:
            self._write_pending()

    def get(self, backend: bytes, keys: Keys) -> tuple[npt.NDArray[np.int64], pa.Table | None]:
        self._update_index(backend)
        found = collect_rows(self._index, keys, lambda shard: self._read_shard(backend, shard))
        return found.rows, found.table

    def contains(self, backend: bytes, keys: Keys) -> npt.NDArray[np.bool_]:
        self._update_index(backend)
        contained = np.zeros(len(keys), dtype=bool)
        for shard, numbers, _ in look_up(self._index, keys):
            contained[numbers] = has_batch(self._index, backend, shard)
        return contained

    def repair(self, backend: bytes) -> None:
        """Remove the damaged shards that `get` met, so that no other run meets them."""
        for of, name in self._damaged:
            self._files.remove(f"{_folder(of)}/{name}{MANIFEST}")
            self._files.remove(f"{_folder(of)}/{name}{SHARD}")
        self._damaged.clear()

    def put_facts(self, backend: bytes, facts: Mapping[str, Any]) -> None:
        payload = json.dumps(facts, sort_keys=True, default=str).encode()
        self._facts[backend] = json.loads(payload)
        self._files.write(f"{FACTS}/{backend.hex()}", checksum(backend, payload) + payload)

    def get_facts(self, backend: bytes) -> dict[str, Any]:
        if backend not in self._facts:
            payload = _read_checked(backend, self._files.read(f"{FACTS}/{backend.hex()}"))
            self._facts[backend] = dict(json.loads(payload)) if payload is not None else {}
        return self._facts[backend]

    def delete(self, backend: bytes) -> None:
        self._pending = [batch for batch in self._pending if batch.backend != backend]
        self._files.remove(_folder(backend))
        delete_batches(self._index, backend)
        self._listed.pop(backend, None)

    def take_pending(self) -> Sequence[Batch]:
        taken, self._pending = self._pending, []
        return taken

    def close(self) -> None:
        try:
            self._write_pending()
        finally:
            self._index.close()

    def _claim(self) -> None:
        """Mark a new or an empty place as a store. Raises a StoreError for one with other files."""
        self._files.refuse_links(PREDICTIONS, FACTS)
        mark = self._files.read(MARKER)
        if mark is None:
            others = [name for name in self._files.list_names("") if not name.startswith(MARKER)]
            if others and self._files.read(MARKER) is None:  # which another process may have written meanwhile
                raise StoreError(
                    f"`{self._files.url}` is no store of mqa, and holds other files",
                    hint="name a new or an empty folder with `--store`",
                )
            self._files.write(MARKER, f"{json.dumps(MARK)}\n".encode())
        elif not _is_mark(mark):
            raise StoreError(
                f"`{self._files.url}/{MARKER}` is not of this mqa", hint="name another folder with `--store`"
            )

    def _write_pending(self) -> None:
        """Write what is pending, a shard for each backend. Where that fails, it stays pending."""
        for backend in dict.fromkeys(batch.backend for batch in self._pending):
            batches = [batch for batch in self._pending if batch.backend == backend]
            keys = [key for batch in batches for key in batch.keys]
            payload = encode_batch(keys, pa.concat_tables([batch.table for batch in batches]), compression="zstd")
            name, manifest = checksum(backend, payload).hex(), b"".join(keys)
            self._files.write(f"{_folder(backend)}/{name}{SHARD}", payload)
            self._files.write(f"{_folder(backend)}/{name}{MANIFEST}", checksum(backend, manifest) + manifest)
            insert_batch(self._index, backend, keys, name.encode())
            self._listed.setdefault(backend, set()).add(name)
            self._pending = [batch for batch in self._pending if batch.backend != backend]

    def _update_index(self, backend: bytes) -> None:
        """Index the shards of a backend that are new, those of other processes from time to time."""
        if any(batch.backend == backend for batch in self._pending):
            self._write_pending()
        begun = time.monotonic()
        if begun < self._next_listing.get(backend, 0.0):
            return
        listed = self._listed.setdefault(backend, set())
        names = filter(None, map(_MANIFEST_NAME.fullmatch, self._files.list_names(_folder(backend))))
        added = [name[1] for name in names if name[1] not in listed]
        for start in range(0, len(added), READ_AT_ONCE):
            paths = {f"{_folder(backend)}/{name}{MANIFEST}": name for name in added[start : start + READ_AT_ONCE]}
            for path, content in self._files.read_all(list(paths)).items():
                manifest = _read_checked(backend, content)
                if manifest is None or len(manifest) % KEY_BYTES:
                    self._damaged.append((backend, paths[path]))
                else:
                    keys = split_keys(join_keys([manifest]))
                    insert_batch(self._index, backend, keys, paths[path].encode())
            listed.update(paths.values())
        ended = time.monotonic()
        self._next_listing[backend] = ended + max(LISTING_SECONDS, (ended - begun) / LISTING_SHARE)

    def _read_shard(self, backend: bytes, shard: int) -> pa.Table | None:
        """The table of an indexed shard; None where it is another backend's, gone or damaged, and indexed no longer."""
        payload = read_payload(self._index, backend, shard)
        if payload is None:
            return None
        name = payload.decode()
        content = self._files.read(f"{_folder(backend)}/{name}{SHARD}")
        table = decode_batch(backend, content, bytes.fromhex(name)) if content is not None else None
        if table is None:
            delete_batch(self._index, shard)
            self._damaged.append((backend, name))
        return table


def _folder(backend: bytes) -> str:
    return f"{PREDICTIONS}/{backend.hex()}"


def _count_rows(batch: Batch) -> int:
    return len(batch.keys)


def _count_bytes(batch: Batch) -> int:
    return int(batch.table.nbytes)


def _read_checked(backend: bytes, content: bytes | None) -> bytes | None:
    """What follows its checksum in a file; None where it is missing or damaged."""
    if content is None or checksum(backend, content[KEY_BYTES:]) != content[:KEY_BYTES]:
        return None
    return content[KEY_BYTES:]


def _is_mark(content: bytes) -> bool:
    try:
        return bool(json.loads(content) == MARK)
    except ValueError:
        return False
