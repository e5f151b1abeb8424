"""Tables in files: csv, jsonl, parquet and arrow, read so that text stays text."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
COMPRESSIONS = (".gz", ".bz2", ".zst")  # of csv and jsonl alone; the others compress inside
BLOCK = 1 << 24  # bytes that pyarrow parses at a time; no line may be longer

# How programs write numbers. Whatever else could be read as one (007, 1_000, 64 bits and more) is text.
INTEGER = r"^-?(0|[1-9][0-9]{0,17})$"
NUMBER = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$|^([nN]a[nN]|-?[iI]nf)$"


def read_table(path: Path, kind: str | None = None) -> pa.Table:
    """The rows of one file: `csv` (tab-separated where it is a .tsv), `jsonl`, `parquet` or `arrow`, by its suffix.

    In a csv a column is numbers where every value is plainly one, else text, letter by letter; an empty cell is null.
    In a jsonl a string is text, even one that looks like a date. A DataError says what is wrong with any other file.
    """
    kind = kind or _kind(path)
    _check_there(path)
    try:
        table = _read(path, kind)
        table.validate(full=True)
        names = Counter(table.column_names)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise DataError(
            f"`{path}` cannot be read as {kind}: {_reason(path, kind, error)}", hint=_HINTS[kind]
        ) from error
    repeated = [name for name, count in names.items() if count > 1]
    if repeated:
        raise DataError(f"`{path}` has more than one column `{repeated[0]}`", hint="rename or drop one of them")
    return table


_HINTS = {
    "csv": "a csv is UTF-8 text with one header line and as many cells in every row",
    "jsonl": "a jsonl is UTF-8 text with one JSON object on every line, a key of one type in all of them",
    "parquet": "the file may be damaged, cut short, or of another format",
    "arrow": "the file may be damaged, cut short, or of another format",
}


def _kind(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] in COMPRESSIONS
    kind = KINDS.get(suffixes[-2] if packed and len(suffixes) > 1 else suffixes[-1] if suffixes else "")
    if kind is None or (packed and kind in ("parquet", "arrow")):
        raise DataError(
            f"the name of `{path}` does not tell its format",
            hint=f"say `format`, or end the name in one of {', '.join(KINDS)}",
        )
    return kind


def _check_there(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"`{path}` is a folder, and one file is needed")
    if not path.exists():
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, beside, n=1)
        raise DataError(f"there is no file `{path}`", hint=f"did you mean `{close[0]}`?" if close else "")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"`{path}` is empty")


def _read(path: Path, kind: str) -> pa.Table:
    if kind == "csv":
        return _read_csv(path)
    if kind == "jsonl":
        return _read_jsonl(path)
    return _read_parquet(path) if kind == "parquet" else _read_arrow(path)


def _read_csv(path: Path, *, threads: bool = True) -> pa.Table:
    from pyarrow import csv

    tabs = ".tsv" in (suffix.lower() for suffix in path.suffixes)
    read = csv.ReadOptions(block_size=BLOCK, use_threads=threads)
    parse = csv.ParseOptions(delimiter="\t" if tabs else ",", newlines_in_values=True)
    with pa.input_stream(path, compression="detect") as stream, csv.open_csv(stream, read, parse) as head:
        names = head.schema.names
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    with pa.input_stream(path, compression="detect") as stream:
        table = csv.read_csv(stream, read, parse, convert)
    return pa.table([_numbers(column) for column in table.columns], names=table.column_names)


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of text as numbers where every value is plainly one."""
    import pyarrow.compute as pc

    for kind, pattern in ((pa.int64(), INTEGER), (pa.float64(), NUMBER)):
        try:
            numbers = column.cast(kind)
        except pa.ArrowInvalid:
            continue
        if pc.all(pc.match_substring_regex(column, pattern), min_count=1).as_py():
            return numbers
    return column


def _read_jsonl(path: Path) -> pa.Table:
    table = _parse_jsonl(path, None)
    texts = [pa.field(field.name, _textual(field.type)) for field in table.schema]
    if texts == list(table.schema):
        return table
    return _parse_jsonl(path, pa.schema(texts))  # pyarrow took strings for dates: read them again as they stand


def _parse_jsonl(path: Path, schema: pa.Schema | None) -> pa.Table:
    from pyarrow import json as jsonl

    with pa.input_stream(path, compression="detect") as stream:
        return jsonl.read_json(stream, jsonl.ReadOptions(block_size=BLOCK), jsonl.ParseOptions(explicit_schema=schema))


def _textual(kind: pa.DataType) -> pa.DataType:
    """The type with text in place of every time in it."""
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_textual(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _textual(field.type)) for field in kind])
    return kind


def _read_parquet(path: Path) -> pa.Table:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:  # unlike read_table it takes no columns from the folders' names
        return file.read()


def _read_arrow(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file:
        try:
            return pa.ipc.open_file(file).read_all()
        except pa.ArrowInvalid:
            file.seek(0)
            return pa.ipc.open_stream(file).read_all()


def _reason(path: Path, kind: str, error: Exception) -> str:
    """What pyarrow says, with the row where that can be found out."""
    if isinstance(error, UnicodeError):
        return "it is not UTF-8 text"
    said = str(error).partition("\n")[0][:200]
    if isinstance(error, OSError) or kind not in ("csv", "jsonl"):
        return said
    return (_bad_row(path) if kind == "csv" else _bad_line(path)) or said


def _bad_row(path: Path) -> str:
    """The first broken row of a csv; pyarrow numbers rows, the header being the first, when it reads them in turn."""
    try:
        _read_csv(path, threads=False)
    except pa.ArrowInvalid as error:
        return str(error).partition("\n")[0][:200]
    return ""


def _bad_line(path: Path) -> str:
    """The first line of a jsonl that is no JSON object."""
    with pa.input_stream(path, compression="detect") as stream:
        for number, line in enumerate(stream.read().splitlines(), start=1):
            fault = _fault(line)
            if fault:
                return f"line {number} {fault}"
    return ""


def _fault(line: bytes) -> str:
    if not line.strip():
        return ""
    try:
        value: Any = json.loads(line)
    except UnicodeDecodeError:
        return "is not UTF-8 text"
    except ValueError as error:
        return f"is no JSON: {error}"
    return "" if isinstance(value, dict) else "is no JSON object"
