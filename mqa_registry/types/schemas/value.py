"""Predictions of one number a row, and their targets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.types.blocks import iter_blocks
from mqa_registry.types.labels import is_missing
from mqa_registry.types.schemas.schema import Schema
from mqa_registry.types.schemas.summarize import summarize_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.summaries import PredictionSummary
    from mqa_registry.types.predictions import Predictions, Targets
    from mqa_registry.types.targets import TargetColumn

VALUE_LENGTH = 60  # characters of a target that a message has room for


class ValueSchema(Schema):
    """One number a row."""

    name = "value"
    column = "value"
    type = pa.float64()
    is_exact = False
    sample_predictions = (0.3, 0.8)
    sample_targets = (0.4, 0.6)

    def summarize(self, predictions: Predictions, targets: Targets) -> PredictionSummary:
        """The distributions of predictions, targets and errors."""
        return summarize_values(predictions, targets)

    def read_targets(self, targets: TargetColumn, classes: Sequence[str]) -> pa.ChunkedArray:
        """Finite numbers, also as text; NaN and an empty text are missing. A DataError names the first row of anything else."""
        column = targets.values
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            column = targets.cast(self.type, self.name)
            infinite = pc.is_inf(column)
            if pc.any(infinite).as_py():
                raise _refuse(targets, pc.index(infinite, value=True).as_py())
            return pc.if_else(pc.is_nan(column), pa.scalar(None, self.type), column)
        blocks, start = [], 0
        for block in iter_blocks(column):
            numbers = [None if is_missing(text) else _parse(text) for text in block.to_pylist()]
            wrong = next((row for row, number in enumerate(numbers) if number is not None and math.isnan(number)), None)
            if wrong is not None:
                raise _refuse(targets, start + wrong)
            blocks.append(pa.array(numbers, self.type))
            start += len(block)
        return pa.chunked_array(blocks, self.type)


def _parse(text: str) -> float:
    """The number that a text is; NaN of any other text, and of what is not finite."""
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) and "_" not in text else math.nan


def _refuse(targets: TargetColumn, row: int) -> DataError:
    """The error that the target of a row is no number."""
    value = str(targets.values[row].as_py())
    shown = value if len(value) <= VALUE_LENGTH else f"{value[: VALUE_LENGTH - 3]}..."
    return DataError(
        f"{targets.position(row)} has the target `{shown}`, which is no finite number",
        hint="the model predicts a number; a row without a target has an empty one",
    )
