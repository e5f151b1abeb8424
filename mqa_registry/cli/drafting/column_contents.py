"""What a column holds, by its values and its name: texts, labels, ids, or groups of rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.types.labels import is_missing

ID_WORDS = frozenset(["id", "ids", "uid", "uuid", "guid", "key", "identifier", "index", "idx"])
SAMPLE = 500  # values of a column that tell what it holds
MAX_LABELS = 200  # distinct values of a column that may be a target
MAX_GROUPS, MIN_GROUP = 12, 30  # of a column that parts the rows into groups: how many, and rows in the smallest


def distinct_labels(column: pa.ChunkedArray) -> list[Any] | None:
    """The distinct values of a column that may be labels, in order; None where there are too many, or of another type."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (_is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_floating(kind)):
        return None
    values = pc.unique(column.cast(kind))
    if len(values) > MAX_LABELS:
        return None
    return sorted(
        (one for one in values.to_pylist() if not is_missing(one)), key=lambda one: (isinstance(one, str), one)
    )


@dataclass(frozen=True)
class TextTraits:
    """What the texts of a column are like: their mean length, whether most have several words, and how often they repeat."""

    length: float
    has_words: bool
    repeats: bool


def describe_text(column: pa.ChunkedArray) -> TextTraits | None:
    """What the texts of a column are like; None where it holds no text."""
    if not is_text(column):
        return None
    values = [one for one in column.slice(0, SAMPLE).cast(pa.string()).to_pylist() if one]
    if not values:
        return None
    several = sum(len(value.split()) > 1 for value in values)
    return TextTraits(
        sum(map(len, values)) / len(values),
        several * 2 >= len(values),
        len(values) > 20 and len(set(values)) * 5 < len(values),
    )


def has_groups(column: pa.ChunkedArray) -> bool:
    """Whether a column parts the rows into a few groups, two of them of rows enough to be judged."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (_is_string(kind) or pa.types.is_boolean(kind) or pa.types.is_integer(kind)):
        return False
    counts = sorted(pc.value_counts(column.cast(kind).drop_null()).field("counts").to_pylist(), reverse=True)
    return 2 <= len(counts) <= MAX_GROUPS and counts[1] >= MIN_GROUP


def count_distinct(column: pa.ChunkedArray) -> int:
    """How many distinct values a column of text or whole numbers has; 0 where one is missing, or of another type."""
    if column.null_count or not (is_text(column) or pa.types.is_integer(column.type)):
        return 0
    return int(pc.count_distinct(column.cast(pa.string())).as_py())


def is_text(column: pa.ChunkedArray) -> bool:
    """Whether a column holds text."""
    kind = column.type
    return _is_string(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_id_name(name: str) -> bool:
    """Whether a column's name says that it names something."""
    return bool(words_of_name(name) & ID_WORDS)


def words_of_name(name: str) -> frozenset[str]:
    """The words of a column's name: `reviewText`, `review_text` and `Review Text` have the same."""
    return frozenset(word.casefold() for word in re.findall(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![a-z])", name))
