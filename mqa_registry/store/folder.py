"""The folder of a store: one that mqa made and marked, with no links in it.

A store has files that mqa replaces and folders that it removes. So a folder with anything else in it is never taken for
a store, and no link in it can lead a write out of it: a checkout may bring a `.mqa` that somebody else made.
"""

from __future__ import annotations

import errno
import json
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from mqa_registry.errors import StoreError, StoreUnavailableError
from mqa_registry.files import is_special

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASE = "predictions.sqlite"
MARKER, MARK = "store.json", {"store": "mqa", "format": 1}
RUNS, EXPORTS = "runs", "exports"
# Files that tell git and backup tools to leave the store out: it has rows of data.
IGNORE_FILES = {
    ".gitignore": "*\n",
    "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a store of mqa: it can be made again.\n",
}
# The content of a store of an early mqa, which did not mark its stores.
_UNMARKED = {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", *IGNORE_FILES, RUNS, EXPORTS}
_DEFAULT_NAME = ".mqa"
_TABLES = {"rows", "batches", "facts"}
# What the system says of a name that can be no folder. All else is of the disk, or of what this user may do there.
_WRONG_NAME = {errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}


def claim(folder: Path) -> None:
    """Make a folder a store: a new or an empty one is marked; one that is a store already stays as it is.

    Raises a StoreError, with nothing written, where it has links or anything that mqa did not write, and a
    StoreUnavailableError where it cannot be written.
    """
    with explain_folder_errors(folder):
        refuse_links(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if not is_store(folder):
            if any(folder.iterdir()):
                raise StoreError(
                    f"`{folder}` is no store of mqa, and holds other files",
                    hint="name a new or an empty folder with `--store DIR`",
                )
            _mark(folder)
        for name, text in IGNORE_FILES.items():
            with suppress(FileExistsError):
                _write_new(folder / name, text)


@contextmanager
def explain_folder_errors(folder: Path) -> Iterator[None]:
    """Raise a StoreError for an OSError: a StoreUnavailableError where the name of the folder is not what is wrong."""
    try:
        yield
    except OSError as error:
        kind = StoreError if error.errno in _WRONG_NAME else StoreUnavailableError
        raise kind(
            f"the store `{folder}` cannot be used: {error.strerror}", hint="name another folder with `--store DIR`"
        ) from error


def is_store(folder: Path) -> bool:
    """Whether mqa made this folder as a store. Marks one that an early mqa made without a mark."""
    if is_special(folder / MARKER):
        return False
    try:
        mark = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return _is_unmarked_store(folder)
    except ValueError:
        return False
    return isinstance(mark, dict) and mark.get("store") == MARK["store"]


def refuse_links(folder: Path) -> None:
    """Raise a StoreError where a store, or anything directly in it, is a symbolic link, a pipe or a device."""
    paths = [folder, *(folder.iterdir() if folder.is_dir() and not folder.is_symlink() else ())]
    link = next((path for path in paths if path.is_symlink()), None)
    if link is not None:
        raise StoreError(
            f"`{link}` is a link, and a store has none: what is written there would land elsewhere",
            hint="remove the link, or name the folder itself with `--store DIR`",
        )
    special = next((path for path in paths if is_special(path)), None)
    if special is not None:
        raise StoreError(
            f"`{special}` is a pipe or a device, and a store has none",
            hint="remove it, or name another folder with `--store DIR`",
        )


def _is_unmarked_store(folder: Path) -> bool:
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    is_ours = bool(names) and names <= _UNMARKED and (folder.name == _DEFAULT_NAME or _has_tables(folder / DATABASE))
    if is_ours:
        _mark(folder)
    return is_ours


def _has_tables(database: Path) -> bool:
    if not database.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.Error:
        return False
    return {name for (name,) in names} >= _TABLES


def _mark(folder: Path) -> None:
    with suppress(FileExistsError):  # another process marked it just now
        _write_new(folder / MARKER, json.dumps(MARK) + "\n")


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, or nothing; a link of that name is not followed."""
    with path.open("x", encoding="utf-8") as stream:
        try:
            stream.write(text)
            stream.flush()
        except OSError:
            path.unlink()
            raise
