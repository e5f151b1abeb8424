"""A table made elsewhere, as predictions: ids, columns and types are checked and brought into one schema's form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.data.predictions import Predictions
from mqa_registry.data.probability import probability_columns
from mqa_registry.data.schemas import schema_named
from mqa_registry.data.unreadable import UnreadableType
from mqa_registry.errors import DataError
from mqa_registry.naming import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.data.schemas import Schema

NEEDED = {"spans": ("start", "end", "label"), "boxes": ("x0", "y0", "x1", "y1", "label")}


def as_predictions(table: pa.Table, schema: str = "label", classes: Sequence[str] | None = None) -> Predictions:
    """The table as predictions of one schema; further columns are left out, ids become text.

    Schemas `label` and `labels` take a column of that name and one probability column per class: those that `classes`
    names, else every float column. A label that is not given is the class of highest probability. Schema `vector`
    takes a list column `vector`, or a number column per dimension. An answer with NaN or Inf in it is no answer. A
    DataError names the column that is missing or of another type, or the id of a row that does not fit.
    """
    form = schema_named(schema)
    ids = _ids(table)
    if form.classed:
        return _classed(table, form, ids, classes)
    if schema == "vector" and "vector" not in table.column_names:
        table = table.append_column("vector", _bundled(table))
    columns = {name: _column(table, name, kind) for name, kind in form.columns.items() if _there(table, form, name)}
    name = form.main[0]
    columns[name] = finite_or_null(columns[name])
    _check_parts(form, columns[name], ids)
    if schema == "vector":
        _check_widths(columns[name], ids)
    return Predictions(schema, pa.table({"id": ids, **columns}))


def _classed(table: pa.Table, form: Schema, ids: pa.ChunkedArray, classes: Sequence[str] | None) -> Predictions:
    """Predictions whose answers are drawn from classes: the answers as given, else as the probabilities say."""
    if classes is not None and (not classes or len(set(classes)) < len(classes)):
        raise DataError(
            "`classes` must name every class once", hint="leave it out where the columns speak for themselves"
        )
    name, kind = form.main
    exclusive = form.name == "label"
    found = probability_columns(table, ids, answer=name, classes=classes, exclusive=exclusive)
    if name in table.column_names:
        answers = _column(table, name, kind)
    elif found is not None and exclusive:
        answers = pa.array(found.classes, pa.string()).take(pa.array(found.best, mask=~found.whole))
    else:
        raise _missing(table, name)
    if found is None:
        names = tuple(classes or sorted(pc.unique(_flat(answers)).drop_null().to_pylist()))
        _check_known(answers, names, ids)
        return Predictions(form.name, pa.table({"id": ids, name: answers}), names)
    _check_known(answers, found.classes, ids)
    answers = pc.if_else(pa.array(found.broken), pa.scalar(None, kind), answers)
    return Predictions(
        form.name, pa.table({"id": ids, name: answers, "probability": found.column()}), tuple(found.classes)
    )


def _ids(table: pa.Table) -> pa.ChunkedArray:
    ids = _column(table, "id", pa.string())
    if ids.null_count:
        row = pc.index(ids.is_null(), value=True).as_py() + 1
        raise DataError(
            f"{ids.null_count:,} of {counted(len(ids), 'row')} have no `id`",
            hint=f"row {row} is the first; they are joined by it",
        )
    if pc.count_distinct(ids).as_py() < len(ids):
        counts = pc.value_counts(ids)
        twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
        raise DataError(
            f"{len(twice):,} of the ids stand in more than one row, `{twice[0]}` among them",
            hint="keep the one answer to each row that counts",
        )
    return ids


def _column(table: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    """The column in the schema's type; a DataError where it is not there or does not fit."""
    if name not in table.column_names:
        raise _missing(table, name)
    column = table.column(name)
    misfit = DataError(f"column `{name}` holds {_short(column.type)}, and {_short(kind)} is needed")
    if isinstance(column.type, UnreadableType) or (pa.types.is_string(kind) and pa.types.is_floating(column.type)):
        raise misfit
    try:
        column = column.cast(kind)
    except pa.ArrowException as error:
        raise misfit from error
    if pa.types.is_list(kind) and column.null_count:
        column = column.take(pa.array(np.arange(len(column))))  # copied, so that no null takes room among the values
    return column


