"""A table made elsewhere, as predictions: ids, columns and types are checked and brought into one schema's form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.data.columns import typed_column
from mqa_registry.data.predictions import Predictions
from mqa_registry.data.schemas import schema_named
from mqa_registry.errors import DataError
from mqa_registry.naming import counted

if TYPE_CHECKING:
    from collections.abc import Sequence


def as_predictions(table: pa.Table, schema: str = "label", classes: Sequence[str] | None = None) -> Predictions:
    """The table as predictions of one schema; further columns are left out, ids become text.

    Schemas `label` and `labels` take a column of that name and one probability column per class: those that `classes`
    names, else every float column. A label that is not given is the class of highest probability. Schema `vector`
    takes a list column `vector`, or a number column per dimension. An answer with NaN or Inf in it is no answer. A
    DataError names the column that is missing or of another type, or the id of a row that does not fit.
    """
    ids = _ids(table)
    columns, names = schema_named(schema).read(table, ids, classes)
    return Predictions(schema, pa.table({"id": ids, **columns}), names)


def _ids(table: pa.Table) -> pa.ChunkedArray:
    ids = typed_column(table, "id", pa.string())
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
            hint="keep the one answer to each row that counts",
        )
    return ids
