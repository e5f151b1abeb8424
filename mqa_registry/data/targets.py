"""Targets: the right answers of a data set, in the schema and with the classes that the predictions have."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.data.predictions import Predictions, Targets
from mqa_registry.data.schemas import schema_named
from mqa_registry.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mqa_registry.data.rows import Rows


def targets_of(rows: Rows, schema: str, classes: Sequence[str], *, data: str) -> Targets:
    """The column `target` of some rows as a table of the schema; a DataError where it does not fit.

    Labels may be names, or positions among `classes`. A missing target stays missing.
    """
    if "target" not in rows.table.column_names:
        raise DataError(
            f"the data set `{data}` has no column `target`, and a metric needs one",
            hint='map the column with the right answers: `columns = { target = "..." }`',
        )
    name, kind = schema_named(schema).main
    column = rows.table.column("target")
    if schema == "label":
        column = _named(column, classes)
        _refuse_strangers(pc.unique(column.drop_null()).to_pylist(), classes, data)
    else:
        column = _cast(column, kind, data, schema)
    if schema == "labels":
        _refuse_strangers(pc.unique(pc.list_flatten(column)).to_pylist(), classes, data)
    return Predictions(schema, pa.table({"id": rows.ids, name: column}), tuple(classes))


def labels_in(rows: Rows) -> set[str]:
    """The distinct labels of the targets as they stand, for predictions that bring no classes of their own."""
    if "target" not in rows.table.column_names:
        return set()
    column = rows.table.column("target")
    if pa.types.is_list(column.type):
        column = pc.list_flatten(column)
    return {str(value) for value in pc.unique(column).to_pylist() if value is not None}


def _named(column: pa.ChunkedArray, classes: Sequence[str]) -> pa.ChunkedArray:
    """Labels as names; whole numbers are positions among the classes, unless the classes are numbers themselves."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)):
        return column.cast(pa.string())
    numbers = column.cast(pa.int64())
    if set(map(str, pc.unique(numbers.drop_null()).to_pylist())) <= set(classes):
        return numbers.cast(pa.string())
    names = pa.array(classes, pa.string())
    inside = pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, len(classes)))
    named = names.take(pc.if_else(inside, numbers, None).combine_chunks())
    return pa.chunked_array([pc.if_else(inside.combine_chunks(), named, numbers.cast(pa.string()).combine_chunks())])


def _cast(column: pa.ChunkedArray, kind: pa.DataType, data: str, schema: str) -> pa.ChunkedArray:
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"column `target` of the data set `{data}` holds {column.type}, and schema `{schema}` needs {kind}"
        ) from error


def _refuse_strangers(labels: Iterable[str], classes: Sequence[str], data: str) -> None:
    strangers = sorted(set(labels) - set(classes))
    if not strangers:
        return
    close = difflib.get_close_matches(strangers[0].lower(), [name.lower() for name in classes], n=1)
    guess = f"did you mean `{next(name for name in classes if name.lower() == close[0])}`? " if close else ""
    known = ", ".join(f"`{name}`" for name in classes[:20])
    raise DataError(
        f"the data set `{data}` has the label `{strangers[0]}`, which the model does not know",
        hint=f"{guess}it knows {known}",
    )
