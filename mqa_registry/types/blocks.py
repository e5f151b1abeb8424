"""Blocks: columns and tables of many rows, read and picked from some rows at a time, without a copy of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Positions: TypeAlias = npt.NDArray[np.int64]

BLOCK_ROWS = 1 << 16  # read at a time
RUN_ROWS = 256  # rows in a run, on average, from which on runs are cut out of a table rather than copied row by row


def iter_blocks(column: pa.ChunkedArray, size: int = BLOCK_ROWS) -> Iterator[pa.Array]:
    """The values of a column in their order, at most `size` at a time; nothing is copied."""
    for chunk in column.chunks:
        for start in range(0, len(chunk), size):
            yield chunk.slice(start, size)


def take_values(column: pa.ChunkedArray, positions: Positions) -> pa.ChunkedArray:
    """The values at these positions, in this order: as `take`, which copies a column of several chunks to do so."""
    if column.num_chunks <= 1 or not len(positions):
        return column.take(pa.array(positions))
    ends = np.cumsum([len(chunk) for chunk in column.chunks])
    if positions.min() < 0 or positions.max() >= ends[-1]:
        raise IndexError(f"a position is beyond {len(column):,} rows")
    order = np.argsort(positions, kind="stable")
    ordered = positions[order]
    cuts = np.searchsorted(ordered, np.append(0, ends))
    parts = [
        chunk.take(pa.array(ordered[low:high] - (end - len(chunk))))
        for chunk, end, low, high in zip(column.chunks, ends, cuts[:-1], cuts[1:], strict=True)
        if high > low
    ]
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return pa.chunked_array([pa.concat_arrays(parts).take(pa.array(back))])


def take_table(table: pa.Table, positions: Positions) -> pa.Table:
    """The rows of a table at these positions, in this order; long runs of neighbours are not copied."""
    if not len(positions):
        return table.slice(0, 0)
    starts = np.append(0, np.flatnonzero(np.diff(positions) != 1) + 1)
    if len(starts) * RUN_ROWS > len(positions):
        columns = [take_values(column, positions) for column in table.columns]
        return pa.table(columns, schema=table.schema)
    if positions.min() < 0 or positions.max() >= len(table):
        raise IndexError(f"a position is beyond {len(table):,} rows")
    lengths = np.diff(np.append(starts, len(positions)))
    runs = zip(positions[starts].tolist(), lengths.tolist(), strict=True)
    return pa.concat_tables([table.slice(start, length) for start, length in runs])


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array; it is copied where it has several chunks."""
    array = column.combine_chunks()
    return array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
