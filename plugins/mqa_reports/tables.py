"""The numbers of a report in long form as CSV and as Parquet: the rows and columns of `Report.to_table`.

A spreadsheet takes a cell that begins with one of `= + - @` for a formula. A text that does so has an apostrophe before
it, as has one that begins with an apostrophe: who reads the file takes one apostrophe off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqa_registry import Report

QUOTE = "'"
# With the wide forms, which some spreadsheets read as the narrow ones.
FORMULA_SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", QUOTE)
CONTROLS = ("\t", "\r", "\n")  # are left out before a formula


def render_csv(report: Report) -> str:
    """The numbers as CSV by RFC 4180: texts in quotes, numbers without, and nothing for what a row has not."""
    table = report.to_table()
    rows = [table.column_names, *(row.values() for row in table.to_pylist())]
    return "".join(",".join(map(_format_cell, row)) + "\r\n" for row in rows)


def _format_cell(value: str | float | None) -> str:
    if not isinstance(value, str):
        return "" if value is None else repr(value)
    text = quote_formula(value).replace('"', '""')
    return f'"{text}"'


def quote_formula(text: str) -> str:
    """A text that no spreadsheet takes for a formula: with an apostrophe before it where it might."""
    is_formula = text.startswith(CONTROLS) or text.lstrip().startswith(FORMULA_SIGNS)
    return QUOTE + text if is_formula else text


def render_parquet(report: Report) -> bytes:
    """The numbers as a Parquet file, with their types."""
    import pyarrow as pa
    from pyarrow import parquet

    table = report.to_table().replace_schema_metadata({"content": "numbers of a report of mqa"})
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())
