"""Columns of a source as what reads them needs them: cast block by block, or refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from mqa_registry.errors import DataError, MissingColumnError
from mqa_registry.naming import did_you_mean
from mqa_registry.types.columns import is_list
from mqa_registry.types.tables.source import iter_table
from mqa_registry.types.tables.spool import TableSpool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mqa_registry.suite import Data

    Folder: TypeAlias = "Callable[[], Path] | None"  # of the run's scratch files


def as_text(
    data: Data, name: str, column: pa.ChunkedArray, folder: Folder, *, may_have_lists: bool = False
) -> pa.ChunkedArray:
    """A column of text or of integers as text, and one that may have lists of them as lists of text; else a DataError."""
    if pa.types.is_dictionary(column.type):
        kind = column.type.value_type
        column = convert(column, lambda block: block.cast(kind), folder)
    has_lists = may_have_lists and is_list(column.type)
    item = column.type.value_type if has_lists else column.type
    text = pa.list_(pa.string()) if has_lists else pa.string()
    if not (is_text(item) or pa.types.is_integer(item)):
        raise DataError(
            f"column `{name}` of the data set `{data.name}` holds {column.type}, and text is needed",
            hint="map a column of text by `columns`; save a file of another encoding as UTF-8",
        )
    return convert(column, lambda block: block.cast(text), folder) if column.type != text else column


def convert(
    column: pa.ChunkedArray, function: Callable[[pa.ChunkedArray], pa.ChunkedArray], folder: Folder
) -> pa.ChunkedArray:
    """What a function makes of a column, block by block; a large one is in a file in the folder that `folder` gives."""
    with TableSpool(folder) as spool:
        for block in iter_table(pa.table([column], ["column"])):
            spool.append(pa.table([function(block.column(0))], ["column"]))
        return spool.finish().column(0)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type has texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def missing_column(data: Data, column: str, table: pa.Table, *, field: str = "") -> MissingColumnError:
    """The error for a column that is missing, with those that exist; `field` is the name that it was mapped to, if any."""
    suggestion = did_you_mean(column, table.column_names)
    there = f"{suggestion} it has {', '.join(f'`{name}`' for name in table.column_names)}".strip()
    return MissingColumnError(
        f"the data set `{data.name}` has no column `{column}`", column=field or column, there=there
    )
