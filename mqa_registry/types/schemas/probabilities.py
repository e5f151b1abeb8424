"""Probabilities of classes: read from the columns of a table made elsewhere, and checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.naming import counted
from mqa_registry.types.blocks import BLOCK_ROWS
from mqa_registry.types.schemas.schema import MisfitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

TOLERANCE = 1e-6  # how far a probability may be off [0, 1]: rounding in single precision
SUM_TOLERANCE = 1e-3  # how far probabilities may be off 1 in sum: rounding in half precision, or three digits in a csv
PROBABILITY_COLUMN = "probability"  # the column that holds all of a row's probabilities, as the store does


@dataclass(frozen=True)
class ClassProbabilities:
    """The probabilities of some rows, shape (rows, classes), NaN where there is none; `given` is false for a null."""

    classes: tuple[str, ...]
    matrix: npt.NDArray[np.float64]
    given: npt.NDArray[np.bool_]

    @cached_property
    def whole(self) -> npt.NDArray[np.bool_]:
        """Per row, whether all its probabilities are there."""
        return np.asarray(self.given & np.isfinite(self.matrix).all(axis=1))

    @property
    def broken(self) -> npt.NDArray[np.bool_]:
        """Per row, whether there are probabilities with NaN or Inf among them, so that it has no prediction."""
        return np.asarray(self.given & ~self.whole)

    @property
    def best(self) -> npt.NDArray[np.int64]:
        """Per row, the class of highest probability; of no meaning where they are not whole."""
        return np.asarray(self.matrix.argmax(axis=1), dtype=np.int64)

    def column(self) -> pa.Array:
        """One list a row, null where the probabilities are not whole."""
        flat = pa.array(self.matrix.reshape(-1))
        lists = pa.FixedSizeListArray.from_arrays(flat, len(self.classes), mask=pa.array(~self.whole))
        return lists.cast(pa.list_(pa.float64()))


def read_probabilities(
    table: pa.Table, ids: pa.ChunkedArray, *, prediction: str, classes: Sequence[str] | None, exclusive: bool
) -> ClassProbabilities | None:
    """The probabilities in the table, a column for each class or one of lists, or None where there are none.

    The columns are those that `classes` names, else every float column but `prediction`. Each value must lie in [0, 1], and
    where the classes are `exclusive` they sum to 1 in every row; a DataError names the first row where they do not.
    """
    probabilities = (
        _from_list(table, ids, classes)
        if _has_lists(table)
        else _from_columns(table, _names(table, prediction, classes))
    )
    if probabilities is not None:
        _check(probabilities, ids, exclusive=exclusive)
    return probabilities


def has_probabilities(table: pa.Table, *, prediction: str, classes: Sequence[str] | None) -> bool:
    """Whether the table has probabilities, by its columns alone."""
    return _has_lists(table) or bool(_names(table, prediction, classes))


def _has_lists(table: pa.Table) -> bool:
    """Whether a column has a list of probabilities a row."""
    names = table.column_names
    return PROBABILITY_COLUMN in names and pa.types.is_nested(table.schema.field(PROBABILITY_COLUMN).type)


def _from_columns(table: pa.Table, names: tuple[str, ...]) -> ClassProbabilities | None:
    if not names:
        return None
    columns = [_numbers(table, name) for name in names]
    given = np.logical_and.reduce([np.asarray(column.is_valid().to_numpy(), bool) for column in columns])
    return ClassProbabilities(
        names, np.column_stack([pc.fill_null(column, np.nan).to_numpy() for column in columns]), given
    )


def _from_list(table: pa.Table, ids: pa.ChunkedArray, classes: Sequence[str] | None) -> ClassProbabilities:
    if classes is None:
        raise DataError(
            f"column `{PROBABILITY_COLUMN}` does not say which class is which",
            hint="name them in order: `classes = [...]`",
        )
    column = _lists(table.column(PROBABILITY_COLUMN))
    given = np.asarray(column.is_valid().to_numpy(), bool)
    misfit = pc.fill_null(pc.not_equal(pc.list_value_length(column), len(classes)), fill_value=False)
    if pc.any(misfit).as_py():
        row = pc.index(misfit, value=True).as_py()
        raise DataError(
            f"row `{ids[row]}` has {counted(len(column[row]), 'probability', 'probabilities')} for {counted(len(classes), 'class', 'classes')}"
        )
    matrix = np.full((len(column), len(classes)), np.nan)
    flat = pc.fill_null(pc.list_flatten(column), np.nan)
    matrix[given] = np.asarray(flat.to_numpy(), np.float64).reshape(-1, len(classes))
    return ClassProbabilities(tuple(classes), matrix, given)


def _lists(column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return column.cast(pa.list_(pa.float64()))
    except pa.ArrowException as error:
        raise DataError(
            f"column `{PROBABILITY_COLUMN}` holds {column.type}, and lists of probabilities are needed"
        ) from error


def _names(table: pa.Table, prediction: str, classes: Sequence[str] | None) -> tuple[str, ...]:
    if classes is None:
        floats = (field.name for field in table.schema if pa.types.is_floating(field.type))
        return tuple(name for name in floats if name not in ("id", prediction))
    there = [name for name in classes if name in table.column_names]
    if there and len(there) < len(classes):
        lacking = next(name for name in classes if name not in there)
        raise DataError(
            f"there is a column of probabilities for `{there[0]}` and none for `{lacking}`",
            hint="every class needs its column, or none",
        )
    return tuple(there)


def _numbers(table: pa.Table, name: str) -> pa.ChunkedArray:
    column = table.column(name)
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise DataError(f"column `{name}` holds {column.type}, and probabilities are needed")
    return column.cast(pa.float64())


def _check(probabilities: ClassProbabilities, ids: pa.ChunkedArray, *, exclusive: bool) -> None:
    outside = probabilities.whole & ((probabilities.matrix < -TOLERANCE) | (probabilities.matrix > 1 + TOLERANCE)).any(
        axis=1
    )
    if outside.any():
        row = int(outside.argmax())
        column = int(np.abs(probabilities.matrix[row] - 0.5).argmax())
        value = probabilities.matrix[row, column]
        raise DataError(
            f"row `{ids[row]}` has {value:.6g} in column `{probabilities.classes[column]}`, and a probability lies in [0, 1]",
            hint="`classes = [...]` names the probability columns; without it they are all that hold floats",
        )
    sums = probabilities.matrix.sum(axis=1)
    off = probabilities.whole & (np.abs(sums - 1) > SUM_TOLERANCE)
    if exclusive and off.any():
        row = int(off.argmax())
        raise DataError(
            f"the probabilities of row `{ids[row]}` sum to {sums[row]:.6g}, and to 1 is needed",
            hint="`classes = [...]` names the probability columns; without it they are all that hold floats",
        )


def check_decoded_probabilities(
    labels: pa.ChunkedArray, column: pa.ChunkedArray, classes: int, *, exclusive: bool
) -> None:
    """Raise a MisfitError unless each row with a prediction has a probability for every class, in [0, 1].

    Where the classes are `exclusive` they sum to 1. With 0 classes there are as many as the longest row has.
    """
    widths = pc.fill_null(pc.list_value_length(column), -1)
    width = classes or max(0, pc.max(widths).as_py() or 0)
    for start in range(0, len(column), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        given = np.asarray(widths[rows].to_numpy())
        _check_decoded_block(labels[rows], column[rows], given, width, start=start, exclusive=exclusive)


def _check_decoded_block(
    labels: pa.ChunkedArray,
    column: pa.ChunkedArray,
    widths: npt.NDArray[np.int32],
    width: int,
    *,
    start: int,
    exclusive: bool,
) -> None:
    """The same of some rows, of which the first has the number `start`."""
    predicted = np.asarray(labels.is_valid().to_numpy(), dtype=bool)
    if (wrong := predicted & (widths != width)).any():
        row = int(wrong.argmax())
        given = "no probabilities" if widths[row] < 0 else f"{widths[row]} probabilities"
        raise MisfitError(f"gave row {start + row} a label and {given}, and there are {width} classes")
    flat = pc.list_flatten(column.filter(pa.array(predicted)))
    matrix = np.asarray(pc.fill_null(flat, np.nan).to_numpy(), dtype=np.float64).reshape(-1, width)
    if not np.isfinite(matrix).all():
        raise MisfitError(
            "gave a label with probabilities that are NaN or Inf", "null is the label of a row without a prediction"
        )
    if ((matrix < -TOLERANCE) | (matrix > 1 + TOLERANCE)).any():
        worst = matrix.ravel()[np.abs(matrix.ravel() - 0.5).argmax()]
        raise MisfitError(f"gave the probability {worst:.6g}, and a probability lies in [0, 1]")
    off = np.abs(matrix.sum(axis=1) - 1)
    if exclusive and (off > SUM_TOLERANCE).any():
        total = matrix.sum(axis=1)[off.argmax()]
        raise MisfitError(f"gave a row probabilities that sum to {total:.6g}, and to 1 is needed")
