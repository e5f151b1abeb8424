"""Atomic writes: folders that are whole or missing, written next to their path and moved there."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DRAFT = re.compile(r"\.[0-9a-f]{12}\.tmp")
STALE_AFTER = 24 * 3600  # seconds after which a draft is of a process that was killed


@contextmanager
def atomic_folder(folder: Path, *, is_whole: Callable[[Path], bool] | None = None) -> Iterator[Path]:
    """An empty folder to write to, which becomes `folder` at the end; after an error nothing of it is left.

    A `folder` that has files by then, because another process was quicker or an older one is damaged, stays where
    `is_whole` says that it is, and is replaced where not; without `is_whole` it is an OSError. So is a folder that cannot
    be written. What killed processes have left in the parent folder is removed.
    """
    draft = _draft_path(folder)
    try:
        draft.mkdir(parents=True)
        remove_stale_drafts(folder.parent)
        yield draft
        _move(draft, folder, is_whole)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _move(draft: Path, folder: Path, is_whole: Callable[[Path], bool] | None) -> None:
    while True:
        try:
            draft.rename(folder)
        except OSError:
            if is_whole is None or not folder.exists():
                raise
            if is_whole(folder):
                return
            remove_folder(folder)
        else:
            return


def remove_folder(folder: Path) -> None:
    """Remove a folder at once, so that no part of it is ever seen under its name. A missing one is no error."""
    removed = _draft_path(folder)
    with suppress(FileNotFoundError):  # another process was quicker
        folder.rename(removed)
    shutil.rmtree(removed, ignore_errors=True)


def remove_stale_drafts(parent: Path) -> None:
    """Remove the drafts in a folder that killed processes left."""
    for draft in parent.iterdir():
        if not DRAFT.fullmatch(draft.name) or draft.is_symlink():
            continue
        try:
            stale = time.time() - draft.stat().st_mtime > STALE_AFTER
        except OSError:  # another process was quicker
            continue
        if stale:
            shutil.rmtree(draft, ignore_errors=True)


def _draft_path(folder: Path) -> Path:
    return folder.with_name(f".{secrets.token_hex(6)}.tmp")
