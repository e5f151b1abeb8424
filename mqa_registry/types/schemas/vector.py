"""Predictions that are vectors, such as the embedding of a text; and their targets: a vector, or what a search has to find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.naming import counted
from mqa_registry.types.columns import is_list, missing_column_error
from mqa_registry.types.schemas.relevances import read_relevances
from mqa_registry.types.schemas.schema import MisfitError, Schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.types.schemas.schema import Columns
    from mqa_registry.types.targets import TargetColumn


SHOWN_NUMBERS = 3  # of a vector among the examples of a report


class VectorSchema(Schema):
    """One vector a row, all of the same number of dimensions, in 32 bits.

    Two vectors are near or far and never equal: what is near, a comparison says by a tolerance or a cosine.
    """

    name = "vector"
    column = "vector"
    type = pa.list_(pa.float32())
    is_exact = False
    sample_predictions = ((0.3, 0.8), (0.6, 0.1))
    sample_targets = ((0.4, 0.6), (0.5, 0.2))

    def read(
        self, table: pa.Table, ids: pa.ChunkedArray, classes: Sequence[str] | None
    ) -> tuple[Columns, tuple[str, ...]]:
        """A column of lists, of any or of a fixed size, else a column of numbers for each dimension."""
        if self.column not in table.column_names:
            table = table.append_column(self.column, _stack_columns(table, self.column))
        return super().read(table, ids, classes)

    def check_rows(self, column: pa.ChunkedArray, ids: pa.ChunkedArray) -> None:
        """Every vector has as many dimensions as the first, and one at least."""
        if (row := _find_misfit(column)) is not None:
            widths = pc.list_value_length(column)
            first = pc.min_max(widths.drop_null().slice(0, 1))["max"]
            raise DataError(f"row `{ids[row]}` has a vector of {widths[row]} numbers, where others have {first}")

    def check_decoded(self, columns: Columns, classes: Sequence[str]) -> None:
        """No vector is empty. Those of the task `forward` may be of several lengths."""
        if pc.any(pc.equal(pc.list_value_length(columns[self.column]), 0)).as_py():
            raise MisfitError("gave a vector without any number")

    def show(self, prediction: Any) -> Any:
        """How many numbers there are, their Euclidean norm and the first of them, in one line; relevances as they are."""
        if not prediction or not isinstance(prediction[0], float):
            return prediction
        first = ", ".join(f"{number:.3g}" for number in prediction[:SHOWN_NUMBERS])
        more = ", ..." if len(prediction) > SHOWN_NUMBERS else ""
        return f"{counted(len(prediction), 'number')} of norm {np.linalg.norm(prediction):.3g}: {first}{more}"

    def read_targets(self, targets: TargetColumn, classes: Sequence[str]) -> pa.ChunkedArray:
        """Lists of floats are vectors. All else names rows: those that a search has to find, each with its relevance."""
        kind = targets.values.type
        if is_list(kind) and (pa.types.is_floating(kind.value_type) or is_list(kind.value_type)):
            return targets.cast(self.type, self.name)
        return read_relevances(targets)


def _find_misfit(column: pa.ChunkedArray) -> int | None:
    """The first row whose vector is empty, or not as long as the first; None where there is none."""
    widths = pc.list_value_length(column)
    first = pc.min_max(widths.drop_null().slice(0, 1))["max"]
    other = pc.fill_null(pc.not_equal(widths, first), fill_value=False)
    other = pc.or_(other, pc.fill_null(pc.equal(widths, 0), fill_value=False))
    return pc.index(other, value=True).as_py() if pc.any(other).as_py() else None


def _stack_columns(table: pa.Table, name: str) -> pa.ChunkedArray:
    """The columns of floats, one a dimension, as one column of lists."""
    names = [field.name for field in table.schema if field.name != "id" and pa.types.is_floating(field.type)]
    if not names:
        raise missing_column_error(table, name)
    columns = [pc.fill_null(table.column(one).cast(pa.float32()), np.nan).to_numpy() for one in names]
    flat = pa.array(np.column_stack(columns).reshape(-1))
    return pa.chunked_array([pa.FixedSizeListArray.from_arrays(flat, len(names)).cast(pa.list_(pa.float32()))])
