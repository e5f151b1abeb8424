"""Tables in memory: rows that a caller in Python has, as an Arrow table.

Data frames of every common library give their columns by Arrow's stream interface (`__arrow_c_stream__`); data sets of the
`datasets` library give them by a format, and the names of their class labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from mqa_registry.errors import DataError, summarize_error
from mqa_registry.types.tables.arrow_file import decode_columns, with_class_names
from mqa_registry.types.tables.json_file import build_column, name_row

UNNAMED_INDEX = re.compile(r"__index_level_\d+__")  # the column that a data frame's index without a name becomes


def as_table(value: Any) -> pa.Table | None:
    """The rows of an object: a list of dicts, a dict of lists, or what gives an Arrow table; None of any other.

    Codes of dictionaries and class labels become the values they stand for. A column that no table can hold, of a list of
    dicts, is refused only by what reads it. A DataError says what else cannot be made a table.
    """
    try:
        table = _make_table(value)
        return None if table is None else decode_columns(table)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise DataError(f"the `{type(value).__name__}` cannot be made a table: {summarize_error(error)}") from error


def _make_table(value: Any) -> pa.Table | None:
    if isinstance(value, pa.Table):
        return value
    if isinstance(value, pa.RecordBatch):
        return pa.Table.from_batches([value])
    if hasattr(value, "__arrow_c_stream__"):
        table = pa.table(value)
        unnamed = [name for name in table.column_names if UNNAMED_INDEX.fullmatch(name)]
        return table.drop_columns(unnamed)
    if hasattr(value, "with_format") and hasattr(value, "features"):
        return _read_dataset(value)
    if isinstance(value, Mapping):
        return _join_columns(value)
    return _join_rows(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else None


def _read_dataset(dataset: Any) -> pa.Table:
    """The rows of a data set of the `datasets` library, in its order, with class labels by their names."""
    if not hasattr(dataset, "__len__"):
        raise DataError(
            "a data set that streams has no known rows", hint="take some: `Dataset.from_list(list(dataset.take(1000)))`"
        )
    return with_class_names(dataset.with_format("arrow")[:], dataset.features.to_dict())


def _join_columns(columns: Mapping[Any, Any]) -> pa.Table | None:
    """The table of a dict of columns; None where its values are none."""
    if not columns or not all(
        isinstance(column, Sequence) and not isinstance(column, str) for column in columns.values()
    ):
        return None
    return pa.table({str(name): build_column(list(column), name_row) for name, column in columns.items()})


def _join_rows(rows: Sequence[Any]) -> pa.Table | None:
    """The table of a list of dicts, with null for a key that a row has not; None where its items are no dicts."""
    if not all(isinstance(row, Mapping) for row in rows):
        return None
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({str(name): build_column([row.get(name) for row in rows], name_row) for name in names})
