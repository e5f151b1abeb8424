"""Scores of classes in the forms that services write them, as one list of probabilities a row."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Bools = npt.NDArray[np.bool_]

LABEL, SCORE = "label", "score"  # keys of what a transformers pipeline answers


@dataclass(frozen=True)
class Scores:
    """One number for every class in every row: `matrix` (rows, classes), of meaning where `given` (rows,) is true."""

    classes: tuple[str, ...]
    matrix: Floats
    given: Bools

    def softmax(self) -> Scores:
        """Logits as probabilities."""
        shifted = self.matrix - self.matrix.max(axis=1, keepdims=True, initial=-np.inf)
        raised = np.exp(shifted)
        return Scores(self.classes, raised / raised.sum(axis=1, keepdims=True), self.given)

    def column(self) -> pa.Array:
        """A list of numbers a row; null where not all are given."""
        flat = pa.array(np.ascontiguousarray(self.matrix).reshape(-1))
        lists = pa.FixedSizeListArray.from_arrays(flat, len(self.classes), mask=pa.array(~self.given))
        return lists.cast(pa.list_(pa.float64()))

    def best(self) -> pa.Array:
        """Each row's class of highest score, among those that are given; null where there is none."""
        known = np.where(np.isnan(self.matrix), -np.inf, self.matrix)
        found = np.isfinite(known).any(axis=1)
        return pa.array(self.classes, pa.string()).take(pa.array(known.argmax(axis=1), mask=~found))


def parsed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text as the JSON lists and objects that it is, of a csv or a log that quotes them; anything else as it is."""
    if not pa.types.is_string(column.type) or not _is_json(column):
        return column
    try:
        return pa.chunked_array([pa.array([None if text is None else json.loads(text) for text in column.to_pylist()])])
    except (ValueError, pa.ArrowException):
        return column


def _is_json(column: pa.ChunkedArray) -> bool:
    first = next((text for text in column.slice(0, 100).to_pylist() if text), "").lstrip()
    return first.startswith(("{", "["))


def of_columns(table: pa.Table, names: Sequence[str], classes: Sequence[str]) -> Scores:
    """The scores of classes that each have a column."""
    columns = [_numbers(table.column(name), name) for name in names]
    given = np.logical_and.reduce([np.asarray(column.is_valid().to_numpy(), bool) for column in columns])
    return Scores(
        tuple(classes), np.column_stack([pc.fill_null(column, np.nan).to_numpy() for column in columns]), given
    )


def of_objects(column: pa.ChunkedArray, name: str) -> Scores:
    """The scores of an object a row, with a key for every class."""
    table = pa.table({field.name: pc.struct_field(column, field.name) for field in column.type})
    scores = of_columns(table, table.column_names, table.column_names)
    return Scores(scores.classes, scores.matrix, scores.given & np.asarray(column.is_valid().to_numpy(), bool))


def of_lists(column: pa.ChunkedArray, classes: Sequence[str], name: str) -> Scores:
    """The scores of a list a row, in the order of the classes."""
    widths = pc.fill_null(pc.list_value_length(column), len(classes))
    other = pc.index(pc.not_equal(widths, len(classes)), value=True).as_py()
    if other >= 0:
        raise DataError(
            f"`{name}` has {widths[other]} numbers in row {other + 1}, and there are {len(classes)} classes"
        )
    given = np.asarray(column.is_valid().to_numpy(), bool)
    matrix = np.full((len(column), len(classes)), np.nan)
    flat = _numbers(pc.list_flatten(column), name)
    matrix[given] = np.asarray(pc.fill_null(flat, np.nan).to_numpy(), np.float64).reshape(-1, len(classes))
    return Scores(tuple(classes), matrix, given)


def of_pairs(column: pa.ChunkedArray, classes: Sequence[str] | None) -> Scores:
    """The scores of a list of objects a row, each with `label` and `score`; NaN for a class that a row leaves out."""
    rows = pc.list_parent_indices(column).to_numpy()
    pairs = pc.list_flatten(column)
    labels = pc.struct_field(pairs, LABEL).cast(pa.string())
    known = tuple(classes or sorted(pc.unique(labels).drop_null().to_pylist()))
    codes = pc.index_in(labels, pa.array(known, pa.string()))
    if codes.null_count:
        raise DataError(f"there is a score of `{labels.filter(codes.is_null())[0]}`, which is not among the classes")
    matrix = np.full((len(column), len(known)), np.nan)
    scores = _numbers(pc.struct_field(pairs, SCORE), SCORE)
    matrix[rows, codes.to_numpy()] = pc.fill_null(scores, np.nan).to_numpy()
    whole = np.bincount(rows, minlength=len(column)) == len(known)
    return Scores(known, matrix, whole)


def _numbers(column: Any, name: str) -> Any:
    try:
        return column.cast(pa.float64())
    except pa.ArrowException as error:
        raise DataError(f"`{name}` holds {column.type}, and numbers are needed") from error
