"""Files and folders: what format a file has, by its content alone, and folders that are written whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import time
import zipfile
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import MAY_READ, DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

HEAD = 512  # bytes that tell most formats apart
POINTER = b"version https://git-lfs.github.com/spec/"
SUITE_REFERENCE = re.compile(r"\w[\w.-]*/\w[\w.-]*(@[^@/\s]+)?", re.ASCII)  # `plugin/name`, with a version if pinned
DRAFT = re.compile(r"\.[0-9a-f]{12}\.tmp")
STALE_AFTER = 24 * 3600  # seconds after which a draft is of a process that was killed


# Formats.


class FileFormat(StrEnum):
    """What a file holds, in words for a message."""

    TORCHSCRIPT = "TorchScript"
    PROGRAM = "an exported program of PyTorch"
    TORCH_SAVE = "a file that PyTorch saved (a state dict, a checkpoint or a pickled module)"
    PICKLE = "a pickle"
    ONNX = "an ONNX file"
    SAFETENSORS = "weights in safetensors, without a model around them"
    KERAS = "a Keras archive"
    HDF5 = "an HDF5 file, as Keras writes its weights"
    GGUF = "a GGUF file"
    TFLITE = "a TensorFlow Lite file"
    LFS_POINTER = "a pointer of git-LFS in place of the file"
    UNKNOWN = "a file of no known format"


def is_special(path: Path) -> bool:
    """Whether a path is that of a pipe, a device or a socket, which may never end, or not even open.

    One under which nothing is found is none.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def is_broken_link(path: Path) -> bool:
    """Whether a path is that of a link under which nothing is found: what it named is gone, or it leads to itself."""
    try:
        return path.is_symlink() and not path.exists()
    except (OSError, ValueError):
        return False


def file_format(path: Path) -> FileFormat:
    """The format of a file, which is there; UNKNOWN where it has none of these. A DataError where this user may not read it."""
    if is_special(path):
        return FileFormat.UNKNOWN
    try:
        with path.open("rb") as content:
            head = content.read(HEAD)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return _archive_format(archive.namelist())
    except PermissionError as error:
        raise DataError(f"`{path}` cannot be read: permission denied", hint=MAY_READ) from error
    except (OSError, zipfile.BadZipFile):
        return FileFormat.UNKNOWN
    return _head_format(head, path.suffix)


def _archive_format(names: Iterable[str]) -> FileFormat:
    """PyTorch packs all it writes in a folder inside of a zip archive."""
    inside = {name.partition("/")[2] or name for name in names}
    tops = {name.partition("/")[0] for name in inside}
    if {"archive_format", "serialized_exported_program.json"} & inside or {"models"} & tops:
        return FileFormat.PROGRAM
    if "constants.pkl" in inside:
        return FileFormat.TORCHSCRIPT
    if "data.pkl" in inside:
        return FileFormat.TORCH_SAVE
    return FileFormat.KERAS if "model.weights.h5" in inside else FileFormat.UNKNOWN


def _head_format(head: bytes, suffix: str) -> FileFormat:
    magic = {
        POINTER: FileFormat.LFS_POINTER,
        b"\x89HDF\r\n\x1a\n": FileFormat.HDF5,
        b"GGUF": FileFormat.GGUF,
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.": FileFormat.TORCH_SAVE,  # before it wrote archives
    }
    for start, kind in magic.items():
        if head.startswith(start):
            return kind
    if head[4:8] == b"TFL3":
        return FileFormat.TFLITE
    if head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return FileFormat.PICKLE
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100_000_000:
        return FileFormat.SAFETENSORS
    return (
        FileFormat.ONNX if suffix == ".onnx" or (head[:1] == b"\x08" and b"\x12" in head[2:3]) else FileFormat.UNKNOWN
    )


# Folders that are written whole or not at all.


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


# Suites.


def is_suite_reference(suite: str | Path, folder: Path | None = None) -> bool:
    """Whether the name of a suite means one that a plugin gives, as `plugin/name`, and no file.

    What is a file, by a path relative to a folder, the current one if left out, is that file.
    """
    text = os.fspath(suite)
    if SUITE_REFERENCE.fullmatch(text) is None or text.endswith(".toml"):
        return False
    return not os.path.lexists(text if folder is None else folder / text)


def suite_folder(suite: Path) -> Path:
    """The folder of a suite, with its store: that of its file, and the current one for a suite that a plugin gives."""
    return Path() if is_suite_reference(suite) else suite.parent


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
