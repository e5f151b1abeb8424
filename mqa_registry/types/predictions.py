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
from mqa_registry.types.columns import cast_column
from mqa_registry.types.schemas import get_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    @cached_property
    def codes(self) -> npt.NDArray[np.int64]:
        """Schema `label`: per row, the position of its label in `classes`; -1 where there is none."""
        found = pc.index_in(self.main, pa.array(self.classes, pa.string()))
        return _read_only(np.asarray(pc.fill_null(found, -1).to_numpy(), dtype=np.int64))

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
        return Predictions(self.schema, self.table.take(pa.array(positions)), self.classes, self.read)

    def with_classes(self, classes: tuple[str, ...]) -> Predictions:
        """The same predictions among these classes, which must include all that occur; probabilities move along."""
        if classes == self.classes or self.probabilities is None:
            return Predictions(self.schema, self.table, classes, self.read)
        wide = np.zeros((len(self), len(classes)))
        wide[:, [classes.index(name) for name in self.classes]] = self.probabilities
        cells = pa.array(wide.ravel(), pa.float64(), mask=np.isnan(wide.ravel()))
        column = pa.FixedSizeListArray.from_arrays(cells, len(classes)).cast(pa.list_(pa.float64()))
        position = self.table.column_names.index("probability")
        return Predictions(self.schema, self.table.set_column(position, "probability", column), classes, self.read)


Targets: TypeAlias = Predictions


def as_predictions(table: pa.Table, schema: str = "label", classes: Sequence[str] | None = None) -> Predictions:
    """The table as predictions of one schema; further columns are left out, ids become text.

    Schemas `label` and `labels` take a column of that name and one probability column per class: those that `classes`
    names, else every float column. A label that is not given is the class of highest probability. Schema `vector`
    takes a list column `vector`, or a number column per dimension. A prediction with NaN or Inf in it counts as missing. A
    DataError names the column that is missing or of another type, or the id of a row that does not fit.
    """
    ids = _unique_ids(table)
    columns, names = get_schema(schema).read(table, ids, classes)
    return Predictions(schema, pa.table({"id": ids, **columns}), names)


def _unique_ids(table: pa.Table) -> pa.ChunkedArray:
    ids = cast_column(table, "id", pa.string())
    if ids.null_count:
        row = pc.index(ids.is_null(), value=True).as_py() + 1
        raise DataError(
            f"{ids.null_count:,} of {counted(len(ids), 'row')} have no `id`",
            hint=f"row {row} is the first; they are joined by it",
        )
    if pc.count_distinct(ids).as_py() < len(ids):
        counts = pc.value_counts(ids)
        repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
        raise DataError(
            f"{len(repeated):,} of the ids stand in more than one row, `{repeated[0]}` among them",
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
    whole = np.asarray(pc.fill_null(pc.equal(pc.list_value_length(column), width), fill_value=False).to_numpy(), bool)
    flat = pc.list_flatten(column.filter(pa.array(whole)))
    table[whole] = np.asarray(pc.fill_null(flat, np.nan).to_numpy(), dtype=np.float64).reshape(
        np.count_nonzero(whole), width
    )
    return table
