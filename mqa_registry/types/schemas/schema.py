"""Prediction schemas: what each says of its columns, of foreign tables and targets, and of what may be stored.

The base class, and every schema without classes. A new schema is listed in `mqa_registry.types.schemas`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.types.blocks import iter_blocks
from mqa_registry.types.columns import cast_column, finite_or_null, is_list, missing_column_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.summaries import PredictionSummary
    from mqa_registry.types.predictions import Predictions, Targets
    from mqa_registry.types.targets import TargetColumn

Columns: TypeAlias = Mapping[str, "pa.ChunkedArray"]


class MisfitError(Exception):
    """Columns that are no predictions of their schema: `message` continues a sentence about whoever gave them."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Schema:
    """One kind of prediction.

    The column `column`, of the Arrow type `type`, holds the prediction itself, and is null where there is none; those in
    `extra` may be left out of a table. A new schema is a subclass with these attributes, listed in
    `mqa_registry.types.schemas`; it overrides a method where it differs from what most schemas do.
    """

    name: ClassVar[str]
    column: ClassVar[str]
    type: ClassVar[pa.DataType]
    extra: ClassVar[Mapping[str, pa.DataType]] = {}
    has_classes: ClassVar[bool] = False  # predictions are chosen from a fixed set
    is_exact: ClassVar[bool] = True  # two predictions are equal or wrong; false for real numbers, which are near or far
    has_targets: ClassVar[bool] = True  # false where predictions say themselves how right they are
    may_quote_rows: ClassVar[bool] = False  # a prediction may repeat words of its row
    sample_predictions: ClassVar[Sequence[Any]] = ()  # two, good but not sure; for a measure to be called with
    sample_targets: ClassVar[Sequence[Any]] = ()  # their targets, where those are not the same

    @property
    def columns(self) -> dict[str, pa.DataType]:
        """Every column except `id`, with its Arrow type."""
        return {self.column: self.type, **self.extra}

    def read(
        self, table: pa.Table, ids: pa.ChunkedArray, classes: Sequence[str] | None
    ) -> tuple[Columns, tuple[str, ...]]:
        """The columns of this schema in a table made elsewhere, and the classes; a prediction with NaN or Inf is null.

        `classes` are those that the caller names, if any. A DataError names the column that is missing or of another
        type, or the id of a row that does not fit.
        """
        there = {self.column, *table.column_names}
        columns = {name: cast_column(table, name, kind) for name, kind in self.columns.items() if name in there}
        columns[self.column] = finite_or_null(columns[self.column])
        self.check_rows(columns[self.column], ids)
        return columns, ()

    def reads_by_blocks(self, table: pa.Table, classes: Sequence[str] | None) -> bool:
        """Whether `read` copies much of a table, and reads some rows as it would read them among all."""
        return False

    def check_rows(self, column: pa.ChunkedArray, ids: pa.ChunkedArray) -> None:
        """Raise a DataError with the id of the first row whose prediction is incomplete."""

    def check_decoded(self, columns: Columns, classes: Sequence[str]) -> None:
        """Raise a MisfitError where columns that a contribution gave are no predictions among these classes."""

    def canonicalize(self, prediction: Any) -> Any:
        """What of a prediction makes it equal to another, in a form that is then equal too."""
        return prediction

    def agree(self, one: Any, other: Any) -> bool:
        """Whether two predictions of a row are equal; a prediction that is missing is None."""
        return bool(self.canonicalize(one) == self.canonicalize(other))

    def show(self, prediction: Any) -> Any:
        """A prediction or a target as the examples of a report have it, where that is not what is stored."""
        return prediction

    def read_targets(self, targets: TargetColumn, classes: Sequence[str]) -> pa.ChunkedArray:
        """The targets of a data set as predictions of this schema would be; a DataError where they do not fit."""
        return targets.cast(self.type, self.name)

    def summarize(self, predictions: Predictions, targets: Targets) -> PredictionSummary | None:
        """What predictions look like as a whole next to their targets, row by row, none of them missing; None where nothing is said."""
        return None

    def sample(self, classes: Sequence[str], *, as_targets: bool = False) -> tuple[Columns, tuple[str, ...]] | None:
        """Two made-up predictions or their targets, and the classes; None where nothing can be made up."""
        values = self.sample_targets if as_targets and self.sample_targets else self.sample_predictions
        return ({self.column: pa.array(values, self.type)}, ()) if values else None


class TextSchema(Schema):
    """One text a row."""

    name = "text"
    column = "text"
    type = pa.string()
    may_quote_rows = True
    sample_predictions = ("one two three", "four five six")


class PartSchema(Schema):
    """A list of parts a row, each a struct; `required_fields` are those of its fields that every part has."""

    required_fields: ClassVar[tuple[str, ...]]

    def read(
        self, table: pa.Table, ids: pa.ChunkedArray, classes: Sequence[str] | None
    ) -> tuple[Columns, tuple[str, ...]]:
        """The columns, of which parts may have further fields, and lack those that are not required.

        `classes` are those of the model, where they are given.
        """
        if self.column not in table.column_names:
            raise missing_column_error(table, self.column)
        position = table.column_names.index(self.column)
        table = table.set_column(position, self.column, self._select_fields(table.column(self.column)))
        columns, _ = super().read(table, ids, classes)
        return columns, tuple(classes or ())

    def check_rows(self, column: pa.ChunkedArray, ids: pa.ChunkedArray) -> None:
        """Every part has its needed fields."""
        for name in self.required_fields:
            lacking = pc.is_null(pc.struct_field(pc.list_flatten(column), name))
            if pc.any(lacking).as_py():
                row = pc.list_parent_indices(column)[pc.index(lacking, value=True).as_py()].as_py()
                raise DataError(f"row `{ids[row]}` has {self.name} without `{name}`")

    def _select_fields(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Parts without further fields, and with a null for one that is lacking; what are no such parts stays as it is."""
        kind = column.type
        if not is_list(kind) or not pa.types.is_struct(kind.value_type):
            return column
        own, given = list(self.type.value_type), {field.name: field for field in kind.value_type}
        names = [field.name for field in own]
        if list(given) == names or not set(self.required_fields) <= given.keys():
            return column
        selected = pa.list_(pa.struct([given.get(field.name, field) for field in own]))
        blocks = [
            pa.array(
                [
                    row and [part and {name: part.get(name) for name in names} for part in row]
                    for row in block.to_pylist()
                ],
                selected,
            )
            for block in iter_blocks(column)
        ]
        return pa.chunked_array(blocks, selected)


class WaveformSchema(Schema):
    """One sound a row: its samples, and how many there are of a second."""

    name = "waveform"
    column = "samples"
    type = pa.list_(pa.float32())
    extra: ClassVar[Mapping[str, pa.DataType]] = {"rate": pa.int32()}
    is_exact = False
