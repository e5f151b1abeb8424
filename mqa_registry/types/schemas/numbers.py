"""Predictions that are real numbers: one a row, a vector, or the samples of a sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.types.columns import missing_column
from mqa_registry.types.schemas.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.types.schemas.schema import Columns


class ValueSchema(Schema):
    """One number a row."""

    name = "value"
    column = "value"
    type = pa.float64()
    is_exact = False
    sample_predictions = (0.3, 0.8)
    sample_targets = (0.4, 0.6)


class VectorSchema(Schema):
    """One vector a row, all of the same number of dimensions."""

    name = "vector"
    column = "vector"
    type = pa.list_(pa.float64())
    is_exact = False
    sample_predictions = ((0.3, 0.8), (0.6, 0.1))
    sample_targets = ((0.4, 0.6), (0.5, 0.2))

    def read(
        self, table: pa.Table, ids: pa.ChunkedArray, classes: Sequence[str] | None
    ) -> tuple[Columns, tuple[str, ...]]:
        """A column of lists, else a column of numbers for each dimension."""
        if self.column not in table.column_names:
            table = table.append_column(self.column, _stacked(table, self.column))
        return super().read(table, ids, classes)

    def check_rows(self, column: pa.ChunkedArray, ids: pa.ChunkedArray) -> None:
        """Every vector has as many dimensions as the first, and one at least."""
        widths = pc.list_value_length(column)
        first = pc.min_max(widths.drop_null().slice(0, 1))["max"]
        other = pc.fill_null(pc.not_equal(widths, first), fill_value=False)
        other = pc.or_(other, pc.fill_null(pc.equal(widths, 0), fill_value=False))
        if pc.any(other).as_py():
            row = pc.index(other, value=True).as_py()
            raise DataError(f"row `{ids[row]}` has a vector of {widths[row]} numbers, where others have {first}")


class WaveformSchema(Schema):
    """One sound a row: its samples, and how many there are of a second."""

    name = "waveform"
    column = "samples"
    type = pa.list_(pa.float32())
    extra: ClassVar[Mapping[str, pa.DataType]] = {"rate": pa.int32()}
    is_exact = False


def _stacked(table: pa.Table, name: str) -> pa.ChunkedArray:
    """The columns of floats, one a dimension, as one column of lists."""
    names = [field.name for field in table.schema if field.name != "id" and pa.types.is_floating(field.type)]
    if not names:
        raise missing_column(table, name)
    columns = [pc.fill_null(table.column(one).cast(pa.float64()), np.nan).to_numpy() for one in names]
    flat = pa.array(np.column_stack(columns).reshape(-1))
    return pa.chunked_array([pa.FixedSizeListArray.from_arrays(flat, len(names)).cast(pa.list_(pa.float64()))])
