"""Predictions of one backend for some rows, or the targets of those rows, in one schema."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.naming import counted
from mqa_registry.types.blocks import BLOCK_ROWS, iter_blocks, take_table
from mqa_registry.types.columns import cast_column
from mqa_registry.types.ids import find_repeated
from mqa_registry.types.schemas import get_schema
from mqa_registry.types.tables.spool import TableSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt


Kind = TypeVar("Kind", bound=np.generic)


@dataclass(frozen=True)
class Predictions:
    """One prediction a row: an Arrow table of `id` and the columns of one schema.

    `classes` are those that predictions are chosen from, in the order of the `probability` column; empty where the
    schema has none. Targets come in the same form, so a metric compares like with like. The arrays cannot be written to:
    every check reads the same. `read` says in one line what a replay took for what, where its file does not have the
    names of the schema.
    """

    schema: str
    table: pa.Table
    classes: tuple[str, ...] = ()
    read: str = ""

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def ids(self) -> pa.ChunkedArray:
        return self.table.column("id")

    @property
    def main(self) -> pa.ChunkedArray:
        """The column that holds the predictions."""
        return self.table.column(get_schema(self.schema).column)

    @cached_property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Per row, whether there is no prediction: the backend gave NaN or Inf, or the target is not known."""
        return _read_only(np.asarray(self.main.is_null().to_numpy(), dtype=bool))

    @property
    def codes(self) -> npt.NDArray[np.int64]:
        """Schema `label`: per row, the position of its label in `classes`; -1 where there is none.

        Eight bytes a row, and not kept: `small_codes` are.
        """
        return _read_only(self.small_codes.astype(np.int64))

    @cached_property
    def small_codes(self) -> npt.NDArray[np.signedinteger[Any]]:
        """The same in the smallest type that has them all, in which sums and products may not fit."""
        names = pa.array(self.classes, pa.string())
        codes = np.empty(len(self), dtype=np.min_scalar_type(-max(len(names), 1)))
        start = 0
        for block in iter_blocks(self.main):
            codes[start : start + len(block)] = pc.fill_null(pc.index_in(block, names), -1).to_numpy(
                zero_copy_only=False
            )
            start += len(block)
        return _read_only(codes)

    @cached_property
    def indicator(self) -> npt.NDArray[np.bool_]:
        """Schema `labels`: rows by classes, true where the row has the class."""
        rows = pc.list_parent_indices(self.main).to_numpy()
        found = pc.index_in(pc.list_flatten(self.main), pa.array(self.classes, pa.string())).to_numpy()
        table = np.zeros((len(self), len(self.classes)), dtype=bool)
        table[rows, found.astype(np.int64)] = True
        return _read_only(table)

    @cached_property
    def probabilities(self) -> npt.NDArray[np.float64] | None:
        """Rows by classes, NaN in a row without a prediction; None where the backend gives labels alone."""
        if "probability" not in self.table.column_names:
            return None
        return _read_only(_list_matrix(self.table.column("probability"), len(self.classes)))

    @cached_property
    def values(self) -> npt.NDArray[np.float64]:
        """Schema `value`: per row the number; schema `vector`: rows by dimensions. NaN where there is none."""
        if self.schema == "value":
            return _read_only(np.asarray(pc.fill_null(self.main, np.nan).to_numpy(), dtype=np.float64))
        widths = pc.unique(pc.list_value_length(self.main).drop_null()).to_pylist()
        return _read_only(_list_matrix(self.main, max(widths, default=0)))

    def to_pylist(self) -> list[Any]:
        """Every row's prediction as plain Python values: the way to read spans, boxes, texts and rankings."""
        return list(self.main.to_pylist())

    def take(self, positions: npt.NDArray[np.int64]) -> Predictions:
        """The rows at these positions, in this order."""
        return Predictions(self.schema, take_table(self.table, positions), self.classes, self.read)

    def slice(self, start: int, stop: int) -> Predictions:
        """The rows from `start` up to, and without, `stop`; nothing is copied."""
        return Predictions(self.schema, self.table.slice(start, stop - start), self.classes, self.read)

    def with_classes(self, classes: tuple[str, ...]) -> Predictions:
        """The same predictions among these classes, which must include all that occur; probabilities move along."""
        if classes == self.classes or "probability" not in self.table.column_names:
            return Predictions(self.schema, self.table, classes, self.read)
        wide = np.zeros((len(self), len(classes)))
        wide[:, [classes.index(name) for name in self.classes]] = self.probabilities
        cells = pa.array(wide.ravel(), pa.float64(), mask=np.isnan(wide.ravel()))
        column = pa.FixedSizeListArray.from_arrays(cells, len(classes)).cast(pa.list_(pa.float64()))
        position = self.table.column_names.index("probability")
        return Predictions(self.schema, self.table.set_column(position, "probability", column), classes, self.read)


