"""What rows say: their texts, the words of them, and what a report shows of a row."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry import LiveView

# Letters and digits are a word; in scripts that put no spaces between words, each letter is.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


def texts_of(view: LiveView, fields: Sequence[str] | None) -> list[tuple[str, ...]]:
    """The texts of every row, one for each field: those asked for, else all that the model reads as text."""
    names = text_fields(view, fields)
    columns = [[text or "" for text in view.rows.table.column(name).to_pylist()] for name in names]
    return list(zip(*columns, strict=True))


def text_fields(view: LiveView, fields: Sequence[str] | None) -> list[str]:
    """The columns with the texts; a DataError where one is not there, or is none of texts."""
    table = view.rows.table
    if fields is None:
        fields = [name for name in view.rows.fields if _is_text(table.schema.field(name).type)]
        if not fields:
            raise DataError("the rows have no text", hint='name the columns with the texts: `fields = ["..."]`')
    for name in fields:
        if not _is_text(column_of(table, name).type):
            raise DataError(f"the column `{name}` holds {table.schema.field(name).type}, and no texts")
    return list(dict.fromkeys(fields))


def column_of(table: pa.Table, name: str) -> pa.ChunkedArray:
    """A column of some rows, plain where it was dictionary-encoded; a DataError names those there are."""
    if name not in table.column_names:
        close = difflib.get_close_matches(name, table.column_names, n=1)
        guess = f"did you mean `{close[0]}`? " if close else ""
        there = ", ".join(f"`{column}`" for column in table.column_names)
        raise DataError(f"the rows have no column `{name}`", hint=f"{guess}they have {there}")
    column = table.column(name)
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def labels_of(view: LiveView, column: str = "target") -> list[str | None]:
    """The labels in a column, as words; a DataError where a row has several."""
    found = column_of(view.rows.table, column)
    if pa.types.is_nested(found.type):
        raise DataError(f"the column `{column}` holds {found.type}, and no labels", hint="name one with a label a row")
    return [None if value is None or value == "" else str(value) for value in found.to_pylist()]


def targets_of(view: LiveView) -> list[str | None]:
    """The right answer of every row, None where the data do not say."""
    table = view.rows.table
    if "target" not in table.column_names or pa.types.is_nested(table.schema.field("target").type):
        return [None] * table.num_rows
    return labels_of(view)


def words_in(text: str) -> list[str]:
    """The words of a text, whatever their case; of one without any, its marks."""
    folded = text.casefold()
    return _WORD.findall(folded) or [mark for mark in folded if not mark.isspace()]


def as_fields(view: LiveView, fields: Sequence[str] | None, texts: Sequence[str]) -> str:
    """The texts of a row by their fields, as JSON that any text survives."""
    return json.dumps(dict(zip(text_fields(view, fields), texts, strict=True)))


def example(row: dict[str, Any], *, fields: str = "fields", **more: Any) -> dict[str, Any]:
    """A row as reports show it: its id, its texts where they were kept, its right answer, and more."""
    shown = {"id": row["id"]} | ({"fields": json.loads(row[fields])} if row[fields] else {})
    return shown | ({"target": row["target"]} if row.get("target") is not None else {}) | more


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
