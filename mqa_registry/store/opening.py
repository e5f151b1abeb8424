"""Opening the store of a run, which goes on without it where its disk cannot be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.errors import StoreError, StoreUnavailableError
from mqa_registry.store.fallback import FallbackStore
from mqa_registry.store.predictions import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path


def open_store(folder: Path) -> FallbackStore:
    """Open the store in a folder, which is made where it is missing.

    Where it cannot be written, what it has is read, and the run has a temporary store for the rest. Raises a StoreError
    where the folder is no store of mqa, has links, or was written in another format.
    """
    try:
        return FallbackStore(SqliteStore(folder))
    except StoreUnavailableError as failure:
        return FallbackStore(_open_read_only(folder), failure)


def _open_read_only(folder: Path) -> SqliteStore | None:
    try:
        return SqliteStore(folder, read_only=True)
    except StoreError:
        return None
