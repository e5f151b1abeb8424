"""Text columns: the texts and labels of rows, the words of a text, and how reports show a row."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
from annotated_types import MinLen

from mqa_registry import DataError, ExampleRow, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry import ViewContext

# A run of letters and digits is a word; in scripts that put no spaces between words, each letter is.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """Where the texts of a row are.

    `fields` are the columns with the texts, left out those that the model reads.
    """

    fields: Annotated[list[str], MinLen(1)] | None = None


@dataclass(frozen=True)
class TextRows:
    """Some rows: their ids, the texts of each, one for each of `fields`, and their target labels, None where there is none."""

    fields: Sequence[str]
    ids: Sequence[str]
    texts: Sequence[tuple[str, ...]]
    targets: Sequence[str | None]

    @classmethod
    def read(cls, view: ViewContext, fields: Sequence[str] | None) -> TextRows:
        """The rows of a view with the texts of these columns, else of all that the model reads as text."""
        names = _select_text_columns(view, fields)
        columns = [[text or "" for text in view.rows.table.column(name).to_pylist()] for name in names]
        ids = [str(row_id) for row_id in view.rows.ids.to_pylist()]
        return cls(names, ids, list(zip(*columns, strict=True)), _read_targets(view))

    def __len__(self) -> int:
        return len(self.ids)

    def dump_texts(self, row: int) -> str:
        """The texts of a row by their fields, as JSON, which keeps any text."""
        return json.dumps(dict(zip(self.fields, self.texts[row], strict=True)))


def read_labels(view: ViewContext, column: str = "target") -> list[str | None]:
    """The labels in a column, as text, None where a row has none; raises a DataError where a row has several."""
    labels = _read_column(view.rows.table, column)
    if pa.types.is_nested(labels.type):
        raise DataError(f"the column `{column}` holds {labels.type}, and no labels", hint="name one with a label a row")
    return [None if value is None or value == "" else str(value) for value in labels.to_pylist()]


def split_words(text: str) -> list[str]:
    """The words of a text, whatever their case; of a text without any, its marks."""
    folded = text.casefold()
    return _WORD.findall(folded) or [mark for mark in folded if not mark.isspace()]


def to_example(row: Mapping[str, Any], **details: Any) -> ExampleRow:
    """A row as reports show it: its id, its texts where the table has them, its target, and more."""
    fields = json.loads(row["fields"]) if row["fields"] else {}
    return ExampleRow(row["id"], fields, target=row.get("target"), details=details)


def _select_text_columns(view: ViewContext, fields: Sequence[str] | None) -> list[str]:
    """The names of the columns with the texts; a DataError where one does not exist, or holds no texts."""
    table = view.rows.table
    if fields is None:
        fields = [name for name in view.rows.fields if name not in view.rows.blobs]
        fields = [name for name in fields if _is_text(table.schema.field(name).type)]
        if not fields:
            raise DataError("the rows have no text", hint='name the columns with the texts: `fields = ["..."]`')
    for name in fields:
        if not _is_text(_read_column(table, name).type):
            raise DataError(f"the column `{name}` holds {table.schema.field(name).type}, and no texts")
    return list(dict.fromkeys(fields))


def _read_targets(view: ViewContext) -> list[str | None]:
    """The target label of every row, None where the data have none."""
    table = view.rows.table
    if "target" not in table.column_names or pa.types.is_nested(table.schema.field("target").type):
        return [None] * table.num_rows
    return read_labels(view)


def _read_column(table: pa.Table, name: str) -> pa.ChunkedArray:
    """A column by its name, plain where it was dictionary-encoded; a DataError lists the columns where it does not exist."""
    if name not in table.column_names:
        guess = did_you_mean(name, table.column_names)
        listed = ", ".join(f"`{column}`" for column in table.column_names)
        raise DataError(f"the rows have no column `{name}`", hint=f"{guess} they have {listed}".strip())
    column = table.column(name)
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
