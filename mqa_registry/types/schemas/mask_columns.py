"""Columns of lists of masks, which are read row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.types.blocks import iter_blocks
from mqa_registry.types.columns import is_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MASK = pa.struct(
    [("label", pa.string()), ("size", pa.list_(pa.int32())), ("counts", pa.string()), ("score", pa.float64())]
)
BLOCK_ROWS = 1024  # that are Python values at a time


def masks_column(rows: Sequence[Sequence[Mapping[str, Any]] | None]) -> pa.Array:
    """The masks of rows as the column of the schemas `masks` and `instances`; None is a row without a prediction."""
    return pa.array(rows, pa.list_(MASK))


def has_objects(kind: pa.DataType) -> bool:
    """Whether a type is that of lists of objects."""
    return bool(is_list(kind) and pa.types.is_struct(kind.value_type))


def read_mask_rows(
    column: pa.ChunkedArray,
    read_row: Callable[[int, Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]],
    kind: pa.DataType,
) -> pa.ChunkedArray:
    """A column of the Arrow type `kind`, of what a function makes of the number and the masks of every row that has some."""
    blocks, start = [], 0
    for block in iter_blocks(column, BLOCK_ROWS):
        rows = enumerate(block.to_pylist(), start)
        read = [None if masks is None else read_row(row, [mask or {} for mask in masks]) for row, masks in rows]
        blocks.append(pa.array(read, kind))
        start += len(block)
    return pa.chunked_array(blocks, kind)
