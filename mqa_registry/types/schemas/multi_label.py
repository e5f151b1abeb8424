"""Predictions of any number of classes a row, and their targets: lists of names, or a row of 0 and 1 for the classes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.types.blocks import iter_blocks
from mqa_registry.types.columns import is_list
from mqa_registry.types.labels import UnreadableLabel, is_missing, read_labels
from mqa_registry.types.schemas.classes import ClassSchema
from mqa_registry.types.schemas.schema import MisfitError
from mqa_registry.types.schemas.summarize import summarize_label_sets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.summaries import PredictionSummary
    from mqa_registry.types.predictions import Predictions, Targets
    from mqa_registry.types.schemas.schema import Columns
    from mqa_registry.types.targets import TargetColumn

LISTS = pa.list_(pa.string())
NO_LIST = UnreadableLabel("", "and rows have lists of labels here", 'a csv writes a list as JSON: `["one", "two"]`')
MIN_UNMISTAKABLE_CLASSES = (
    3  # from so many on a row of 0 and 1 for every class has one of them twice: they are no positions
)


class LabelsSchema(ClassSchema):
    """Any number of classes a row."""

    name = "labels"
    column = "labels"
    type = LISTS
    is_exclusive = False

    def names_in(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """All lists, end to end."""
        return pc.list_flatten(column)

    def row_of(self, column: pa.ChunkedArray, position: int) -> int:
        """The row of the list that has it."""
        return int(pc.list_parent_indices(column)[position].as_py())

    def prediction(self, name: str) -> list[str]:
        """A list with the class."""
        return [name]

    def check_decoded(self, columns: Columns, classes: Sequence[str]) -> None:
        """A list has no null in it; else as for every schema of classes."""
        if self.names_in(columns[self.column]).null_count:
            raise MisfitError("gave a list of labels with null in it")
        super().check_decoded(columns, classes)

    def summarize(self, predictions: Predictions, targets: Targets) -> PredictionSummary:
        """How often each label is right."""
        return summarize_label_sets(predictions, targets)

    def read_targets(self, targets: TargetColumn, classes: Sequence[str]) -> pa.ChunkedArray:
        """Lists of names of classes, also as the JSON text of a list, or a row of 0 and 1 for all classes in their order.

        Other numbers are refused: they could be positions. A missing list stays missing, which is not the same as an empty one.
        """
        column = targets.values
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = _parse_lists(targets)
        elif (indicators := _read_indicators(column, classes)) is not None:
            return indicators
        else:
            column = targets.cast(self.type, self.name)
        labels = [value for value in pc.unique(self.names_in(column)).to_pylist() if not is_missing(value)]
        meanings = read_labels(labels, classes, positions=False)
        if isinstance(meanings, UnreadableLabel):
            position = pc.index(self.names_in(column), value=pa.scalar(meanings.label, pa.string())).as_py()
            raise targets.refuse(self.row_of(column, position), meanings)
        return column if meanings == labels else _rename(column, dict(zip(labels, meanings, strict=True)))


def _rename(column: pa.ChunkedArray, names: Mapping[str, str]) -> pa.ChunkedArray:
    """Lists of labels as lists of what they mean, without those that are missing."""

    def rename(row: Sequence[Any] | None) -> list[str] | None:
        return None if row is None else [names[label] for label in row if not is_missing(label)]

    blocks = [pa.array([rename(row) for row in block.to_pylist()], LISTS) for block in iter_blocks(column)]
    return pa.chunked_array(blocks, LISTS)


def _parse_lists(targets: TargetColumn) -> pa.ChunkedArray:
    """A column of text, each the JSON of a list of labels; a DataError names the first row that is none."""
    blocks, start = [], 0
    for block in iter_blocks(targets.values):
        lists = []
        for row, text in enumerate(block.to_pylist(), start):
            labels = None if is_missing(text) else _parse_list(text)
            if labels is None and not is_missing(text):
                raise targets.refuse(row, UnreadableLabel(text, NO_LIST.reason, NO_LIST.hint))
            lists.append(labels)
        blocks.append(pa.array(lists, LISTS))
        start += len(block)
    return pa.chunked_array(blocks, LISTS)


def _parse_list(text: str) -> list[str] | None:
    """The labels of a JSON list; None of any other text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) and all(isinstance(one, str) for one in value) else None


def _read_indicators(column: pa.ChunkedArray, classes: Sequence[str]) -> pa.ChunkedArray | None:
    """Lists with 0 or 1, false or true, for each class as lists of those with 1; None of any other column.

    Whole numbers could be positions: with fewer than three classes, some row has to have the same twice.
    """
    kind = column.type
    if not is_list(kind) or not classes or not (_is_number(kind.value_type) or pa.types.is_boolean(kind.value_type)):
        return None
    blocks = []
    has_repeats = len(classes) >= MIN_UNMISTAKABLE_CLASSES or not pa.types.is_integer(kind.value_type)
    for block in iter_blocks(column.cast(pa.list_(pa.float64()))):
        given = np.asarray(block.is_valid().to_numpy(zero_copy_only=False), bool)
        lengths = np.asarray(pc.list_value_length(block).drop_null().to_numpy())
        values = np.asarray(pc.fill_null(pc.list_flatten(block), np.nan).to_numpy())
        if (lengths != len(classes)).any() or not np.isin(values, (0.0, 1.0)).all():
            return None
        table = np.zeros((len(block), len(classes)), bool)
        table[given] = values.reshape(-1, len(classes)) == 1
        has_repeats |= bool((table[given].sum(axis=1) != 1).any()) and len(classes) > 1
        names = pa.array(classes, pa.string()).take(pa.array(np.nonzero(table)[1]))
        offsets = np.concatenate([[0], np.cumsum(table.sum(axis=1))]).astype(np.int32)
        blocks.append(pa.ListArray.from_arrays(offsets, names, mask=pa.array(~given)))
    return pa.chunked_array(blocks, LISTS) if has_repeats else None


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
