"""Columns of tables that were made elsewhere: cast to the type that a schema needs, or refused by name.

A column that a file has and no table can hold is kept as it stands, and refused only where something reads it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

LISTED_COLUMNS = 20  # that a hint lists
TYPE_LENGTH = 100  # characters of a type that a message has room for


def cast_column(table: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    """The column of this name in an Arrow type; a DataError where it is not there or does not fit."""
    if name not in table.column_names:
        raise missing_column_error(table, name)
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


def missing_column_error(table: pa.Table, name: str) -> DataError:
    """The error that a table has no column of this name; its hint lists those that it has."""
    names = ", ".join(f"`{column}`" for column in table.column_names[:LISTED_COLUMNS])
    return DataError(f"there is no column `{name}`", hint=f"there are {names}" if names else "")


def refuse_repeated_columns(path: Path, names: Sequence[str]) -> None:
    """Raise a DataError where two columns of a file have one name."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(f"`{path}` has more than one column `{repeated[0]}`", hint="rename or drop one of them")


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


class UnreadableType(pa.ExtensionType):  # type: ignore[misc]  # pyarrow has no types
    """The type of a column that is neither text nor numbers nor lists of them; `reason` says why, and where.

    Its storage is what the file has: JSON text of each value, or bytes.
    """

    def __init__(self, storage: pa.DataType, reason: str) -> None:
        self.reason = reason
        super().__init__(storage, "mqa.unreadable")

    def __arrow_ext_serialize__(self) -> bytes:
        return self.reason.encode(errors="backslashreplace")

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> UnreadableType:
        return cls(storage_type, serialized.decode())

    def __str__(self) -> str:
        return self.reason


def mark_unreadable(values: pa.Array | pa.ChunkedArray, reason: str) -> pa.Array | pa.ChunkedArray:
    """These values as a column that nothing can read."""
    kind = UnreadableType(values.type, reason)
    if isinstance(values, pa.ChunkedArray):
        return pa.chunked_array([pa.ExtensionArray.from_storage(kind, chunk) for chunk in values.chunks], kind)
    return pa.ExtensionArray.from_storage(kind, values)


def as_text(column: pa.ChunkedArray, position: Callable[[int], str]) -> pa.ChunkedArray:
    """Bytes as UTF-8 text; an unreadable column where some are none. `position` names a row by its number from 0."""
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        row, value = next((row, value) for row, value in enumerate(column.to_pylist()) if not _is_utf8(value))
        return mark_unreadable(column, f"{_show_bytes(value)} in {position(row)}, which is not UTF-8 text")


def _is_utf8(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _show_bytes(value: bytes) -> str:
    """The surroundings of the first byte that is no UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        value = value[max(0, error.start - 10) : error.start + 10]
    return repr(value.decode("latin-1"))


def is_list(kind: pa.DataType) -> bool:
    """Whether a column of this type has lists."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
