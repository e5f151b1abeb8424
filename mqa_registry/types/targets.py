"""Targets: the right answers of a data set, in the schema and with the classes that the predictions have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.types.labels import BOOLEANS, Unreadable, is_missing, plain_label, read_labels
from mqa_registry.types.predictions import Predictions, Targets
from mqa_registry.types.schemas import TargetColumn, schema_named
from mqa_registry.types.schemas.target_column import TARGET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from mqa_registry.types.rows import Rows

LISTED_LABELS = 5  # labels that a message lists


def targets_of(rows: Rows, schema: str, classes: Sequence[str], *, data: str) -> Targets:
    """The column `target` of some rows as a table of the schema; a DataError where it does not fit.

    Labels may be names of classes, or stand for them as `read_labels` says. A missing target stays missing.
    """
    form = schema_named(schema)
    column = form.read_targets(TargetColumn.find(rows, data), classes)
    return Predictions(schema, pa.table({"id": rows.ids, form.column: column}), tuple(classes))


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
                f"no label of the targets ({_list_some(found)}) is one of the predictions ({_list_some(classes)})",
                hint='say which is which in the data set\'s table: `labels = { 1 = "...", 2 = "..." }`',
            )
    return found


def _list_some(labels: Iterable[str]) -> str:
    shown = sorted(labels)
    return ", ".join(f"`{label}`" for label in shown[:LISTED_LABELS]) + (", ..." if len(shown) > LISTED_LABELS else "")
