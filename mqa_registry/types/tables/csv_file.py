"""Rows of a csv, read so that text stays text, byte for byte."""

from __future__ import annotations

import csv
import re
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from mqa_registry.errors import DataError
from mqa_registry.types.columns import UnreadableType, as_text, mark_unreadable, refuse_repeated_columns
from mqa_registry.types.tables.text_stream import iter_lines, open_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
    from pathlib import Path

# Bytes that are parsed at a time; no row is longer than the last. Arrow reads up to 32 blocks ahead.
BLOCK_SIZES = (1 << 20, 1 << 24, 1 << 27, (1 << 31) - 1)
HELD_BYTES = 1 << 24  # of cells that are kept, so that a small file is parsed once
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
NUMBER_PATTERNS = ((pa.int64(), INTEGER), (pa.float64(), NUMBER))


def read_csv(path: Path, columns: Collection[str] | None = None, stop: int | None = None) -> Iterator[pa.Table]:
    """The rows of a csv in pieces: a column is numbers where every value is plainly one, else text; an empty cell is null.

    Of `columns`, those that the header has are read; of the rows, at least those before `stop`, and what a column holds
    follows from these. Cells are parted by commas, in a .tsv by tabs, unless the header has none of these but semicolons,
    tabs or bars. A column that has bytes which are not UTF-8 is unreadable. A row of more or fewer cells than the header
    is a DataError that names its line.
    """
    separator = detect_separator(path)
    try:
        file = _open(path, separator, columns)
        survey = _survey(file, stop)
        blocks = iter(survey.blocks) if survey.blocks is not None else _iter_blocks(file, survey.block_size)
        for block in blocks:
            yield pa.table([_convert(block.column(name), kind) for name, kind in survey.kinds.items()], [*survey.kinds])
    except pa.ArrowInvalid as error:
        fault = _explain_uneven_row(path, separator)
        if not fault:
            raise
        raise DataError(
            f"`{path}` cannot be read as csv: {fault}",
            hint=f"its header is read as parted by {SEPARATORS[separator]}; a cell that has some is written in quotes",
        ) from error


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


@dataclass(frozen=True)
class _CsvFile:
    """A csv with what parts its cells, and the columns that are read of it, by their names in the header's order."""

    path: Path
    separator: str
    columns: tuple[str, ...]


def _open(path: Path, separator: str, columns: Collection[str] | None) -> _CsvFile:
    from pyarrow import csv as reader

    parse = reader.ParseOptions(delimiter=separator, newlines_in_values=True)
    header = reader.read_csv(pa.BufferReader(_read_header(path) + b"\n"), reader.ReadOptions(use_threads=False), parse)
    refuse_repeated_columns(path, header.column_names)
    names = [name for name in header.column_names if columns is None or name in columns]
    return _CsvFile(path, separator, tuple(names or header.column_names[:1]))  # rows without any column have no number


@dataclass(frozen=True)
class _Survey:
    """What the columns of a csv hold, by their names: an Arrow type, of numbers, text, or unreadable.

    Rows fit into blocks of `block_size` bytes. `blocks` are all there are, where they take little memory.
    """

    kinds: Mapping[str, pa.DataType]
    block_size: int
    blocks: Sequence[pa.Table] | None


def _survey(file: _CsvFile, stop: int | None) -> _Survey:
    for size in BLOCK_SIZES:
        try:
            return _survey_in_blocks(file, stop, size)
        except pa.ArrowInvalid as error:
            if size == BLOCK_SIZES[-1] or not any(word in str(error) for word in ERRORS_OF_LONG_ROWS):
                raise
    raise AssertionError  # the last size returns or raises


def _survey_in_blocks(file: _CsvFile, stop: int | None, size: int) -> _Survey:
    contents = {name: _ColumnContent() for name in file.columns}
    held: list[pa.Table] | None = []
    rows = 0
    with closing(_iter_blocks(file, size)) as blocks:
        for block in blocks:
            for name, content in contents.items():
                content.add(block.column(name), partial(_name_line, file, rows))
            rows += len(block)
            held = None if held is None or sum(one.nbytes for one in held) > HELD_BYTES else [*held, block]
            if stop is not None and rows >= stop:
                break
    return _Survey({name: content.kind for name, content in contents.items()}, size, held)


class _ColumnContent:
    """What a column of text holds, as far as its blocks were added."""

    def __init__(self) -> None:
        self._candidates = dict(NUMBER_PATTERNS)
        self._has_values = False
        self._unreadable: UnreadableType | None = None

    def add(self, block: pa.ChunkedArray, position: Callable[[int], str]) -> None:
        """Add bytes of further rows; `position` names a row of the block."""
        if self._unreadable is not None:
            return
        texts = as_text(block, position)
        if isinstance(texts.type, UnreadableType):
            self._unreadable = texts.type
            return
        self._has_values = self._has_values or texts.null_count < len(texts)
        self._candidates = {kind: one for kind, one in self._candidates.items() if _are_numbers(texts, kind, one)}

    @property
    def kind(self) -> pa.DataType:
        """Whole numbers, else numbers, where every value is plainly one; else text."""
        if self._unreadable is not None:
            return self._unreadable
        return next(iter(self._candidates), pa.string()) if self._has_values else pa.string()


def _are_numbers(texts: pa.ChunkedArray, kind: pa.DataType, pattern: str) -> bool:
    import pyarrow.compute as pc

    try:
        texts.cast(kind)
    except pa.ArrowInvalid:
        return False
    return bool(pc.all(pc.match_substring_regex(texts, pattern), min_count=0).as_py())


def _convert(block: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The bytes of some rows as the type of their column."""
    if isinstance(kind, UnreadableType):
        return mark_unreadable(block, kind.reason)
    return block.cast(pa.string()).cast(kind)


def _iter_blocks(file: _CsvFile, size: int) -> Generator[pa.Table]:
    """The columns of a csv as bytes, in blocks of that many bytes of the file; at least one block."""
    from pyarrow import csv as reader

    read = reader.ReadOptions(block_size=size)
    parse = reader.ParseOptions(delimiter=file.separator, newlines_in_values=True)
    convert = reader.ConvertOptions(
        include_columns=file.columns,
        column_types=dict.fromkeys(file.columns, pa.binary()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    with open_text(file.path) as text:
        blocks = reader.open_csv(pa.PythonFile(text, mode="r"), read, parse, convert)
        try:
            yield blocks.schema.empty_table()
            for block in blocks:
                yield pa.Table.from_batches([block])
        finally:
            text.end()  # its thread reads ahead, and has to be done before the file is closed
            with suppress(pa.ArrowException):
                for _ in blocks:
                    pass


def _explain_uneven_row(path: Path, separator: str) -> str:
    """The first row that has not as many cells as the header, by its line."""
    width = 0
    for line, cells in _iter_records(path, separator):
        width = width or len(cells)
        if len(cells) != width:
            return f"line {line} has {len(cells)} cell{'s' * (len(cells) != 1)}, and the header has {width}"
    return ""


def _name_line(file: _CsvFile, start: int, row: int) -> str:
    """The line of the file that a row begins on: the one numbered `row` from 0 on, after `start` rows below the header."""
    records = _iter_records(file.path, file.separator)
    line = next((line for number, (line, _) in enumerate(records, start=-1) if number == start + row), 0)
    return f"line {line}"


def _iter_records(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The records of a csv, the header first, each with the line that it begins on; empty lines are none."""
    csv.field_size_limit(BLOCK_SIZES[-1])
    with open_text(path) as text:
        reader = csv.reader(iter_lines(text), delimiter=separator)
        line = 1
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
