"""The scratch folder of a run: files that it needs while it works, in its store, and gone when it ends."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import StoreError
from mqa_registry.store.folder import EXPORTS, claim

try:
    import fcntl
except ImportError:  # a system without file locks: there, nobody knows which folders are left behind
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from mqa_registry.contributions import RunContext

SCRATCH = "scratch"
PREFIX = "run-"
ATTEMPTS = 10  # to make a folder that no other run takes for one that is left behind


class Scratch:
    """A folder of one run, made when it is first asked for.

    It is in the store, so that it is on a disk with room, or in the system's folder for such files where the store
    cannot be written. Its run holds a lock on it, which the system releases when the process ends, however it ends.
    Folders in the store that nobody holds a lock on are of runs that were killed, and are removed.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._folder: Path | None = None
        self._lock: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def folder(self) -> Path:
        """The folder, which exists."""
        if self._folder is None:
            self._folder, self._lock = self._make()
        return self._folder

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _make(self) -> tuple[Path, int | None]:
        try:
            claim(self._store)
            parent = self._store / SCRATCH
            parent.mkdir(exist_ok=True)
            remove_abandoned(parent)
            return _make_locked(parent)
        except (OSError, StoreError):
            return Path(tempfile.mkdtemp(prefix="mqa-")), None


@contextmanager
def open_scratch(context: RunContext, store: Path) -> Iterator[RunContext]:
    """The context of a run with a scratch folder in its store; the folder is removed at the end.

    Exports are made there too where the store cannot be written.
    """
    with Scratch(store) as scratch:
        exports = context.exports if _is_writable(store) else scratch.folder() / EXPORTS
        yield replace(context, scratch=scratch.folder, exports=exports)


def _is_writable(folder: Path) -> bool:
    """Whether this user may write in a folder, or make it."""
    nearest = next((one for one in (folder, *folder.absolute().parents) if os.access(one, os.F_OK)), folder)
    return os.access(nearest, os.W_OK | os.X_OK)


def remove_abandoned(parent: Path) -> None:
    """Remove the scratch folders that killed runs left; those of runs that go on stay."""
    for folder in parent.glob(f"{PREFIX}*"):
        if folder.is_symlink():
            continue
        lock = _lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _make_locked(parent: Path) -> tuple[Path, int | None]:
    """A new folder with a lock on it. Another run may see it before it is locked, and remove it: then one more is made."""
    for _ in range(ATTEMPTS):
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=PREFIX))
        lock = _lock(folder)
        if fcntl is None or (lock is not None and folder.exists()):
            return folder, lock
        if lock is not None:
            os.close(lock)
    raise OSError(f"no folder in `{parent}` can be locked")


def _lock(folder: Path) -> int | None:
    """The descriptor of a folder that is locked now; None where another process holds the lock, or there are no locks."""
    if fcntl is None:
        return None
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor
    return None
