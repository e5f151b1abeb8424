"""A store with a temporary one behind it: a run goes on where its store cannot be written, and says so at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from mqa_registry.errors import StoreError, StoreUnavailableError
from mqa_registry.findings import Finding
from mqa_registry.store.predictions import TemporaryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry.store.database import Keys
    from mqa_registry.store.protocol import Batch, Store

T = TypeVar("T")


class FallbackStore:
    """A `Store` that takes everything: from the first failure of a store on, what is put goes into a temporary one.

    `store` is where predictions are kept; None where it could not even be opened. `failure` is why it cannot be written
    from the start, where it can be read at most.
    """

    def __init__(self, store: Store | None, failure: StoreError | None = None) -> None:
        self._store = store
        self._failure = failure
        self._temporary = TemporaryStore() if failure else None
        self._is_partly_kept = failure is None
        self._deleted: set[bytes] = set()  # backends whose predictions could not be deleted, and are not read

    @property
    def findings(self) -> tuple[Finding, ...]:
        """A warning where predictions are gone with the run; known once the store is closed."""
        if self._failure is None:
            return ()
        what = "not every prediction" if self._is_partly_kept else "no prediction"
        message = f"{what} of this run is stored: {self._failure.message}"
        return (Finding("warning", "store", message, self._failure.hint),)

    def put(self, backend: bytes, keys: Sequence[bytes], table: pa.Table) -> None:
        self._write(lambda store: store.put(backend, keys, table))

    def get(self, backend: bytes, keys: Keys) -> tuple[npt.NDArray[np.int64], pa.Table | None]:
        nothing: tuple[npt.NDArray[np.int64], pa.Table | None] = (np.full(len(keys), -1, dtype=np.int64), None)
        rows, table = self._read(lambda store: store.get(backend, keys), nothing, backend)
        missing = np.flatnonzero(rows < 0)
        if self._temporary is None or not len(missing):
            return rows, table
        more_rows, more = self._temporary.get(backend, keys[missing])
        rows[missing] = np.where(more_rows < 0, -1, more_rows + (0 if table is None else len(table)))
        tables = [one for one in (table, more) if one is not None]
        return rows, pa.concat_tables(tables) if tables else None

    def contains(self, backend: bytes, keys: Keys) -> npt.NDArray[np.bool_]:
        if self._temporary is not None:  # a store that cannot be written cannot be repaired: what it has is read
            return self.get(backend, keys)[0] >= 0
        return self._read(lambda store: store.contains(backend, keys), np.zeros(len(keys), dtype=bool), backend)

    def repair(self, backend: bytes) -> None:
        self._write(lambda store: store.repair(backend))

    def put_facts(self, backend: bytes, facts: Mapping[str, Any]) -> None:
        self._write(lambda store: store.put_facts(backend, facts))

    def get_facts(self, backend: bytes) -> dict[str, Any]:
        found = self._temporary.get_facts(backend) if self._temporary is not None else {}
        return found or self._read(lambda store: store.get_facts(backend), {})

    def delete(self, backend: bytes) -> None:
        self._write(lambda store: store.delete(backend))
        if self._temporary is not None:
            self._deleted.add(backend)

    def take_pending(self) -> Sequence[Batch]:
        return self._store.take_pending() if self._store is not None else ()

    def close(self) -> None:
        for store in (self._store, self._temporary):
            try:
                if store is not None:
                    store.close()
            except StoreUnavailableError as error:
                self._failure = self._failure or error

    def _write(self, operation: Callable[[Store], None]) -> None:
        """Change the store; where that fails, and from then on, the temporary one."""
        if self._temporary is None:
            assert self._store is not None
            try:
                operation(self._store)
            except StoreUnavailableError as error:
                self._begin_fallback(error)
        if self._temporary is not None:
            operation(self._temporary)

    def _read(self, operation: Callable[[Store], T], default: T, backend: bytes = b"") -> T:
        """What the store answers; the default where it cannot be read, or what it has was to be deleted."""
        if self._store is None or backend in self._deleted:
            return default
        try:
            return operation(self._store)
        except StoreError as error:
            if self._failure is None and not isinstance(error, StoreUnavailableError):
                raise
            if self._failure is None:
                self._begin_fallback(error)  # what was pending could not be stored, perhaps: reading may go on
                return self._read(operation, default, backend)
            self._store = None  # it stays open, until nothing refers to it
            return default

    def _begin_fallback(self, failure: StoreError) -> None:
        """Put everything into a temporary store from now on, what is pending first."""
        self._failure = failure
        self._temporary = TemporaryStore()
        for batch in self.take_pending():
            self._temporary.put(*batch)
