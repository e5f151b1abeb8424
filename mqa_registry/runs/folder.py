"""Folders that are whole or not there: written beside their place, moved into it, and read only where nothing changed.

`SHA256SUMS` vouches for every file, in the form that `sha256sum -c` reads.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mqa_registry.atomic import atomic_folder, remove_folder
from mqa_registry.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SUMS = "SHA256SUMS"


def write_folder(place: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder with these files: all of it, or nothing."""
    with _reported(f"the run `{place.name}` could not be kept in `{place.parent}`"), atomic_folder(place) as draft:
        for name, content in {**files, SUMS: _sums(files)}.items():
            (draft / name).write_bytes(content)


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
    with _reported(f"the stored run `{place}` cannot be removed"):
        remove_folder(place)


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
