"""Columns of tables that were made elsewhere: brought into the type that a schema needs, or refused by name."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.types.tables.unreadable import UnreadableType

LISTED_COLUMNS = 20  # that a hint lists
TYPE_LENGTH = 100  # characters of a type that a message has room for


def typed_column(table: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    """The column of this name in an Arrow type; a DataError where it is not there or does not fit."""
    if name not in table.column_names:
        raise missing_column(table, name)
    column = table.column(name)
    misfit = DataError(f"column `{name}` holds {_shortened(column.type)}, and {_shortened(kind)} is needed")
    if isinstance(column.type, UnreadableType) or (pa.types.is_string(kind) and pa.types.is_floating(column.type)):
        raise misfit
    try:
        column = column.cast(kind)
    except pa.ArrowException as error:
        raise misfit from error
    if pa.types.is_list(kind) and column.null_count:
        column = column.take(pa.array(np.arange(len(column))))  # copied, so that no null takes room among the values
    return column


def missing_column(table: pa.Table, name: str) -> DataError:
    """The error that a table has no column of this name; its hint lists those that it has."""
    names = ", ".join(f"`{column}`" for column in table.column_names[:LISTED_COLUMNS])
    return DataError(f"there is no column `{name}`", hint=f"there are {names}" if names else "")


def finite_or_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with null for every number that is NaN or Inf, and for every list of numbers with one among them."""
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    if not (pa.types.is_list(column.type) and pa.types.is_floating(column.type.value_type)):
        return column
    finite = pc.fill_null(pc.is_finite(pc.list_flatten(column)), fill_value=False)
    rows = pc.list_parent_indices(column).filter(pc.invert(finite))
    broken = np.zeros(len(column), dtype=bool)
    broken[rows.to_numpy()] = True
    return pc.if_else(pa.array(broken), pa.scalar(None, column.type), column)


def _shortened(kind: pa.DataType) -> str:
    text = str(kind)
    return text if len(text) <= TYPE_LENGTH else f"{text[:TYPE_LENGTH]}..."
