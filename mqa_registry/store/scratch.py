"""The scratch folder of a run: files that it needs while it works, in its store, and gone when it ends."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import StoreError
from mqa_registry.store.folder import claim

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

SCRATCH = "scratch"


class Scratch:
    """A folder of one run, made when it is first asked for.

    It is in the store, so that it is on a disk with room, or in the system's folder for such files where the store
    cannot be written. Folders that earlier runs left behind when they were killed are removed.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def folder(self) -> Path:
        """The folder, which exists."""
        if self._folder is None:
            self._folder = self._make()
        return self._folder

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _make(self) -> Path:
        try:
            claim(self._store)
            place = self._store / SCRATCH
            place.mkdir(exist_ok=True)
            return Path(tempfile.mkdtemp(dir=place, prefix="run-"))
        except (OSError, StoreError):
            return Path(tempfile.mkdtemp(prefix="mqa-"))
