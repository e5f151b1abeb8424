"""How much speaks for a column of the data as the target: its type, its values and its name, by what a model predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.cli.drafting.column_contents import SAMPLE, distinct_labels, is_text, words_of_name
from mqa_registry.cli.drafting.column_words import (
    ANSWER_WORDS,
    MASK_WORDS,
    RELEVANCE_WORDS,
    TAG_WORDS,
    TARGET_WORDS,
)
from mqa_registry.types.answers import START, TEXT
from mqa_registry.types.blob_columns import holds_blobs
from mqa_registry.types.columns import is_list
from mqa_registry.types.labels import UnreadableLabel, match_labels, read_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

SURE = 4  # how much speaks for a target whose labels are the names of the classes


def target_strength(name: str, column: pa.ChunkedArray, schema: str, classes: Sequence[str]) -> int:
    """How much speaks for a column as the target, 0 for nothing."""
    is_named = bool(words_of_name(name) & TARGET_WORDS)
    by_type = {
        "spans": _span_strength,
        "answer": _answer_strength,
        "boxes": _box_strength,
        "masks": _mask_strength,
        "instances": _instance_strength,
        "ranking": _relevance_strength,
    }
    if schema in by_type:
        return by_type[schema](name, column.type)
    if schema == "value":
        return int(is_named and (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)))
    if schema == "labels":
        return _label_lists_strength(column, classes, is_named=is_named)
    labels = distinct_labels(column) if schema == "label" else None
    return _label_strength(labels, classes, is_named=is_named) if labels else 0


def _relevance_strength(name: str, kind: pa.DataType) -> int:
    """How much speaks for a column as how relevant members of groups are, or which of them are, by its name."""
    item = kind.value_type if pa.types.is_list(kind) else kind
    fits = (
        pa.types.is_list(kind) or pa.types.is_floating(item) or pa.types.is_integer(item) or pa.types.is_boolean(item)
    )
    return 2 if fits and words_of_name(name) & RELEVANCE_WORDS else 0


def _label_strength(labels: Sequence[Any], classes: Sequence[str], *, is_named: bool) -> int:
    """How much speaks for a column of these labels as the class of each row."""
    if not isinstance(read_labels(labels, classes, positions=False), UnreadableLabel):
        return SURE + is_named
    if len(match_labels(labels, classes)) >= min(2, len(labels)):
        return 2 + is_named
    if len(labels) != len(classes):
        return 0
    return 2 if is_named else int(not isinstance(read_labels(labels, classes), UnreadableLabel))


def _label_lists_strength(column: pa.ChunkedArray, classes: Sequence[str], *, is_named: bool) -> int:
    """How much speaks for a column of lists as the labels of each row: names of classes, or a number for every class."""
    if not pa.types.is_list(column.type):
        return 0
    some = column.slice(0, SAMPLE).drop_null()
    if is_text(pc.list_flatten(some)):
        labels = pc.unique(pc.list_flatten(some)).to_pylist()
        is_readable = bool(labels) and not isinstance(read_labels(labels, classes, positions=False), UnreadableLabel)
        return (SURE if is_readable else 0) + is_named
    return 2 * is_named if pc.unique(pc.list_value_length(some)).to_pylist() == [len(classes)] else 0


def _span_strength(name: str, kind: pa.DataType) -> int:
    """How much speaks for a column as spans, which have a start and an end, or as tags, by its name."""
    if {"start", "end"} <= _object_fields(kind):
        return SURE
    is_tag = is_list(kind) and (pa.types.is_string(kind.value_type) or pa.types.is_integer(kind.value_type))
    return 2 if is_tag and words_of_name(name) & (TAG_WORDS | TARGET_WORDS) else 0


def _box_strength(name: str, kind: pa.DataType) -> int:
    """How much speaks for a column as boxes: lists of objects with one, or an object of such lists."""
    fields = _object_fields(kind)
    return SURE if "bbox" in fields or {"x0", "y0", "x1", "y1"} <= fields else 0


def _instance_strength(name: str, kind: pa.DataType) -> int:
    """How much speaks for a column as instances: lists of objects with run lengths."""
    fields = _object_fields(kind)
    return SURE if {"size", "counts"} <= fields or "segmentation" in fields else 0


def _mask_strength(name: str, kind: pa.DataType) -> int:
    """How much speaks for a column as masks: objects with run lengths by their fields, files by the name."""
    if _instance_strength(name, kind):
        return SURE
    return 2 if holds_blobs(kind) and words_of_name(name) & (MASK_WORDS | TARGET_WORDS) else 0


def _answer_strength(name: str, kind: pa.DataType) -> int:
    """How much speaks for a column as answers: texts by the name, objects of them as SQuAD has them by their fields."""
    if {TEXT, START} <= _object_fields(kind):
        return SURE
    item = kind.value_type if is_list(kind) else kind
    is_text_type = pa.types.is_string(item) or pa.types.is_large_string(item)
    return 2 if is_text_type and words_of_name(name) & (ANSWER_WORDS | TARGET_WORDS) else 0


def _object_fields(kind: pa.DataType) -> set[str]:
    """The fields of a type of objects, or of lists of them; none of any other type."""
    item = kind.value_type if is_list(kind) else kind
    return {field.name for field in item} if pa.types.is_struct(item) else set()
