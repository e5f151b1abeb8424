"""Digests: what tells one version of a data set, or of predictions made elsewhere, from every other."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BATCH = 1 << 16  # rows that are hashed at a time


def digest_of_files(options: Mapping[str, Any]) -> str:
    """The sha256 of the file that options name, as `sha256sum` gives it; empty where they name none that can be read.

    Of a folder, or of several files, it is that of one line for each file: its sha256, two spaces, and its path.
    """
    try:
        return _digest([value for value in options.values() if isinstance(value, Path) and value.exists()])
    except OSError:  # one that only lies beside those that were read
        return ""


def _digest(named: Sequence[Path]) -> str:
    if len(named) == 1 and named[0].is_file():
        return f"sha256:{_sha256(named[0])}"
    lines = [f"{_sha256(file)}  {name}\n" for one in named for name, file in _files(one)]
    return f"sha256:{hashlib.sha256(''.join(lines).encode(errors='surrogateescape')).hexdigest()}" if lines else ""


def digest_of_table(table: pa.Table) -> str:
    """The sha256 of a table's names, types and values, however they are chunked."""
    sink = _Sink()
    table = table.replace_schema_metadata(None).combine_chunks()
    with pa.PythonFile(sink, mode="w") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=BATCH)
    return f"sha256:{sink.sha256.hexdigest()}"


class _Sink:
    """A file that keeps nothing of what is written but its sha256."""

    closed = False

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, content: Any) -> int:
        self.sha256.update(content)
        return len(content)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def _files(path: Path) -> list[tuple[str, Path]]:
    if path.is_file():
        return [(path.name, path)]
    return sorted((str(file.relative_to(path)), file) for file in path.rglob("*") if file.is_file())


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
