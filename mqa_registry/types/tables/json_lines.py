"""Rows of JSON lines, in blocks of whole lines, as Arrow parses them: fast, and only what it can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from mqa_registry.types.tables.text_stream import open_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

BLOCK_BYTES = 1 << 24  # of the lines that are parsed at a time; a longer line is one block
LONGEST_LINE = (1 << 31) - 1  # bytes; of a longer one Arrow parses no part
NUMBERS = {pa.int64(), pa.float64()}


@dataclass(frozen=True)
class JsonLines:
    """What a file of JSON lines holds: the columns that are read of it, and the number of rows that were looked at.

    `block` are these columns of all rows, where they are one block.
    """

    schema: pa.Schema
    num_rows: int
    block: pa.Table | None


def survey_lines(path: Path, columns: Collection[str] | None, stop: int | None) -> JsonLines | None:
    """The columns of the rows before `stop`, of those that are asked for; None where Arrow cannot read them as lines.

    A row that is no JSON object, a key twice in one, and values of several types are what it cannot read.
    """
    schema, rows, blocks = pa.schema([]), 0, 0
    try:
        for block in _iter_blocks(path):
            table = _parse(block, None)
            schema = _join_schemas(schema, _without_dates(pa.struct(table.schema)))
            chosen = table.select(_choose(table.column_names, columns))
            chosen.validate(full=True)  # Arrow takes bytes as they come
            rows, blocks = rows + len(table), blocks + 1
            if stop is not None and rows >= stop:
                break
    except pa.ArrowInvalid:
        return None
    if not blocks:
        return None
    schema = pa.schema([schema.field(name) for name in _choose(schema.names, columns)])
    return JsonLines(schema, rows, chosen if blocks == 1 and chosen.schema.equals(schema) else None)


def read_lines(path: Path, lines: JsonLines) -> Iterator[pa.Table]:
    """The rows of a file of JSON lines in pieces of one schema; at least one."""
    if lines.block is not None:
        yield lines.block
        return
    for block in _iter_blocks(path):
        yield _parse(block, lines.schema)


def _iter_blocks(path: Path) -> Iterator[bytes]:
    """The lines of a file, some at a time, without blocks of blank ones."""
    with open_text(path) as text:
        parts: list[bytes] = []
        while read := text.read(BLOCK_BYTES):
            cut = max(read.rfind(b"\n"), read.rfind(b"\r")) + 1
            parts.append(read[:cut] if cut else read)
            if cut:
                yield from filter(bytes.strip, [b"".join(parts)])
                parts = [read[cut:]]
        yield from filter(bytes.strip, [b"".join(parts)])


def _parse(block: bytes, schema: pa.Schema | None) -> pa.Table:
    """The rows of some lines; with a schema, its columns alone."""
    from pyarrow import json as reader

    others = "infer" if schema is None else "ignore"
    parse = reader.ParseOptions(explicit_schema=schema, unexpected_field_behavior=others)
    size = min(len(block) + 1, LONGEST_LINE)
    return reader.read_json(pa.BufferReader(block), reader.ReadOptions(block_size=size), parse)


def _choose(names: list[str], columns: Collection[str] | None) -> list[str]:
    return [name for name in names if columns is None or name in columns]


def _join_schemas(one: pa.Schema, other: pa.DataType) -> pa.Schema:
    return pa.schema(list(_join_types(pa.struct(one), other)))


def _join_types(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type of values of both types, as Arrow finds it within one block; an ArrowInvalid where there is none."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if {one, other} <= NUMBERS:
        return pa.float64()
    if pa.types.is_list(one) and pa.types.is_list(other):
        return pa.list_(_join_types(one.value_type, other.value_type))
    if pa.types.is_struct(one) and pa.types.is_struct(other):
        fields = {field.name: field.type for field in one}
        for field in other:
            fields[field.name] = _join_types(fields.get(field.name, pa.null()), field.type)
        return pa.struct(list(fields.items()))
    raise pa.ArrowInvalid(f"{one} and {other} are values of one column")


def _without_dates(kind: pa.DataType) -> pa.DataType:
    """The type with text in place of every time in it, which is how Arrow takes strings that look like one."""
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_without_dates(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _without_dates(field.type)) for field in kind])
    return kind
