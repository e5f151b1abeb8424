"""Opening the store of a run, which goes on without it where its disk cannot be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.errors import StoreError, StoreUnavailableError
from mqa_registry.store.fallback import FallbackStore
from mqa_registry.store.predictions import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path


def open_store(place: Path | str) -> FallbackStore:
    """Open the store in a folder or at a URL, which is made where it is missing.

    Where it cannot be written, what it has is read, and the run has a temporary store for the rest. Raises a StoreError
    where the place is no store of mqa, has links, or was written in another format, and a UsageError for a URL that no
    installed package can read.
    """
    try:
        if isinstance(place, str):
            from mqa_registry.store.shared import SharedStore

            return FallbackStore(SharedStore(place))
        return FallbackStore(SqliteStore(place))
    except StoreUnavailableError as failure:
        return FallbackStore(None if isinstance(place, str) else _open_read_only(place), failure)


def _open_read_only(folder: Path) -> SqliteStore | None:
    try:
        return SqliteStore(folder, read_only=True)
    except StoreError:
        return None
