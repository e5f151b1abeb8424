"""Folders that are whole or not there: written beside their place, moved into it, and read only where nothing changed.

`SHA256SUMS` vouches for every file, in the form that `sha256sum -c` reads.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mqa_registry.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SUMS = "SHA256SUMS"
_DRAFT = re.compile(r"\.[0-9a-f]{12}\.tmp")
STALE = 24 * 3600  # seconds after which a draft is of a process that was killed


def write_folder(place: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder with these files: all of it, or nothing."""
    draft = place.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        with _reported(f"the run `{place.name}` could not be kept in `{place.parent}`"):
            draft.mkdir(parents=True)
            for name, content in {**files, SUMS: _sums(files)}.items():
                (draft / name).write_bytes(content)
            draft.rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def read_folder(place: Path) -> dict[str, bytes]:
    """The files of a folder, every one of them as it was written; StoreError where one is damaged or missing."""
    with _reported(f"the stored run `{place}` cannot be read"):
        files = {path.name: path.read_bytes() for path in sorted(place.iterdir()) if path.is_file()}
    if files.pop(SUMS, None) != _sums(files):
        raise StoreError(
            f"the stored run `{place.name}` is damaged: its files are not those that `{SUMS}` vouches for",
            hint=f"run the suite again, which predicts nothing anew, and remove `{place}`",
        )
    return files


def drop_folder(place: Path) -> None:
    """Remove a folder, so that no half of it is ever seen under its name."""
    gone = place.with_name(f".{secrets.token_hex(6)}.tmp")
    with _reported(f"the stored run `{place}` cannot be removed"), suppress(FileNotFoundError):  # somebody was quicker
        place.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def sweep(around: Path) -> None:
    """Remove what processes that were killed have left beside the folders."""
    for draft in around.iterdir():
        if not _DRAFT.fullmatch(draft.name) or draft.is_symlink():
            continue
        try:
            stale = time.time() - draft.stat().st_mtime > STALE
        except OSError:  # somebody else was quicker
            continue
        if stale:
            shutil.rmtree(draft, ignore_errors=True)


def _sums(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()


@contextmanager
def _reported(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{what}: {(error.strerror or str(error)).lower()}",
            hint="what was predicted is kept; free some space, or name another folder with `--store DIR`",
        ) from error
