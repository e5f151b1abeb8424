"""Digests of data: the sha256 of a table's content, however it is divided, and of the files that options name."""

from __future__ import annotations

import hashlib
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

HASHED_ROWS = 1 << 16  # rows that are hashed at a time


def digest_files(options: Mapping[str, Any]) -> str:
    """The sha256 of the file that options name, as `sha256sum` gives it; empty where they name none that can be read.

    Of a folder, or of several files, it is that of one line for each file: its sha256, two spaces, and its path.
    """
    try:
        return _digest([value for value in options.values() if isinstance(value, Path) and value.exists()])
    except OSError:  # of a file in the same folder that nobody reads
        return ""


def _digest(named: Sequence[Path]) -> str:
    if len(named) == 1 and named[0].is_file():
        return f"sha256:{_sha256(named[0])}"
    lines = [f"{_sha256(file)}  {name}\n" for one in named for name, file in _files(one)]
    return f"sha256:{hashlib.sha256(''.join(lines).encode(errors='surrogateescape')).hexdigest()}" if lines else ""


def digest_table(table: pa.Table) -> str:
    """The sha256 of a table's names, types and values, however they are chunked."""
    return digest_pieces(iter([table]))


def digest_pieces(pieces: Iterable[pa.Table]) -> str:
    """The sha256 of the table that pieces with the same columns make, however it is divided; there is at least one."""
    sink = _Sink()
    blocks = _iter_blocks(pieces)
    first = next(blocks)
    with pa.PythonFile(sink, mode="w") as file, pa.ipc.new_stream(file, first.schema) as writer:
        for block in chain([first], blocks):
            writer.write_table(block)
    return f"sha256:{sink.sha256.hexdigest()}"


def _iter_blocks(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in blocks of `HASHED_ROWS`, of which the last may have fewer.

    Arrow pads what it writes of a column by what comes after it in memory. So each block has those rows of the next one
    after it that it has in the whole table, and the last has zeros.
    """
    rest: pa.Table | None = None
    for one in pieces:
        piece = one.replace_schema_metadata(None)
        rest = piece if rest is None else pa.concat_tables([rest, piece])
        while len(rest) > 2 * HASHED_ROWS:
            yield _copy(rest.slice(0, 2 * HASHED_ROWS)).slice(0, HASHED_ROWS)
            rest = rest.slice(HASHED_ROWS)
    assert rest is not None
    rest = _copy(rest)
    for start in range(0, max(1, len(rest)), HASHED_ROWS):
        yield rest.slice(start, HASHED_ROWS)


def _copy(table: pa.Table) -> pa.Table:
    """The table in memory that has nothing else: Arrow copies chunks to join them, and takes a single one as it is."""
    return pa.concat_tables([table, table.slice(0, 0)]).combine_chunks()


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
