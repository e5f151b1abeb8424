"""Sources of tables: rows that are read piece by piece, when they are needed, and need not fit into memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from mqa_registry.types.tables.spool import TableSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

PIECE_ROWS = 1 << 16  # rows of one piece of a table that is in memory or mapped


@dataclass(frozen=True)
class TableSource:
    """A table that is read piece by piece: what a data set gives where its rows may not fit into memory.

    `read(columns, stop)` gives the rows before the one numbered `stop`, all where it is None, as `pyarrow` tables or
    record batches with the same columns in the same order. Of `columns`, those that the table has are read, in its own
    order; all are where it is None. There is at least one piece, which may have no rows. Rows after `stop` may come, and
    are dropped. It may be called more than once, and may not be read to its end.

    `num_rows` is the number of rows, where it is known before any is read.
    """

    read: Callable[[Collection[str] | None, int | None], Iterable[pa.Table | pa.RecordBatch]]
    num_rows: int | None = None


class ReadAgainError(Exception):
    """A column turned out to be unreadable after pieces were given with it. Reading anew gives it as an unreadable one."""


def iter_table(table: pa.Table) -> Iterator[pa.Table]:
    """A table in pieces of bounded size, at least one."""
    for start in range(0, max(1, table.num_rows), PIECE_ROWS):
        yield table.slice(start, PIECE_ROWS)


def collect_pieces(
    read: Callable[[], Iterator[pa.Table]],
    *,
    stop: int | None = None,
    indices: npt.NDArray[np.int64] | None = None,
    folder: Callable[[], Path] | None = None,
) -> pa.Table:
    """One table of the pieces that `read` gives: the rows before `stop`, of these the ones at `indices`, which rise.

    A large table is written to a file in the folder that `folder` gives. An OSError where that cannot be written.
    """
    while True:
        pieces = read()
        try:
            with TableSpool(folder) as spool:
                for piece in select_rows(pieces, stop, indices):
                    spool.append(piece)
                return spool.finish()
        except ReadAgainError:
            continue
        finally:
            close = getattr(pieces, "close", None)  # of a generator that was not read to its end
            if close is not None:
                close()


def select_rows(
    pieces: Iterator[pa.Table], stop: int | None, indices: npt.NDArray[np.int64] | None
) -> Iterator[pa.Table]:
    """The rows of pieces before `stop`, of these the ones at `indices`; no piece behind them is read."""
    if indices is not None:
        stop = int(indices[-1]) + 1 if len(indices) else 0
    start = 0
    for whole in pieces:
        piece = whole if stop is None else whole.slice(0, stop - start)
        if indices is not None:
            first, last = indices.searchsorted([start, start + len(piece)])
            piece = piece.take(pa.array(indices[first:last] - start))
        yield piece
        start += len(whole)
        if stop is not None and start >= stop:
            return
