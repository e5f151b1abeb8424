"""Outputs: whether a command can write where it is to, found out before anything takes long."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from mqa_registry.errors import UsageError
from mqa_registry.process import CLOSED
from mqa_registry.reports.output import explain_file_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

# Keys by which a JSON file shows that it is a report of mqa: on a run, a machine or an export. A stamp is none.
_REPORT_KEYS = (
    {"run", "verdict", "results"},
    {"exit_code", "environment", "findings"},
    {"sha256", "recipe", "exported"},
)
STDOUT = 1
ROWS = "ROWS.txt"  # the file by which `mqa rows` knows a folder that it made


def check_report(file: str | None, *, force: bool = False) -> None:
    """Check that a report can be written to a file, in place of an earlier one of mqa or, with `force`, of any file.

    One to standard output, `-`, needs that to be open. Raises a UsageError.
    """
    if file == "-" and STDOUT in CLOSED:
        raise UsageError(
            "standard output is closed, and the report was to be written to it", hint="name a file with `--json`"
        )
    if file is None or file == "-":
        return
    with explain_file_errors(file):
        path = Path(file).resolve()
        if path.is_dir():
            raise UsageError(f"`{file}` is a folder, and a report is a file", hint="name a file in it")
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder to write `{file}` to", hint="make it first, or write elsewhere")
        if path.is_file() or not path.exists():  # a pipe or a device is opened once, by who writes
            _check_writable(path.parent)
        if not force and path.is_file() and path.stat().st_size and not _is_report_of_mqa(path):
            raise UsageError(
                f"`{file}` is there already, and mqa did not write it",
                hint="write to another file, or replace this one with `--force`",
            )


def clear_report(file: str, *, inputs: Sequence[str] = ()) -> None:
    """Remove an earlier report of mqa, so that it does not stand for a run that comes to none.

    One of the `inputs` stays, as a report that is to be judged again. What cannot be removed is told by who writes.
    """
    with suppress(OSError, ValueError):
        path = Path(file).resolve()
        if (
            file != "-"
            and path.is_file()
            and _is_report_of_mqa(path)
            and not any(_names_path(one, path) for one in inputs)
        ):
            path.unlink()


def _names_path(word: str, path: Path) -> bool:
    """Whether a word of the command line is the path of a file, or ends in that, as in `--set data.x.path=FILE`."""
    parts = (word, word.partition("=")[2], word.rpartition("=")[2])
    return any(part and os.path.realpath(part) == str(path) for part in parts)


def check_rows(folder: Path) -> None:
    """Check that rows can be written to a folder: one that is not there, is empty, or was made by `mark_rows`."""
    check_output_folder(folder)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / ROWS).is_file():
        raise UsageError(
            f"`{folder}` holds files that `mqa rows` did not write", hint="name a new or an empty folder with `--out`"
        )


def mark_rows(folder: Path) -> None:
    """Make a folder for rows; what is in it may be replaced by `mqa rows` from now on."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ROWS).write_text("Made by `mqa rows`, which replaces what is in this folder.\n", encoding="utf-8")


def _is_report_of_mqa(file: Path) -> bool:
    """Whether a file is a report of mqa, and nothing of anybody else's."""
    try:
        found = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "format" in found and any(keys <= found.keys() for keys in _REPORT_KEYS)


def check_output_folder(folder: Path) -> None:
    """Check that files can be put into a folder, which need not be there yet."""
    with explain_file_errors(str(folder)):
        folder.exists()  # raises where nothing can have this name
        nearest = next(one for one in (folder, *folder.absolute().parents) if one.exists() or one.is_symlink())
        if not nearest.is_dir():
            what = "file" if nearest.exists() else "link that leads nowhere"
            raise UsageError(f"`{nearest}` is a {what}, and a folder is needed", hint="write elsewhere")
        _check_writable(nearest)


def _check_writable(folder: Path) -> None:
    """Write a file to a folder, and remove it: permissions do not tell of a read-only file system."""
    with TemporaryFile(dir=folder):
        pass
