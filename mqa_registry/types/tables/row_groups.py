"""Row groups: the rows of a table that have one key, and a table with one row for each group, whose other values are lists.

Rows of a group need not be neighbours. Keys are compared by their hashes, so that no table of all of them is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.types.blocks import iter_blocks, one_array, take_values
from mqa_registry.types.ids import hash_texts
from mqa_registry.types.tables.spool import TableSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    import numpy.typing as npt

    Positions: TypeAlias = npt.NDArray[np.int64]

BLOCK_ROWS = 1 << 14  # rows that are joined at a time, unless one group has more


@dataclass(frozen=True)
class RowGroups:
    """The rows of a table, group by group.

    `rows` are the positions of the rows in the table, those of one group next to each other in the order of the table;
    groups are in the order of their first rows. `starts` says where each group begins in `rows`, shape (groups + 1,): the
    last one is the end.
    """

    rows: Positions
    starts: Positions

    @classmethod
    def of(cls, keys: pa.ChunkedArray) -> RowGroups:
        """The groups of rows with equal texts as keys, none of which is null."""
        if not len(keys):
            return cls(np.zeros(0, np.int64), np.zeros(1, np.int64))
        hashes = np.concatenate([hash_texts(block) for block in iter_blocks(keys)])
        starts = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1]))
        if len(np.unique(hashes[starts])) == len(starts):  # the rows of each group are neighbours
            return cls(np.arange(len(hashes)), np.append(starts, len(hashes)))
        _, first, codes = np.unique(hashes, return_index=True, return_inverse=True)
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        codes = rank[codes]
        return cls(np.argsort(codes, kind="stable"), np.append(0, np.cumsum(np.bincount(codes))))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> Positions:
        """How many rows each group has."""
        return np.diff(self.starts)

    @property
    def first_rows(self) -> Positions:
        """The position of the first row of each group."""
        return self.rows[self.starts[:-1]]

    def take(self, groups: Positions) -> RowGroups:
        """The groups with these numbers, in this order."""
        sizes = self.sizes[groups]
        starts = np.append(0, np.cumsum(sizes))
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        return RowGroups(self.rows[np.repeat(self.starts[groups], sizes) + within], starts)

    def blocks(self) -> Iterator[RowGroups]:
        """The groups in their order, so many at a time that they have about `BLOCK_ROWS` rows."""
        start = 0
        while start < len(self):
            stop = int(np.searchsorted(self.starts, self.starts[start] + BLOCK_ROWS, side="right")) - 1
            stop = max(stop, start + 1)
            first, last = self.starts[start], self.starts[stop]
            yield RowGroups(self.rows[first:last], self.starts[start : stop + 1] - first)
            start = stop

    def find_difference(self, column: pa.ChunkedArray) -> tuple[int, int] | None:
        """The positions of the first two rows of one group that differ in a column; None where all groups are of one value.

        Missing values are equal to each other, as are NaN.
        """
        for block in self.blocks():
            values = one_array(take_values(column, block.rows))
            first = np.repeat(block.starts[:-1], block.sizes)
            different = np.flatnonzero(~_are_equal(values, values.take(pa.array(first))))
            if len(different):
                return int(block.rows[first[different[0]]]), int(block.rows[different[0]])
        return None

    def join(self, table: pa.Table, lists: Collection[str], folder: Callable[[], Path] | None) -> pa.Table:
        """One row a group: of the columns in `lists` the values of all its rows, of others that of its first row.

        A large table is in a file in the folder that `folder` gives.
        """
        with TableSpool(folder) as spool:
            for block in self.blocks():
                columns = {
                    name: block.join_column(table.column(name), is_list=name in lists) for name in table.column_names
                }
                spool.append(pa.table(columns))
            return spool.finish()

    def join_column(self, column: pa.ChunkedArray, *, is_list: bool) -> pa.Array | pa.ChunkedArray:
        """Of each group the list of the values of its rows, or the value of its first row; codes become what they stand for."""
        values = one_array(take_values(column, self.rows if is_list else self.first_rows))
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        return pa.ListArray.from_arrays(pa.array(self.starts, pa.int32()), values) if is_list else values


def _are_equal(values: pa.Array, others: pa.Array) -> npt.NDArray[np.bool_]:
    """Whether the values at each position are equal, shape (values,)."""
    if pa.types.is_dictionary(values.type):
        values, others = values.dictionary_decode(), others.dictionary_decode()
    if pa.types.is_nested(values.type):
        return np.array([one == other for one, other in zip(values.to_pylist(), others.to_pylist(), strict=True)], bool)
    are_missing = pc.and_(pc.is_null(values, nan_is_null=True), pc.is_null(others, nan_is_null=True))
    are_equal = pc.or_(pc.fill_null(pc.equal(values, others), fill_value=False), are_missing)
    return np.asarray(are_equal.to_numpy(zero_copy_only=False), dtype=bool)