def _there(table: pa.Table, form: Schema, name: str) -> bool:
    return name == form.main[0] or name in table.column_names


def _missing(table: pa.Table, name: str) -> DataError:
    there = ", ".join(f"`{column}`" for column in table.column_names[:20])
    return DataError(f"there is no column `{name}`", hint=f"there are {there}" if there else "")


def _short(kind: pa.DataType) -> str:
    said = str(kind)
    return said if len(said) <= 100 else f"{said[:100]}..."


def _bundled(table: pa.Table) -> pa.ChunkedArray:
    """Number columns, one per dimension, as one column of lists."""
    names = [field.name for field in table.schema if field.name != "id" and pa.types.is_floating(field.type)]
    if not names:
        raise _missing(table, "vector")
    columns = [pc.fill_null(table.column(name).cast(pa.float64()), np.nan).to_numpy() for name in names]
    flat = np.column_stack(columns).reshape(-1)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(flat), len(names)).cast(pa.list_(pa.float64()))
    return pa.chunked_array([lists])


def finite_or_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with null for every number that is NaN or Inf, and for every list of numbers with one among them."""
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    if not (pa.types.is_list(column.type) and pa.types.is_floating(column.type.value_type)):
        return column
    fine = pc.fill_null(pc.is_finite(pc.list_flatten(column)), fill_value=False)
    rows = pc.list_parent_indices(column).filter(pc.invert(fine))
    broken = np.zeros(len(column), dtype=bool)
    broken[rows.to_numpy()] = True
    return pc.if_else(pa.array(broken), pa.scalar(None, column.type), column)


def _flat(answers: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.list_flatten(answers) if pa.types.is_list(answers.type) else answers


def _check_known(answers: pa.ChunkedArray, classes: Sequence[str], ids: pa.ChunkedArray) -> None:
    """Every label is one of the classes."""
    labels = _flat(answers)
    unknown = pc.invert(pc.is_in(labels, pa.array(classes, pa.string())))
    if labels is answers:
        unknown = pc.and_(unknown, pc.is_valid(labels))  # no label is no answer; in a list it would be no label at all
    if pc.any(unknown).as_py():
        place = pc.index(unknown, value=True).as_py()
        row = pc.list_parent_indices(answers)[place].as_py() if labels is not answers else place
        raise DataError(
            f"row `{ids[row]}` has the label `{labels[place]}`, which is not among the classes",
            hint=f"the classes are {', '.join(f'`{name}`' for name in list(classes)[:20])}",
        )


def _check_parts(form: Schema, column: pa.ChunkedArray, ids: pa.ChunkedArray) -> None:
    """Every span or box has its ends and its label."""
    for name in NEEDED.get(form.name, ()):
        lacking = pc.is_null(pc.struct_field(pc.list_flatten(column), name))
        if pc.any(lacking).as_py():
            row = pc.list_parent_indices(column)[pc.index(lacking, value=True).as_py()].as_py()
            raise DataError(f"row `{ids[row]}` has {form.name} without `{name}`")


def _check_widths(vectors: pa.ChunkedArray, ids: pa.ChunkedArray) -> None:
    """Every vector has as many dimensions as the first."""
    widths = pc.list_value_length(vectors)
    first = pc.min_max(widths.drop_null().slice(0, 1))["max"]
    other = pc.fill_null(pc.not_equal(widths, first), fill_value=False)
    other = pc.or_(other, pc.fill_null(pc.equal(widths, 0), fill_value=False))
    if pc.any(other).as_py():
        row = pc.index(other, value=True).as_py()
        raise DataError(f"row `{ids[row]}` has a vector of {widths[row]} numbers, where others have {first}")
