"""Reading a data set: the table of its source, with columns mapped, rows sampled and limited, and ids added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.boundary import check_table
from mqa_registry.errors import DataError, MissingColumnError
from mqa_registry.naming import counted, did_you_mean
from mqa_registry.stats.randomness import generator
from mqa_registry.types import Rows, derive_ids, map_labels
from mqa_registry.types.rows import digest_files, digest_table

if TYPE_CHECKING:
    from mqa_registry.contributions import RunContext, Task
    from mqa_registry.suite import Data

COLUMN_ROLES = ("id", "target", "cluster")
LABEL = "label"  # the target of a data set without a column `target`


def load_dataset(data: Data, task: Task[Any] | None, context: RunContext, seed: int) -> Rows:
    """The rows of one data set, each with an id; a DataError where columns are missing or no row is left."""
    source = check_table(data.source.contributor, data.source.call(context))
    digest = digest_files(data.source.options) or digest_table(source)
    table, numbers = _map_columns(data, source), None
    if data.sample is not None and data.sample < table.num_rows:
        rng = generator(seed, "sample", data.name)
        indices = sorted(rng.choice(table.num_rows, data.sample, replace=False).tolist())
        table, numbers = table.take(pa.array(indices)), [index + 1 for index in indices]
    table = table.slice(0, None if data.limit is None else min(data.limit, len(table)))
    if table.num_rows == 0:
        raise DataError(f"the data set `{data.name}` has no rows", hint="a suite needs at least one")
    fields = _find_fields(data, task, table)
    table = _add_ids(data, _cast_fields(data, task, table, fields), fields)
    named = {key: value for key, value in data.source.as_table().items() if isinstance(value, str | int | float)}
    return Rows(table, fields, digest, numbers, named)


def _map_columns(data: Data, table: pa.Table) -> pa.Table:
    """The source's table with a column for every role and field that the suite maps."""
    source = table
    for name, column in data.columns.items():
        if column not in source.column_names:
            raise _missing_column(data, column, source, field=name)
        if name != column:
            table = _set_column(table, name, source.column(column))
    if "target" not in table.column_names and LABEL in table.column_names:
        table = _set_column(table, "target", table.column(LABEL))
    if data.labels and "target" in table.column_names:
        table = _set_column(table, "target", map_labels(table.column("target"), data.labels))
    return table


def _set_column(table: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    if name in table.column_names:
        table = table.drop_columns([name])
    return table.append_column(name, column)


def _find_fields(data: Data, task: Task[Any] | None, table: pa.Table) -> tuple[str, ...]:
    """The columns that the model reads; without a model, those the suite maps, else every column of text."""
    if task is None:
        mapped = tuple(name for name in data.columns if name not in COLUMN_ROLES)
        return mapped or tuple(
            f.name for f in table.schema if f.name not in (*COLUMN_ROLES, LABEL) and _is_text(f.type)
        )
    for name in task.fields:
        if name not in table.column_names and name not in task.optional:
            raise _missing_column(data, name, table)
    return tuple(name for name in task.fields if name in table.column_names)


def _cast_fields(data: Data, task: Task[Any] | None, table: pa.Table, fields: tuple[str, ...]) -> pa.Table:
    """The table with text fields cast to text; a DataError where a row has no value in a field.

    Without a model it is unknown which columns are read: then only those that the suite maps are checked.
    """
    for name in fields:
        column = table.column(name)
        if column.null_count and (task is not None or name in data.columns):
            raise DataError(
                f"the data set `{data.name}` has {counted(column.null_count, 'row')} without a value in `{name}`",
                hint="fill them, or leave those rows out",
            )
        if task is not None and task.fields[name] == "text":
            table = table.set_column(table.column_names.index(name), name, _as_text(data, name, column))
    return table


def _add_ids(data: Data, table: pa.Table, fields: tuple[str, ...]) -> pa.Table:
    """The table with ids: its column `id`, which must be unique and complete, or ids derived from the examples."""
    if "id" not in table.column_names:
        return table.append_column("id", pa.array(derive_ids(table, fields), pa.string()))
    ids = _as_text(data, "id", table.column("id"))
    if ids.null_count:
        raise DataError(f"the data set `{data.name}` has {counted(ids.null_count, 'row')} without an `id`")
    if pc.count_distinct(ids).as_py() < len(ids):
        counts = pc.value_counts(ids)
        repeated = counts.filter(pc.greater(counts.field("counts"), 1))
        raise DataError(
            f"the data set `{data.name}` has {len(repeated):,} ids more than once, `{repeated[0]['values']}` among them",
            hint="every row needs an id that no other has; without an `id` column ids are made from the rows",
        )
    return table.set_column(table.column_names.index("id"), "id", ids)


def _as_text(data: Data, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (_is_text(column.type) or pa.types.is_integer(column.type)):
        raise DataError(
            f"column `{name}` of the data set `{data.name}` holds {column.type}, and text is needed",
            hint="map a column of text by `columns`; save a file of another encoding as UTF-8",
        )
    return column.cast(pa.string())


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _missing_column(data: Data, column: str, table: pa.Table, *, field: str = "") -> MissingColumnError:
    """The error for a column that is missing, with those that exist; `field` is the name that it was mapped to, if any."""
    suggestion = did_you_mean(column, table.column_names)
    there = f"{suggestion} it has {', '.join(f'`{name}`' for name in table.column_names)}".strip()
    return MissingColumnError(
        f"the data set `{data.name}` has no column `{column}`", column=field or column, there=there
    )
