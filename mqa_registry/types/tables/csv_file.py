"""Rows of a csv, read so that text stays text, byte for byte."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa

from mqa_registry.errors import DataError
from mqa_registry.types.columns import as_text
from mqa_registry.types.tables.text_stream import open_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK_SIZES = (1 << 24, 1 << 27, (1 << 31) - 1)  # bytes that are parsed at a time; no row is longer than the last
HEADER_BYTES = 1 << 16  # bytes that the header is looked for in
ERRORS_OF_LONG_ROWS = (
    "straddl",
    "Empty CSV file or block",
)  # words of pyarrow where a row, or the header, is longer than a block
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}

QUOTED = re.compile(r'"[^"]*"')
FIRST_LINE = re.compile(rb'(?:[^"\r\n]|"[^"]*")*(?=[\r\n])')

# How programs write numbers. Whatever else could be read as one (007, 1_000, 64 bits and more) is text.
INTEGER = r"^-?(0|[1-9][0-9]{0,17})$"
NUMBER = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$|^([nN]a[nN]|-?[iI]nf)$"


def read_csv(path: Path) -> pa.Table:
    """The rows of a csv: a column is numbers where every value is plainly one, else text; an empty cell is null.

    Cells are parted by commas, in a .tsv by tabs, unless the header has none of these but semicolons, tabs or bars.
    A column that has bytes which are not UTF-8 is unreadable. A row of more or fewer cells than the header is a
    DataError that names its line.
    """
    separator = detect_separator(path)
    try:
        table = _parse(path, separator)
    except pa.ArrowInvalid as error:
        fault = _explain_uneven_row(path, separator)
        if not fault:
            raise
        raise DataError(
            f"`{path}` cannot be read as csv: {fault}",
            hint=f"its header is read as parted by {SEPARATORS[separator]}; a cell that has some is written in quotes",
        ) from error
    names = table.column_names
    return pa.table(
        [
            _parse_numbers(as_text(column, lambda row: f"line {_find_line(path, separator, row)}"))
            for column in table.columns
        ],
        names=names,
    )


def detect_separator(path: Path) -> str:
    """What parts the cells: what the name of the file says, unless the header has none of it and some of another."""
    usual = "\t" if ".tsv" in (suffix.lower() for suffix in path.suffixes) else ","
    found = Counter(QUOTED.sub("", _read_header(path).decode(errors="replace")))
    others = [one for one in SEPARATORS if found[one]]
    return usual if found[usual] or not others else max(others, key=found.__getitem__)


def _read_header(path: Path) -> bytes:
    """The first line of a file, without line breaks in quotes being taken for its end."""
    with open_text(path) as text:
        head = text.read(HEADER_BYTES).lstrip(b"\r\n")
        while not (line := FIRST_LINE.match(head)) and (more := text.read(len(head) or HEADER_BYTES)):
            head += more
    return line[0] if line else head


def _parse(path: Path, separator: str) -> pa.Table:
    for block in BLOCK_SIZES:
        try:
            return _parse_in_blocks(path, separator, block)
        except pa.ArrowInvalid as error:
            if block == BLOCK_SIZES[-1] or not any(word in str(error) for word in ERRORS_OF_LONG_ROWS):
                raise
    raise AssertionError  # the last block returns or raises


def _parse_in_blocks(path: Path, separator: str, block: int) -> pa.Table:
    from pyarrow import csv as reader

    read = reader.ReadOptions(block_size=block)
    parse = reader.ParseOptions(delimiter=separator, newlines_in_values=True)
    header = reader.read_csv(pa.BufferReader(_read_header(path) + b"\n"), reader.ReadOptions(use_threads=False), parse)
    convert = reader.ConvertOptions(
        column_types=dict.fromkeys(header.column_names, pa.binary()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    with open_text(path) as text:
        return reader.read_csv(pa.PythonFile(text, mode="r"), read, parse, convert)


def _parse_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of text as numbers where every value is plainly one."""
    import pyarrow.compute as pc

    if not pa.types.is_string(column.type):
        return column
    for kind, pattern in ((pa.int64(), INTEGER), (pa.float64(), NUMBER)):
        try:
            numbers = column.cast(kind)
        except pa.ArrowInvalid:
            continue
        if pc.all(pc.match_substring_regex(column, pattern), min_count=1).as_py():
            return numbers
    return column


def _explain_uneven_row(path: Path, separator: str) -> str:
    """The first row that has not as many cells as the header, by its line."""
    width = 0
    for line, cells in _iter_records(path, separator):
        width = width or len(cells)
        if len(cells) != width:
            return f"line {line} has {len(cells)} cell{'s' * (len(cells) != 1)}, and the header has {width}"
    return ""


def _find_line(path: Path, separator: str, row: int) -> int:
    """The line of the file that a row begins on; rows count from 0 below the header, lines from 1."""
    return next((line for number, (line, _) in enumerate(_iter_records(path, separator), start=-1) if number == row), 0)


def _iter_records(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The records of a csv, the header first, each with the line that it begins on; empty lines are none."""
    csv.field_size_limit(BLOCK_SIZES[-1])
    with open_text(path) as text:
        reader = csv.reader(io.StringIO(text.read().decode(errors="replace"), newline=""), delimiter=separator)
        line = 1
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
