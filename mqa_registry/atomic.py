"""Atomic writes: folders that are whole or not there, written beside their place and moved into it."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DRAFT = re.compile(r"\.[0-9a-f]{12}\.tmp")
STALE = 24 * 3600  # seconds after which a draft is of a process that was killed


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write to, moved to `folder` at the end; where something is raised, nothing is left of it.

    Raises an OSError where it cannot be written, and where `folder` is there already and has files in it.
    """
    draft = _draft(folder)
    try:
        draft.mkdir(parents=True)
        yield draft
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder, so that no half of it is ever seen under its name. One that is not there is no error."""
    gone = _draft(folder)
    with suppress(FileNotFoundError):  # somebody else was quicker
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def remove_stale_drafts(parent: Path) -> None:
    """Remove what processes that were killed have left in a folder."""
    for draft in parent.iterdir():
        if not DRAFT.fullmatch(draft.name) or draft.is_symlink():
            continue
        try:
            stale = time.time() - draft.stat().st_mtime > STALE
        except OSError:  # somebody else was quicker
            continue
        if stale:
            shutil.rmtree(draft, ignore_errors=True)


def _draft(folder: Path) -> Path:
    return folder.with_name(f".{secrets.token_hex(6)}.tmp")
