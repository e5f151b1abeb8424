"""Tables in files: csv, jsonl, parquet and arrow, each read as the format that the file's name says."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from mqa_registry.errors import MAY_READ, OF_PATHS, DataError, OutOfMemoryError, no_memory, summarize_error
from mqa_registry.files import is_broken_link, is_special
from mqa_registry.naming import did_you_mean
from mqa_registry.types.tables.arrow_file import open_arrow, open_parquet
from mqa_registry.types.tables.csv_file import read_csv
from mqa_registry.types.tables.json_file import read_json
from mqa_registry.types.tables.source import TableSource, collect_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
HINTS = {
    "csv": "a csv is Unicode text with one header line and as many cells in every row",
    "jsonl": "a jsonl is Unicode text with one JSON object on every line, a .json may be one array of them",
    "parquet": "the file may be damaged, cut short, or of another format",
    "arrow": "the file may be damaged, cut short, or of another format",
}
TEXT_FORMATS = ("csv", "jsonl")
# How files begin that are no text, with what they are and what to do.
MAGIC = {
    b"PAR1\x15": ("a parquet", "end its name in .parquet, or say `format` in the suite"),
    b"ARROW1\0\0": ("an Arrow file", "end its name in .arrow, or say `format` in the suite"),
    b"PK\x03\x04": ("a zip archive, as .xlsx and .npz are", "export a spreadsheet as csv"),
    b"\x1f\x8b": ("packed by gzip", "end its name in .gz"),
    b"BZh": ("packed by bzip2", "end its name in .bz2"),
    b"\x28\xb5\x2f\xfd": ("packed by zstandard", "end its name in .zst"),
}
MAX_MAGIC = max(map(len, MAGIC))
COMPRESSIONS = (".gz", ".bz2", ".zst")  # of csv and jsonl alone; the others compress inside


def read_table(path: Path, kind: str | None = None, *, scratch: Callable[[], Path] | None = None) -> pa.Table:
    """The rows of one file, as `open_table` reads them, in memory.

    A large table is in a file in the folder that `scratch` gives, and mapped into memory.
    """
    source = open_table(path, kind)
    return collect_pieces(lambda: iter(source.read(None, None)), folder=scratch)


def open_table(path: Path, kind: str | None = None) -> TableSource:
    """The rows of one file, which are read when they are needed: `csv`, `jsonl`, `parquet` or `arrow`, by its suffix.

    In a csv a column is numbers where every value is plainly one, else text, byte for byte; an empty cell is null, and
    cells are parted by what the header has. In a jsonl a string is text, even one that looks like a date; a .json may
    be one document. Codes of dictionaries, and of class labels that the file has names for, become the values they
    stand for. A column that no table can hold, such as one of lists and text, is refused only by what reads it. A
    DataError says what is wrong with any other file, and on which line, and that a file changed while it was read.
    """
    kind = kind or _format_of(path)
    _check_exists(path)
    state = _file_state(path)
    with _explain_errors(path, kind, state):
        _check_beginning(path, kind)
        source = _open(path, kind)

    def read(columns: Collection[str] | None, stop: int | None) -> Iterator[pa.Table]:
        rows = 0
        with _explain_errors(path, kind, state):
            for piece in source.read(columns, stop):
                _refuse_change(path, state)
                yield piece
                rows += len(piece)
                if stop is not None and rows >= stop:  # what is behind need not be of the types that these rows have
                    return
            _refuse_change(path, state)

    return TableSource(read, source.num_rows)


def _open(path: Path, kind: str) -> TableSource:
    if kind == "csv":
        return TableSource(partial(read_csv, path))
    if kind == "jsonl":
        return TableSource(partial(read_json, path))
    return open_parquet(path) if kind == "parquet" else open_arrow(path)


def _file_state(path: Path) -> tuple[int, int, int]:
    """What of a file is another once it was written to, or replaced."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


def _refuse_change(path: Path, state: tuple[int, int, int]) -> None:
    """Raise a DataError where a file is no longer in the state that it was opened in."""
    try:
        is_same = _file_state(path) == state
    except OSError:
        is_same = False
    if not is_same:
        raise DataError(f"`{path}` changed while it was read", hint="let what writes it end first, or read a copy")


@contextmanager
def _explain_errors(path: Path, kind: str, state: tuple[int, int, int]) -> Iterator[None]:
    """Turn the errors of reading a file into errors that say what is wrong with it."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeError, RecursionError, MemoryError) as error:
        if no_memory(error):
            hint = "read fewer rows, or smaller files"
            detail = f": {_shorten_error(error)}" if str(error) else ""
            raise OutOfMemoryError(f"out of memory while reading `{path}`{detail}", hint=hint) from error
        if isinstance(error, OSError) and error.errno in OF_PATHS:
            raise DataError(
                f"`{path}` cannot be read: {os.strerror(error.errno or 0).lower()}", hint=MAY_READ
            ) from error
        _refuse_change(path, state)
        raise DataError(f"`{path}` cannot be read as {kind}: {_shorten_error(error)}", hint=HINTS[kind]) from error


def _shorten_error(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"it is not {error.encoding.upper()} text"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeError):
        return "a name in it is no text"
    return summarize_error(error)


def _format_of(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] in COMPRESSIONS
    kind = FORMATS.get(suffixes[-2] if packed and len(suffixes) > 1 else suffixes[-1] if suffixes else "")
    if kind is None or (packed and kind in ("parquet", "arrow")):
        raise DataError(
            f"the name of `{path}` does not tell its format",
            hint=f"end the name in one of {', '.join(FORMATS)}; a suite may say `format` instead",
        )
    return kind


def _check_exists(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"`{path}` is a folder, and one file is needed")
    if is_special(path):
        raise DataError(f"`{path}` is a pipe or a device, and may never end", hint="save what it gives to a file")
    if is_broken_link(path):
        raise DataError(f"`{path}` is a link that leads nowhere", hint="link to a file that is there")
    if not path.exists():
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(f"there is no file `{path}`", hint=did_you_mean(path.name, siblings))
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"`{path}` is empty")


def _check_beginning(path: Path, kind: str) -> None:
    """Raise a DataError where a text file begins as one that is no text, such as a parquet of another name."""
    with path.open("rb") as file:
        beginning = file.read(MAX_MAGIC)
    packed = path.suffix.lower() in COMPRESSIONS
    for magic, (name, hint) in MAGIC.items():
        if beginning.startswith(magic) and kind in TEXT_FORMATS and not packed:
            raise DataError(f"`{path}` is to be read as {kind}, and it is {name}", hint=hint)
