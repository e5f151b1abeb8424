"""Rows of JSON: an object on every line, an array of objects, or one object of columns."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.errors import DataError
from mqa_registry.types.columns import mark_unreadable
from mqa_registry.types.tables.json_lines import read_lines, survey_lines
from mqa_registry.types.tables.source import iter_table
from mqa_registry.types.tables.text_stream import iter_lines, open_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

SPACE = " \t\r\n"
BLANK = re.compile(f"[{SPACE}]*")
SURROGATE = re.compile(r"[\ud800-\udfff]")
MAX_DIGITS = 1000  # of a whole number; more are no number to any table
HINT = "every row is one JSON object: one on every line, or all of them in one array"
DOCUMENT_SUFFIX = ".json"  # the ending of files that may be one JSON document instead of one on every line


def read_json(path: Path, columns: Collection[str] | None = None, stop: int | None = None) -> Iterator[pa.Table]:
    """The rows of a file of JSON lines or, where it is called so, of one JSON document, in pieces.

    Of `columns`, those that rows have are read; of the rows, at least those before `stop`, and the type of a column follows
    from these. A string is text, even one that looks like a date. Where a key has numbers in some rows and text in others,
    all are text; where its values are of no one type otherwise, or are no Unicode text, its column is unreadable. A
    document is an array of objects, one object that holds such an array and nothing else of many, or one of columns of one
    length. A DataError names the line, counted from 1, that is no JSON object.
    """
    with open_text(path) as text:
        first = text.read(1 << 12).lstrip()[:1]
    if first != b"[":
        lines = survey_lines(path, columns, stop)
        if lines is None:
            _refuse_broken_line(path)
        elif not (lines.num_rows == 1 and _may_be_document(path)):
            yield from read_lines(path, lines)
            return
    table = _read_slowly(path)
    yield from iter_table(
        table if columns is None else table.select([*filter(columns.__contains__, table.column_names)])
    )


# What Arrow cannot hold is read value by value, all at once.


class _RepeatedKeys(dict[str, Any]):
    """An object that has one key twice, so that it is unknown which of the values counts."""


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _RepeatedKeys(found)


def _parse_integer(digits: str) -> int | str:
    """A whole number; where it has more digits than Python makes numbers of, as it is written."""
    return int(digits) if len(digits) <= MAX_DIGITS else digits


DECODER = json.JSONDecoder(object_pairs_hook=_build_object, parse_int=_parse_integer)


def _refuse_broken_line(path: Path) -> None:
    """Raise a DataError for the first line that is no JSON object, without holding the lines before it.

    What follows a whole value in a file of one document is a fault of any kind of file. So the first line alone may be of a
    document, and is left to what reads it.
    """
    rows, fault = 0, ""
    with open_text(path) as stream:
        for number, line in enumerate(iter_lines(stream, errors="surrogateescape"), start=1):
            if not line.strip(SPACE):
                continue
            if fault:
                raise _refuse(path, fault)
            rows += 1
            try:
                value = DECODER.decode(line.rstrip("\r\n"))
            except json.JSONDecodeError as error:
                if rows == 1:
                    return
                raise _refuse(path, f"line {number} is no JSON: {error.msg} (column {error.colno})") from error
            fault = _find_fault(value, f"line {number}")
            if fault and rows > 1:
                raise _refuse(path, fault)


def _find_fault(value: Any, position: str) -> str:
    """Why a value is no row; empty where it is one."""
    if not isinstance(value, dict):
        return f"{position} is no JSON object"
    return f"{position} has one key twice" if isinstance(value, _RepeatedKeys) else ""


@dataclass(frozen=True)
class _ParsedRows:
    """Objects, and where each of them stands in the file, by its number from 0."""

    values: Sequence[Any]
    position: Callable[[int], str]


def _read_slowly(path: Path) -> pa.Table:
    """The rows of JSON lines that pyarrow does not take, or of one document; a DataError names the line at fault."""
    with open_text(path) as stream:
        text = stream.read().decode(errors="surrogateescape")
    try:
        if text.lstrip(SPACE)[:1] == "[":
            rows = _rows_in(DECODER.decode(text), text)
        else:
            rows = _parse_lines(text)
            if len(rows.values) == 1 and _may_be_document(path):
                rows = _rows_in(rows.values[0], text)
    except json.JSONDecodeError as error:
        document = _parse_document(text)
        if document is None:
            raise _refuse(path, f"line {error.lineno} is no JSON: {error.msg} (column {error.colno})") from error
        rows = document
    for number, value in enumerate(rows.values):
        if not isinstance(value, dict) or isinstance(value, _RepeatedKeys):
            raise _refuse(path, _find_fault(value, rows.position(number)))
    names = dict.fromkeys(name for value in rows.values for name in value)
    return pa.table({name: build_column([value.get(name) for value in rows.values], rows.position) for name in names})


def _parse_lines(text: str) -> _ParsedRows:
    values, lines = [], []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if line.strip(SPACE):
            try:
                values.append(DECODER.decode(line))
            except json.JSONDecodeError as error:
                error.lineno = number
                raise
            lines.append(number)
    return _ParsedRows(values, lambda row: f"line {lines[row]}")


def _parse_document(text: str) -> _ParsedRows | None:
    """One object over several lines; None where the text is something else."""
    try:
        return _rows_in(DECODER.decode(text), text)
    except ValueError:
        return None


def _rows_in(document: Any, text: str) -> _ParsedRows:
    """The rows of one document: an array, one under a key, columns as lists or as pandas writes them, or one row."""
    if isinstance(document, list):
        return _ParsedRows(document, lambda row: f"line {next(islice(_iter_element_lines(text), row, None))}")
    values = list(document.values()) if isinstance(document, dict) else []
    if _is_array_of_rows(document, values):
        return _ParsedRows(document["data"] if "data" in document else values[0], name_row)
    if values and all(isinstance(value, list) for value in values) and len(set(map(len, values))) == 1:
        return _ParsedRows([dict(zip(document, row, strict=True)) for row in zip(*values, strict=True)], name_row)
    if values and all(isinstance(value, dict) for value in values) and len(set(map(tuple, values))) == 1:
        columns = [value.values() for value in values]
        return _ParsedRows([dict(zip(document, row, strict=True)) for row in zip(*columns, strict=True)], name_row)
    return _ParsedRows([document], name_row)


def _is_array_of_rows(document: Any, values: Sequence[Any]) -> bool:
    """Whether an object is there for the sake of the rows in it, as `{"data": [{...}, ...]}` with or without a schema."""
    inner = document.get("data", values[0] if len(values) == 1 else None) if values else None
    return isinstance(inner, list) and bool(inner) and all(isinstance(one, dict) for one in inner)


def _iter_element_lines(text: str) -> Iterator[int]:
    """The line on which each element of an array begins; the text is known to be one."""
    line, counted, position = 1, 0, text.index("[") + 1
    while text[(position := _skip_space(text, position))] != "]":
        line, counted = line + text.count("\n", counted, position), position
        yield line
        position = _skip_space(text, DECODER.raw_decode(text, position)[1])
        position += text[position] == ","


def _skip_space(text: str, position: int) -> int:
    found = BLANK.match(text, position)
    return found.end() if found else position


def name_row(number: int) -> str:
    """A row by its number from 0, for messages."""
    return f"row {number + 1}"


def build_column(values: list[Any], position: Callable[[int], str]) -> pa.Array | pa.ChunkedArray:
    """Values as one column: of the type that all have, else text where they are words and numbers, else unreadable."""
    try:
        return pa.array(values)
    except (pa.ArrowException, UnicodeError, OverflowError):
        pass
    if all(value is None or isinstance(value, str | int | float) for value in values):
        try:
            return pa.array(
                [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
            )
        except UnicodeError:
            pass
    texts = pa.array([None if value is None else json.dumps(value, default=str) for value in values], pa.string())
    return mark_unreadable(texts, _explain_mixed_types(values, position))


def _explain_mixed_types(values: Sequence[Any], position: Callable[[int], str]) -> str:
    """Why values are no column: the first that is no text, or the first that is of another kind than those before."""
    for row, value in enumerate(values):
        if found := SURROGATE.search(json.dumps(value, ensure_ascii=False, default=str)):
            what = "bytes that are not UTF-8" if 0xDC80 <= ord(found[0]) <= 0xDCFF else "half a surrogate pair"
            return f"{what} in {position(row)}, which is no text"
    given = [(row, _json_type(value)) for row, value in enumerate(values) if value is not None]
    other = next(((row, kind) for row, kind in given if kind != given[0][1]), None)
    if other is None:
        return f"{given[0][1]} in {position(given[0][0])} and other rows, which are not alike inside"
    return f"{given[0][1]} in {position(given[0][0])} and {other[1]} in {position(other[0])}"


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "a number"


def _may_be_document(path: Path) -> bool:
    return DOCUMENT_SUFFIX in (suffix.lower() for suffix in path.suffixes)


def _refuse(path: Path, fault: str) -> DataError:
    return DataError(f"`{path}` cannot be read as JSON: {fault}", hint=HINT)