Targets: TypeAlias = Predictions


def as_predictions(
    table: pa.Table,
    schema: str = "label",
    classes: Sequence[str] | None = None,
    *,
    scratch: Callable[[], Path] | None = None,
) -> Predictions:
    """The table as predictions of one schema; further columns are left out, ids become text.

    Schemas `label` and `labels` take a column of that name and one probability column per class: those that `classes`
    names, else every float column. A label that is not given is the class of highest probability. Schema `vector`
    takes a list column `vector`, or a number column per dimension. A prediction with NaN or Inf in it counts as missing. A
    DataError names the column that is missing or of another type, or the id of a row that does not fit. Probabilities of
    many rows are in a file in the folder that `scratch` gives, and mapped into memory.
    """
    ids = _unique_ids(table)
    kind = get_schema(schema)
    if scratch is None or not kind.reads_by_blocks(table, classes):
        columns, names = kind.read(table, ids, classes)
        return Predictions(schema, pa.table({"id": ids, **columns}), names)
    names = ()
    with TableSpool(scratch) as spool:
        for start in range(0, max(1, len(table)), BLOCK_ROWS):
            columns, names = kind.read(table.slice(start, BLOCK_ROWS), ids.slice(start, BLOCK_ROWS), classes)
            spool.append(pa.table(dict(columns)))
        return Predictions(schema, spool.finish().add_column(0, "id", ids), names)


def _unique_ids(table: pa.Table) -> pa.ChunkedArray:
    ids = cast_column(table, "id", pa.string())
    if ids.null_count:
        row = pc.index(ids.is_null(), value=True).as_py() + 1
        raise DataError(
            f"{ids.null_count:,} of {counted(len(ids), 'row')} have no `id`",
            hint=f"row {row} is the first; they are joined by it",
        )
    if (repeated := find_repeated(ids)) is not None:
        count, first = repeated
        raise DataError(
            f"{count:,} of the ids stand in more than one row, `{first}` among them",
            hint="keep one prediction for each row",
        )
    return ids


def _read_only(array: npt.NDArray[Kind]) -> npt.NDArray[Kind]:
    """A read-only view of the array; its base is read-only too, so that the view cannot be made writable."""
    owned = array if array.base is None else array.copy()
    owned.flags.writeable = False
    return owned.view()


def _list_matrix(column: pa.ChunkedArray, width: int) -> npt.NDArray[np.float64]:
    """A column of lists, all of one width, as rows by width; a null or shorter list becomes a row of NaN."""
    table = np.full((len(column), width), np.nan)
    start = 0
    for block in iter_blocks(column):
        is_whole = pc.fill_null(pc.equal(pc.list_value_length(block), width), fill_value=False)
        whole = np.asarray(is_whole.to_numpy(zero_copy_only=False), dtype=bool)
        flat = pc.fill_null(pc.list_flatten(block.filter(is_whole)), np.nan)
        numbers = np.asarray(flat.to_numpy(zero_copy_only=False), dtype=np.float64)
        table[start : start + len(block)][whole] = numbers.reshape(np.count_nonzero(whole), width)
        start += len(block)
    return table
