"""All columns of a row as one value, a struct, for tasks that read tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.execution.rows.casting import convert

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from mqa_registry.suite import Data


def pack_columns(
    data: Data,
    table: pa.Table,
    field: str,
    *,
    roles: Collection[str],
    kept: Collection[str] | None,
    folder: Callable[[], Path] | None,
) -> pa.Table:
    """The table with a column `field` of structs, one a row, of every column that is no role.

    The columns in `kept` stay on their own too, with None all of them; roles do in any case. Integers have 64 bits in a
    struct, and so have other numbers, so that a perturbation may make them larger; NaN is a missing value.
    """
    names = [name for name in table.column_names if name not in roles]
    if not names:
        raise DataError(f"the data set `{data.name}` has no columns besides {', '.join(f'`{one}`' for one in roles)}")
    columns = [convert(table.column(name), _plain, folder) for name in names]
    structs = pa.table(columns, names).to_struct_array()
    stay = [name for name in table.column_names if kept is None or name in roles or name in kept]
    return table.select(stay).append_column(field, structs)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column without codes for its values, of numbers in 64 bits, and with null for NaN."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        wide = column.cast(pa.float64())
        return pc.if_else(pc.is_nan(wide), pa.scalar(None, pa.float64()), wide)
    fits = pa.types.is_integer(column.type) and not pa.types.is_uint64(column.type)
    return column.cast(pa.int64()) if fits else column
