"""The folder of a kept run: its files with their digests, written whole or not at all.

Files of equal content are on the disk once: a later run has a hard link to the file of an earlier one. So every folder is
whole by itself, and the file system frees a file with the last folder that has it. Where it has no hard links, a run has
its own copy.

`SHA256SUMS` has the digest of every file, in the form that `sha256sum -c` reads.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import re
import shutil
import stat
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mqa_registry.errors import StoreError
from mqa_registry.files import atomic_folder, is_special, remove_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    Content: TypeAlias = bytes | Path  # of a file: the bytes, or a file that has them and is moved

CHECKSUMS = "SHA256SUMS"
MAX_NAMED_FILES = 3  # that an error lists
_CHECKSUM_LINE = re.compile(r"([0-9a-f]{64})  ([\w-][\w.-]*)", re.ASCII)


def write_folder(folder: Path, files: Mapping[str, Content], equal_files: Mapping[str, Path] | None = None) -> None:
    """Write a folder with these files and their checksums: all of it, or nothing. Raises a StoreError.

    A file that is given by its path is moved. `equal_files` are files on the disk by the digest that their content should have. One that has the content is linked
    and not written again.
    """
    with keeping_errors(folder), atomic_folder(folder) as draft:
        digests = _digest_files(files)
        for name, content in files.items():
            source = (equal_files or {}).get(digests[name])
            if source is None or not _link_file(source, draft / name, content):
                _write_new_file(draft / name, content)
        _write_new_file(draft / CHECKSUMS, _format_checksums(digests))


def keeping_errors(folder: Path) -> AbstractContextManager[None]:
    """A context in which an OSError is a StoreError: the run in this folder cannot be kept."""
    message = f"the run `{folder.name}` could not be kept in `{folder.parent}`"
    return _store_errors(message, "predictions stay cached; free some space, or name another folder with `--store DIR`")


def _link_file(source: Path, path: Path, content: Content) -> bool:
    """Link `path` to a file if that has this content. Returns whether it is linked; where not, nothing is left.

    The link is what is compared, since another process may remove the run that has `source` at any moment.
    """
    is_equal = False
    with suppress(OSError, NotImplementedError):
        path.hardlink_to(source)
        try:
            is_equal = stat.S_ISREG(path.lstat().st_mode) and _has_content(path, content)
        finally:
            if not is_equal:
                path.unlink()
    return is_equal


def _has_content(path: Path, content: Content) -> bool:
    """Whether a file has this content."""
    if isinstance(content, Path):
        return filecmp.cmp(path, content, shallow=False)
    return path.stat().st_size == len(content) and path.read_bytes() == content


def _write_new_file(path: Path, content: Content) -> None:
    """Write a file that is not there yet: one that is may be a link to that of another run."""
    with path.open("xb") as stream:
        if isinstance(content, bytes):
            stream.write(content)
            return
    shutil.move(content, path)


def find_equal_files(files: Mapping[str, Content], folders: Iterable[Path]) -> dict[str, Path]:
    """The files in these folders that have the content of these files by their checksums: a path by the digest.

    The first folder that has one counts, and none is read once all are found.
    """
    missing = set(_digest_files(files).values())
    found: dict[str, Path] = {}
    for folder in folders:
        for name, digest in _read_checksums(folder).items():
            if digest in missing:
                missing.remove(digest)
                found[digest] = folder / name
        if not missing:
            break
    return found


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of a folder by name, as they were written. Raises a StoreError where one is damaged or missing."""
    hint = "see who may read it, or run the suite again"
    with _removal_noticed(folder), _store_errors(f"the stored run `{folder}` cannot be read", hint):
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
        checksums = files.pop(CHECKSUMS, None)
        if checksums != _format_checksums(_digest_files(files)):
            raise StoreError(
                f"the stored run `{folder.name}` is damaged: {_describe_damage(files, checksums or b'')}",
                hint=f"run the suite again, with the predictions that are cached, and remove `{folder}`",
            )
    return files


@contextmanager
def _removal_noticed(folder: Path) -> Iterator[None]:
    """Raise a StoreError that says so where a folder cannot be read because another process removed it meanwhile."""
    try:
        yield
    except StoreError as error:
        if folder.exists():
            raise
        raise StoreError(f"the run `{folder.name}` was removed just now", hint="`mqa runs` lists the others") from error


def _describe_damage(files: Mapping[str, bytes], checksums: bytes) -> str:
    """Which files are damaged or missing, or should not be there."""
    expected, found = _parse_checksums(checksums), _digest_files(files)
    names = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if not expected or not names:
        return f"`{CHECKSUMS}` is not as it was written"
    more = f" and {len(names) - MAX_NAMED_FILES} more" if len(names) > MAX_NAMED_FILES else ""
    listed = ", ".join(f"`{name}`" for name in names[:MAX_NAMED_FILES]) + more
    return f"the digest in `{CHECKSUMS}` is not that of {listed}"


def drop_folder(folder: Path) -> None:
    """Remove a folder at once; no part of it is ever seen under its name. Raises a StoreError."""
    with _store_errors(f"the stored run `{folder}` cannot be removed", "see who may write to the store"):
        remove_folder(folder)


def list_files(folder: Path) -> list[os.stat_result]:
    """The files in a folder, without those of folders in it; none where another process removed it just now."""
    try:
        with os.scandir(folder) as entries:
            # What an entry itself says has no inode on Windows.
            found = [os.stat(entry, follow_symlinks=False) for entry in entries]  # noqa: PTH116
    except FileNotFoundError:
        return []
    return [one for one in found if stat.S_ISREG(one.st_mode)]


def identify_file(file: os.stat_result) -> tuple[int, int]:
    """What two files have in common only where they are links to one: the device and the inode."""
    return file.st_dev, file.st_ino


def folder_size(folder: Path) -> int:
    """The bytes of the files in a folder, also of those that other folders have too."""
    return sum({identify_file(file): file.st_size for file in list_files(folder)}.values())


class Removal(NamedTuple):
    """What removing some folders frees, in bytes, and what it does not: the files to which there are other links."""

    freed: int
    shared: int


def measure_removal(folders: Iterable[Path]) -> Removal:
    """What removing these folders frees."""
    files = [file for folder in folders for file in list_files(folder)]
    links = Counter(map(identify_file, files))
    by_identity = {identify_file(file): file for file in files}
    freed = sum(file.st_size for key, file in by_identity.items() if links[key] >= file.st_nlink)
    return Removal(freed, sum(file.st_size for file in by_identity.values()) - freed)


def _read_checksums(folder: Path) -> dict[str, str]:
    """The digest of each file in a folder by name; empty where they cannot be read."""
    if is_special(folder / CHECKSUMS):
        return {}
    try:
        return _parse_checksums((folder / CHECKSUMS).read_bytes())
    except OSError:
        return {}


def _parse_checksums(content: bytes) -> dict[str, str]:
    lines = map(_CHECKSUM_LINE.fullmatch, content.decode("ascii", errors="replace").splitlines())
    return {line[2]: line[1] for line in lines if line}


def _format_checksums(digests: Mapping[str, str]) -> bytes:
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()


def _digest_files(files: Mapping[str, Content]) -> dict[str, str]:
    return {name: _digest(content) for name, content in files.items()}


def _digest(content: Content) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _store_errors(message: str, hint: str) -> Iterator[None]:
    """Raise a StoreError for an OSError."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{message}: {(error.strerror or str(error)).lower()}", hint=hint) from error
