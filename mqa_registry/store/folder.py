"""The folder of a store: one that mqa made and marked, with no links in it.

A store holds files that mqa replaces and folders that it removes. So a folder that holds anything else is never taken
for one, and no link in it can lead a write out of it: a checkout may bring a `.mqa` of somebody else's making.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from mqa_registry.errors import StoreError
from mqa_registry.formats import is_special

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "predictions.sqlite"
MARK, MARKED = "store.json", {"store": "mqa", "format": 1}
RUNS, EXPORTS = "runs", "exports"
# What tells git, and whoever packs or copies a folder, to leave the store out: rows of data are in it.
LEAVE_OUT = {
    ".gitignore": "*\n",
    "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a store of mqa: it can be made again.\n",
}
# What a store of an mqa that did not mark its stores holds.
_UNMARKED = {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", *LEAVE_OUT, RUNS, EXPORTS}
_USUAL = ".mqa"
_TABLES = {"rows", "batches", "facts"}


def claim(folder: Path) -> None:
    """Make sure that a folder is a store: make it, or see that it is empty or one already.

    Raises a StoreError, with nothing written, where it holds anything that mqa did not write, or links.
    """
    try:
        refuse_links(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if not is_store(folder):
            if any(folder.iterdir()):
                raise StoreError(
                    f"`{folder}` is no store of mqa, and holds other files",
                    hint="name a new or an empty folder with `--store DIR`",
                )
            _mark(folder)
        for name, text in LEAVE_OUT.items():
            with suppress(FileExistsError):
                _write_new(folder / name, text)
    except OSError as error:
        raise StoreError(
            f"the store `{folder}` cannot be used: {error.strerror}", hint="name another folder with `--store DIR`"
        ) from error


def is_store(folder: Path) -> bool:
    """Whether mqa made this folder as a store. One that an earlier mqa made is marked now."""
    if is_special(folder / MARK):
        return False
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return _is_unmarked_store(folder)
    except ValueError:
        return False
    return isinstance(mark, dict) and mark.get("store") == MARKED["store"]


def refuse_links(folder: Path) -> None:
    """Raise a StoreError where a store, or anything directly in it, is a symbolic link, a pipe or a device."""
    found = [folder, *(folder.iterdir() if folder.is_dir() and not folder.is_symlink() else ())]
    link = next((path for path in found if path.is_symlink()), None)
    if link is not None:
        raise StoreError(
            f"`{link}` is a link, and a store has none: what is written there would land elsewhere",
            hint="remove the link, or name the folder itself with `--store DIR`",
        )
    special = next((path for path in found if is_special(path)), None)
    if special is not None:
        raise StoreError(
            f"`{special}` is a pipe or a device, and a store has none",
            hint="remove it, or name another folder with `--store DIR`",
        )


def _is_unmarked_store(folder: Path) -> bool:
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    ours = bool(names) and names <= _UNMARKED and (folder.name == _USUAL or _has_tables(folder / DATABASE))
    if ours:
        _mark(folder)
    return ours


def _has_tables(database: Path) -> bool:
    if not database.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.Error:
        return False
    return {name for (name,) in found} >= _TABLES


def _mark(folder: Path) -> None:
    with suppress(FileExistsError):  # another process marked it just now
        _write_new(folder / MARK, json.dumps(MARKED) + "\n")


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet; a link of that name is not followed."""
    with path.open("x", encoding="utf-8") as stream:
        stream.write(text)
