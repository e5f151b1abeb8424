"""Targets: the true labels or values of a data set, in the schema and with the classes that the predictions have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError, MissingColumnError
from mqa_registry.types.columns import UnreadableType, is_list
from mqa_registry.types.labels import BOOLEANS, UnreadableLabel, is_missing, plain_label, read_labels
from mqa_registry.types.predictions import Predictions, Targets
from mqa_registry.types.schemas import get_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from mqa_registry.types.rows import Rows

TARGET = "target"
OBJECT_LABELS = ("label", "category", "category_id")  # of a span or a box, the first that it has
LISTED_LABELS = 5  # labels that a message lists
VALUE_LENGTH = 60  # characters of a value that a message has room for


@dataclass(frozen=True)
class TargetColumn:
    """The column `target` of the rows of the data set `data`, whose name is empty where it is not known."""

    rows: Rows
    data: str

    @classmethod
    def find(cls, rows: Rows, data: str) -> TargetColumn:
        """The column; a DataError where there is none, or one that cannot be read."""
        if TARGET not in rows.table.column_names:
            raise MissingColumnError(
                f"the data set `{data}` has no column `target`, and a metric needs one", column=TARGET
            )
        targets = cls(rows, data)
        if isinstance(targets.values.type, UnreadableType):
            raise DataError(f"column `{TARGET}` of the data set `{data}` holds {targets.values.type}")
        return targets

    @property
    def values(self) -> pa.ChunkedArray:
        """The targets, one a row."""
        return self.rows.table.column(TARGET)

    def cast(self, kind: pa.DataType, schema: str) -> pa.ChunkedArray:
        """The targets in the Arrow type that a schema needs; a DataError where they do not fit."""
        try:
            return self.values.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"column `target` of the data set `{self.data}` holds {self.values.type}, and schema `{schema}` needs {kind}"
            ) from error

    def position(self, row: int) -> str:
        """A row as a person finds it in the data: its number from 1 up, since an id may be a hash."""
        number = self.rows.numbers[row] if self.rows.numbers is not None else row + 1
        return f"row {number:,} of the data set `{self.data}`" if self.data else f"row {number:,}"

    def refuse(self, row: int, label: UnreadableLabel) -> DataError:
        """The error that the label of a row is no class, or could be several."""
        message = f"{self.position(row)} has the label {_shortened(label.label)}, {label.reason}"
        return DataError(message, hint=label.hint)


def read_targets(rows: Rows, schema: str, classes: Sequence[str], *, data: str) -> Targets:
    """The column `target` of some rows as a table of the schema; a DataError where it does not fit.

    Labels may be names of classes, or stand for them as `read_labels` says. A missing target stays missing. Of a schema whose
    predictions need no targets, each is an empty list.
    """
    kind = get_schema(schema)
    if kind.has_targets:
        column = kind.read_targets(TargetColumn.find(rows, data), classes)
    else:
        column = pa.array([()] * len(rows), kind.type)
    return Predictions(schema, pa.table({"id": rows.ids, kind.column: column}), tuple(classes))


def read_target_labels(rows: Rows, classes: Sequence[str]) -> list[str | None]:
    """The class of the model that each target means, for a probe; None for a row without one.

    Labels are read as for metrics: they are names of `classes` or stand for them, as their positions do. A DataError
    names the first row whose label is no class, or could be several. Without a column `target` no row has one, and of
    a model without class names every label is its own text.
    """
    if TARGET not in rows.table.column_names:
        return [None] * len(rows)
    if not classes:
        labels = TargetColumn.find(rows, "").values.to_pylist()
        return [None if is_missing(label) else plain_label(label) for label in labels]
    named: list[str | None] = read_targets(rows, "label", classes, data="").main.to_pylist()
    return named


def name_targets(rows: Rows, classes: Sequence[str], schema: str = "label") -> Rows:
    """The rows with each target as a prediction of the schema would be; as they are where one does not fit, or classes are not known.

    Labels are then the names of classes that they mean, alone or in lists, numbers are floats, and tags are spans.
    """
    kind = get_schema(schema)
    if not kind.has_targets or (kind.has_classes and not classes):
        return rows
    try:
        named = read_targets(rows, schema, classes, data="").main
    except (DataError, pa.ArrowException):
        return rows
    position = rows.table.column_names.index(TARGET)
    return replace(rows, table=rows.table.set_column(position, TARGET, named))


def map_labels(column: pa.ChunkedArray, meanings: Mapping[str, str]) -> pa.ChunkedArray:
    """A column of labels, or of lists of them, with what a suite says that they mean; an empty text is no label.

    A label that is not in the map stays as it is. The keys are texts: `1` is also 1.0, `true` also a boolean. Spans and
    boxes have the label that theirs means; one without is left out.
    """
    plain = {plain_label(key): meaning for key, meaning in meanings.items()}

    def map_label(value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in map(map_label, value) if one is not None]
        if isinstance(value, dict):
            return _map_object(value, map_label)
        if is_missing(value):
            return None
        text = str(value)
        return meanings.get(text, plain.get(plain_label(value), text)) or None

    kind = _text_type(column.type)
    return pa.chunked_array([pa.array([map_label(value) for value in column.to_pylist()], kind)], kind)


def _map_object(value: Mapping[str, Any], map_label: Callable[[Any], Any]) -> Mapping[str, Any] | None:
    """A span or a box with its label mapped, None where it has none then; or an object of lists with those that have one."""
    key = next((key for key in OBJECT_LABELS if value.get(key) is not None), None)
    if key is None:
        return value
    if not isinstance(value[key], list):
        label = map_label(value[key])
        return None if label is None else {**value, key: label}
    labels = [map_label(one) for one in value[key]]
    kept = [position for position, label in enumerate(labels) if label is not None]
    return {
        name: [one[position] for position in kept] if isinstance(one, list) else one
        for name, one in {**value, key: labels}.items()
    }


def _text_type(kind: pa.DataType) -> pa.DataType:
    """The type of labels that are text: one a row, or lists of them, or objects with one, where the type is one of these."""
    if pa.types.is_struct(kind):
        fields = [(one.name, _text_type(one.type) if one.name in OBJECT_LABELS else one.type) for one in kind]
        return pa.struct(fields)
    return pa.list_(_text_type(kind.value_type)) if is_list(kind) else pa.string()


def distinct_labels(rows: Rows) -> set[str]:
    """The distinct labels of the targets, for predictions that bring no classes of their own."""
    if TARGET not in rows.table.column_names:
        return set()
    column = rows.table.column(TARGET)
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = pc.list_flatten(column)
    if pa.types.is_nested(column.type) or isinstance(column.type, UnreadableType):
        return set()
    return {plain_label(value) for value in pc.unique(column).to_pylist() if not is_missing(value)}


def unknown_labels(labels: AbstractSet[str], classes: Sequence[str]) -> set[str]:
    """Those of the labels of targets that are none of the classes which predictions happen to have.

    A DataError where one side has numbers and the other has names: no prediction could then be correct.
    """
    unknown = {label for label in labels if isinstance(read_labels([label], classes, positions=False), UnreadableLabel)}
    number = {label: plain_label(label).lstrip("-").isdigit() or label in BOOLEANS for label in (*unknown, *classes)}
    if unknown and unknown == labels and classes:
        numbered = {all(number[label] for label in side) for side in (unknown, classes)}
        unnumbered = {not any(number[label] for label in side) for side in (unknown, classes)}
        if numbered == unnumbered == {True, False}:
            raise DataError(
                f"no label of the targets ({_list_some(unknown)}) is one of the predictions ({_list_some(classes)})",
                hint='say which is which in the data set\'s table: `labels = { 1 = "...", 2 = "..." }`',
            )
    return unknown


def _list_some(labels: Iterable[str]) -> str:
    listed = sorted(labels)
    return ", ".join(f"`{label}`" for label in listed[:LISTED_LABELS]) + (
        ", ..." if len(listed) > LISTED_LABELS else ""
    )


def _shortened(value: Any) -> str:
    """A value for a message, cut where it is long."""
    text = str(value)
    return f"`{text if len(text) <= VALUE_LENGTH else text[: VALUE_LENGTH - 3] + '...'}`"
