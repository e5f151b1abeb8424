"""Blobs: values of rows that are bytes, such as images, sounds and files, which are opened when they are read."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mqa_registry.errors import CONFINED_HINT, MAY_READ, BlobError
from mqa_registry.types.media import describe_media

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

BLOB_MODALITIES = frozenset({"image", "audio", "video", "file"})
BLOCK = 1 << 20  # bytes that are hashed at a time
NAME_DIGITS = 12  # of the digest of bytes that have no name
URL = "://"
NUMERIC_KINDS = "biufc"  # of numpy's dtypes


@dataclass(frozen=True)
class BlobFolder:
    """Where the files are that rows name: their paths are absolute, or relative to `path`.

    With `confined_to`, a folder with its links resolved, no file outside of it is opened.
    """

    path: Path
    confined_to: Path | None = None


@dataclass(frozen=True)
class FileState:
    """What tells that a file has changed: its size in bytes, and the time of its last change."""

    size: int
    mtime_ns: int


class Blob:
    """A value of a row that is bytes: an image, a sound or a file. It is opened when it is read, and can be pickled.

    `source` is the path of a file, or the bytes themselves; None of a row that has neither. `name` is what reports show:
    the path as the data have it; of bytes without one the format and how large or long it is, with their number and digest. With `confined_to`, a folder with its
    links resolved, the file has to be in it.

    A BlobError where it cannot be read, and where the file has changed since it was first opened, in whatever process.
    """

    def __init__(self, name: str, source: Path | bytes | pa.Buffer | None, *, confined_to: Path | None = None) -> None:
        self._name = name
        self._source = source
        self._confined_to = confined_to
        self._state: FileState | None = None  # of the file when it was first opened
        self._digest = ""

    def __repr__(self) -> str:
        return f"Blob({self._name!r})" if self._name else f"<Blob of {self.size:,} bytes>"

    @property
    def name(self) -> str:
        """What reports show in its place."""
        if self._name:
            return self._name
        digest = self.digest[:NAME_DIGITS]
        kind = "" if isinstance(self._source, Path) else describe_media(self._content())
        return f"{kind} ({self.size:,} bytes, {digest})" if kind else f"{digest} ({self.size:,} bytes)"

    @property
    def is_empty(self) -> bool:
        """Whether the row has neither a path nor bytes."""
        return self._source is None

    @property
    def size(self) -> int:
        """In bytes; a file is not opened for it."""
        if not isinstance(self._source, Path):
            return len(self._content())
        try:
            return self._locate(self._source).stat().st_size
        except (OSError, ValueError) as error:
            raise self._refusal(error, self._source) from None

    @property
    def digest(self) -> str:
        """The digest of its content, as hexadecimal, whatever its name."""
        if not self._digest:
            self._digest = self._hash_content()
        return self._digest

    def with_content(self, content: bytes) -> Blob:
        """Bytes that were made of it, under its name."""
        return Blob(self._name, content)

    def open(self) -> BinaryIO:
        """The content as a binary file, which the caller closes."""
        if not isinstance(self._source, Path):
            return BytesIO(self._content())
        try:
            file = open(self._locate(self._source), "rb", opener=_open_without_waiting)  # noqa: SIM115
        except (OSError, ValueError) as error:
            raise self._refusal(error, self._source) from None
        try:
            self._check_state(file)
        except BaseException:
            file.close()
            raise
        return file

    def read(self) -> bytes:
        """The whole content."""
        if not isinstance(self._source, Path):
            return bytes(self._content())
        with self.open() as file:
            try:
                content = file.read()
            except OSError as error:
                raise self._refusal(error, self._source) from None
            self._check_state(file)
        return content

    def _content(self) -> bytes | memoryview:
        if self._source is None:
            raise BlobError(self._name or "(empty)", "is no file: the row has neither a path nor bytes")
        assert not isinstance(self._source, Path)
        return self._source if isinstance(self._source, bytes) else memoryview(self._source)

    def _hash_content(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        if not isinstance(self._source, Path):
            digest.update(self._content())
            return digest.hexdigest()
        with self.open() as file:
            try:
                while block := file.read(BLOCK):
                    digest.update(block)
            except OSError as error:
                raise self._refusal(error, self._source) from None
            self._check_state(file)
        return digest.hexdigest()

    def _locate(self, path: Path) -> Path:
        """The real path of the file, with links resolved."""
        real = Path(os.path.realpath(path))
        if self._confined_to is not None and not real.is_relative_to(self._confined_to):
            reason = f"leads out of `{self._confined_to}`, and `--confined` keeps the suite to it"
            raise BlobError(self._name, reason, hint=CONFINED_HINT)
        return real

    def _check_state(self, file: BinaryIO) -> None:
        """Refuse an open file that is not on disk, or that has changed since it was first opened."""
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise BlobError(self._name, "is a pipe or a device, and may never end", hint="save what it gives to a file")
        state = FileState(status.st_size, status.st_mtime_ns)
        self._state = self._state or state
        if state != self._state:
            raise BlobError(
                self._name, "has changed since it was first read", hint="let nothing write to the data during a run"
            )

    def _refusal(self, error: OSError | ValueError, path: Path) -> BlobError:
        """The error for a file that the system does not open."""
        if URL in self._name and not isinstance(error, PermissionError):
            return BlobError(
                self._name, "is a URL, and the files of rows are on disk", hint="download it, and name the file"
            )
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return BlobError(self._name, "is missing", hint=f"it was looked for at `{path}`")
        if isinstance(error, IsADirectoryError):
            return BlobError(self._name, "is a folder, and a file is needed")
        if isinstance(error, PermissionError):
            return BlobError(self._name, "cannot be read: permission denied", hint=MAY_READ)
        return BlobError(self._name, f"cannot be read: {getattr(error, 'strerror', None) or error}")


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file that is no link, and do not wait for the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))


def content_of(value: object) -> dict[str, Any] | None:
    """What tells a blob, bytes or an array from any other, in values of JSON; None of any other value.

    It depends on the content alone: not on the name of a file, and not on how an array lies in memory. Raises a TypeError for
    an array of Python objects, and a BlobError for a blob that cannot be read.
    """
    if isinstance(value, Blob):
        return {"bytes": value.digest}
    if isinstance(value, bytes):
        return {"bytes": hashlib.blake2b(value, digest_size=16).hexdigest()}
    if isinstance(value, np.ndarray):
        return {"array": digest_array(value), "dtype": str(value.dtype.newbyteorder("=")), "shape": value.shape}
    return None


def digest_array(array: np.ndarray[Any, Any]) -> str:
    """The digest of an array's values in their order, as hexadecimal; a TypeError where they are Python objects."""
    if array.dtype.hasobject:
        raise TypeError("an array of Python objects has no content that can be compared")
    native = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    return hashlib.blake2b(
        native.data if native.dtype.kind in NUMERIC_KINDS else native.tobytes(), digest_size=16
    ).hexdigest()


def is_same_value(one: Any, other: Any) -> bool:
    """Whether two values of a field are equal: blobs, bytes and arrays by their content."""
    if one is other:
        return True
    if isinstance(one, np.ndarray) is not isinstance(other, np.ndarray):
        return False
    content = content_of(one)
    if content is not None or isinstance(other, Blob | bytes):
        return content == content_of(other)
    return bool(one == other)


def is_same_example(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two examples have the same fields with the same values."""
    return one.keys() == other.keys() and all(is_same_value(value, other[name]) for name, value in one.items())
