"""Targets: the right answers of a data set, in the schema and with the classes that the predictions have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.data.labels import BOOLEANS, Unreadable, is_missing, plain_label, read_labels
from mqa_registry.data.predictions import Predictions, Targets
from mqa_registry.data.schemas import schema_named
from mqa_registry.data.unreadable import UnreadableType
from mqa_registry.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from mqa_registry.data.rows import Rows

TARGET = "target"
LABELS_SHOWN = 5  # labels that a message lists
VALUE_SHOWN = 60  # characters of a value that a message shows


def targets_of(rows: Rows, schema: str, classes: Sequence[str], *, data: str) -> Targets:
    """The column `target` of some rows as a table of the schema; a DataError where it does not fit.

    Labels may be names of classes, or stand for them as `read_labels` says. A missing target stays missing.
    """
    if TARGET not in rows.table.column_names:
        raise DataError(
            f"the data set `{data}` has no column `target`, and a metric needs one",
            hint='map the column with the right answers: `columns = { target = "..." }`',
        )
    name, kind = schema_named(schema).main
    column = rows.table.column(TARGET)
    if isinstance(column.type, UnreadableType):
        raise DataError(f"column `{TARGET}` of the data set `{data}` holds {column.type}")
    if schema == "label":
        column = _classes_of(rows, column, classes, data)
    elif schema == "labels":
        column = _lists_of(rows, _cast(column, kind, data, schema), classes, data)
    else:
        column = _cast(column, kind, data, schema)
    return Predictions(schema, pa.table({"id": rows.ids, name: column}), tuple(classes))


def with_targets_named(rows: Rows, classes: Sequence[str]) -> Rows:
    """The rows with the class of the model that each target means; as they are where one means none, or several."""
    try:
        named = targets_of(rows, "label", classes, data="").main
    except (DataError, pa.ArrowException):
        return rows
    place = rows.table.column_names.index(TARGET)
    return replace(rows, table=rows.table.set_column(place, TARGET, named))


def mapped_labels(column: pa.ChunkedArray, meanings: Mapping[str, str]) -> pa.ChunkedArray:
    """A column of labels, or of lists of them, with what a suite says that they mean; an empty text is no label.

    A label that is not in the map stays as it is. The keys are texts: `1` is also 1.0, `true` also a boolean.
    """
    plain = {plain_label(key): meaning for key, meaning in meanings.items()}

    def meant(value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in map(meant, value) if one is not None]
        if is_missing(value):
            return None
        text = str(value)
        return meanings.get(text, plain.get(plain_label(value), text)) or None

    return pa.chunked_array([pa.array([meant(value) for value in column.to_pylist()])])


def labels_in(rows: Rows) -> set[str]:
    """The distinct labels of the targets, for predictions that bring no classes of their own."""
    if TARGET not in rows.table.column_names:
        return set()
    column = rows.table.column(TARGET)
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = pc.list_flatten(column)
    if pa.types.is_nested(column.type):
        return set()
    return {plain_label(value) for value in pc.unique(column).to_pylist() if not is_missing(value)}


def other_labels(labels: AbstractSet[str], classes: Sequence[str]) -> set[str]:
    """Those of the labels of targets that are none of the classes which predictions happen to have.

    A DataError where one side has numbers and the other has names: no right answer could then be given.
    """
    found = {label for label in labels if isinstance(read_labels([label], classes, positions=False), Unreadable)}
    number = {label: plain_label(label).lstrip("-").isdigit() or label in BOOLEANS for label in (*found, *classes)}
    if found and found == labels and classes:
        numbered = {all(number[label] for label in side) for side in (found, classes)}
        unnumbered = {not any(number[label] for label in side) for side in (found, classes)}
        if numbered == unnumbered == {True, False}:
            raise DataError(
                f"no label of the targets ({_some(found)}) is one of the predictions ({_some(classes)})",
                hint='say which is which in the data set\'s table: `labels = { 1 = "...", 2 = "..." }`',
            )
    return found


def _some(labels: Iterable[str]) -> str:
    shown = sorted(labels)
    return ", ".join(f"`{label}`" for label in shown[:LABELS_SHOWN]) + (", ..." if len(shown) > LABELS_SHOWN else "")


def _classes_of(rows: Rows, column: pa.ChunkedArray, classes: Sequence[str], data: str) -> pa.ChunkedArray:
    """A column with one label a row, as names of classes."""
    if pa.types.is_nested(column.type):
        row, value = next(((n, value) for n, value in enumerate(column.to_pylist()) if value is not None), (0, None))
        raise DataError(
            f"{_place(rows, row, data)} has the target {_shown(value)}, and a row has one label here",
            hint="several labels a row need a task, or predictions, of schema `labels`",
        )
    values = pc.unique(column).to_pylist()
    there = [value for value in values if not is_missing(value)]
    read = read_labels(there, classes)
    if isinstance(read, Unreadable):
        raise _refusal(rows, column.to_pylist().index(read.label), read, data)
    if pa.types.is_string(column.type) and read == [value for value in values if value is not None]:
        return column
    encoded = column.combine_chunks().dictionary_encode()
    names = dict(zip(there, read, strict=True))
    kinds = encoded.dictionary.to_pylist()
    dictionary = pa.array([None if is_missing(kind) else names[kind] for kind in kinds], pa.string())
    return pa.chunked_array([dictionary.take(encoded.indices)])


def _lists_of(rows: Rows, column: pa.ChunkedArray, classes: Sequence[str], data: str) -> pa.ChunkedArray:
    """A column of lists of labels, as lists of names of classes; whole numbers could be positions or a row of 0 and 1."""
    labels = pc.list_flatten(column)
    there = [value for value in pc.unique(labels).to_pylist() if not is_missing(value)]
    read = read_labels(there, classes, positions=False)
    if isinstance(read, Unreadable):
        row = next(n for n, value in enumerate(column.to_pylist()) if value is not None and read.label in value)
        raise _refusal(rows, row, read, data)
    if read == there:
        return column
    names = dict(zip(there, read, strict=True))
    lists = [None if row is None else [names[one] for one in row if not is_missing(one)] for row in column.to_pylist()]
    return pa.chunked_array([pa.array(lists, pa.list_(pa.string()))])


def _refusal(rows: Rows, row: int, found: Unreadable, data: str) -> DataError:
    message = f"{_place(rows, row, data)} has the label {_shown(found.label)}, {found.reason}"
    return DataError(message, hint=found.hint)


def _place(rows: Rows, row: int, data: str) -> str:
    """A row as a person finds it in the data: its number from 1 up, since an id may be a hash."""
    return f"row {rows.numbers[row] if rows.numbers is not None else row + 1:,} of the data set `{data}`"


def _shown(value: Any) -> str:
    text = str(value)
    return f"`{text if len(text) <= VALUE_SHOWN else text[: VALUE_SHOWN - 3] + '...'}`"


def _cast(column: pa.ChunkedArray, kind: pa.DataType, data: str, schema: str) -> pa.ChunkedArray:
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"column `target` of the data set `{data}` holds {column.type}, and schema `{schema}` needs {kind}"
        ) from error
