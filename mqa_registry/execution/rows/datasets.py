"""Reading a data set: the table of its source, with columns mapped, rows sampled and limited, and ids added."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError, MissingColumnError
from mqa_registry.execution.rows.casting import as_text, convert, is_text, missing_column
from mqa_registry.execution.rows.grouped_rows import GROUP, group_rows
from mqa_registry.execution.rows.mask_files import read_mask_files
from mqa_registry.execution.rows.packed_columns import pack_columns
from mqa_registry.execution.rows.sources import digest_source, open_source, read_rows
from mqa_registry.naming import counted
from mqa_registry.types import Rows, map_labels
from mqa_registry.types.blob_columns import holds_blobs, holds_bytes
from mqa_registry.types.blobs import BLOB_MODALITIES, BlobFolder
from mqa_registry.types.columns import is_list
from mqa_registry.types.digests import digest_files
from mqa_registry.types.ids import derive_ids, find_repeated
from mqa_registry.types.targets import TargetColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from mqa_registry.contributions import RunContext, Task
    from mqa_registry.suite import Data
    from mqa_registry.types import TableSource

    Folder: TypeAlias = "Callable[[], Path] | None"  # of the run's scratch files

COLUMN_ROLES = ("id", "target", "cluster")
LABEL = "label"  # the target of a data set without a column `target`
MASKS = "masks"  # the schema of which targets may be files


def load_dataset(
    data: Data, task: Task[Any] | None, context: RunContext, seed: int, columns: Collection[str] | None = None
) -> Rows:
    """The rows of one data set, each with an id; a DataError where columns are missing or no row is left.

    `columns` are those, by their names after mapping, that something reads besides the fields and roles; None where it
    may be any. Where one of them is not there, all are read, so that an error can list them. Rows that are large together
    are in a file of the run's scratch folder.
    """
    source = open_source(data.source, context)
    digest = digest_files(data.source.options) or digest_source(data.source, source)
    named = {key: value for key, value in data.source.as_table().items() if isinstance(value, str | int | float)}
    try:
        rows = _read(data, task, source, context, seed=seed, columns=columns)
        if columns is not None and not set(columns) <= set(rows.table.column_names):
            rows = _read(data, task, source, context, seed=seed, columns=None)
    except MissingColumnError:
        if columns is not None:  # every column of the first row, so that the error lists them
            _read(replace(data, sample=None, limit=1), task, source, context, seed=seed, columns=None)
        raise
    return replace(rows, digest=digest, source=named)


def _read(
    data: Data,
    task: Task[Any] | None,
    source: pa.Table | TableSource,
    context: RunContext,
    *,
    seed: int,
    columns: Collection[str] | None,
) -> Rows:
    """The rows of a source, with columns mapped, fields cast, and ids."""
    folder = context.scratch
    is_grouped = task is not None and task.grouping is not None
    drawn = replace(data, sample=None, limit=None) if is_grouped else data  # samples and limits are of groups
    table, numbers = read_rows(drawn, source, _source_columns(data, task, columns), folder, seed)
    if table.num_rows == 0:
        raise DataError(f"the data set `{data.name}` has no rows", hint="a suite needs at least one")
    table = _map_columns(data, table)
    if task is not None and task.columns_field and task.columns_field not in table.column_names:
        roles = _role_columns(data, table)
        table = pack_columns(data, table, task.columns_field, roles=roles, kept=columns, folder=folder)
    table = _read_targets(data, task, table, numbers, context)
    fields = _find_fields(data, task, table)
    table = _cast_fields(data, task, table, fields, folder)
    if task is not None and task.grouping is not None:
        table, numbers = group_rows(data, task, table, fields, seed=seed, folder=folder)
    table = _add_ids(data, table, fields, folder)
    blobs = _find_blobs(data, task, table, fields)
    return Rows(table, fields, numbers=numbers, blobs=blobs, folder=_find_folder(data, context) if blobs else None)


def _source_columns(data: Data, task: Task[Any] | None, columns: Collection[str] | None) -> set[str] | None:
    """The source's columns that are read; None for all.

    Without a model, every column of text is a field unless the suite maps some.
    """
    if task is not None and task.columns_field:
        return None
    if columns is None or (task is None and not data.columns.keys() - set(COLUMN_ROLES)):
        return None
    roles = COLUMN_ROLES if "target" in data.columns else (*COLUMN_ROLES, LABEL)
    roles = (*roles, GROUP) if task is not None and task.grouping is not None else roles
    names = {*roles, *columns, *(task.fields if task is not None else ())}
    return {data.columns.get(name, name) for name in names} | set(data.columns.values())


def _map_columns(data: Data, table: pa.Table) -> pa.Table:
    """The source's table with a column for every role and field that the suite maps."""
    source = table
    for name, column in data.columns.items():
        if column not in source.column_names:
            raise missing_column(data, column, source, field=name)
        if name != column:
            table = _set_column(table, name, source.column(column))
    if "target" not in table.column_names and LABEL in table.column_names:
        table = _set_column(table, "target", table.column(LABEL))
    return table


def _role_columns(data: Data, table: pa.Table) -> list[str]:
    """The columns of a table that have a role, under its name and under their own, such as that of the target."""
    mapped = [data.columns[role] for role in COLUMN_ROLES if role in data.columns]
    label = [] if "target" in data.columns else [LABEL]  # which is the target then
    return [name for name in dict.fromkeys((*COLUMN_ROLES, *mapped, *label)) if name in table.column_names]


def _read_targets(
    data: Data, task: Task[Any] | None, table: pa.Table, numbers: Sequence[int] | None, context: RunContext
) -> pa.Table:
    """The table with targets that are files read, where the task predicts masks, and with labels mapped as the suite says."""
    if "target" not in table.column_names:
        return table
    if task is not None and task.schema == MASKS and holds_blobs(table.schema.field("target").type):
        targets = TargetColumn(Rows(table, (), numbers=numbers), data.name)
        table = _set_column(table, "target", read_mask_files(targets, _find_folder(data, context), context.scratch))
    if not data.labels:
        return table
    labels = convert(table.column("target"), lambda block: map_labels(block, data.labels), context.scratch)
    return _set_column(table, "target", labels)


def _set_column(table: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    if name in table.column_names:
        table = table.drop_columns([name])
    return table.append_column(name, column)


def _find_fields(data: Data, task: Task[Any] | None, table: pa.Table) -> tuple[str, ...]:
    """The columns that the model reads; without a model, those the suite maps, else every column of text."""
    if task is None:
        mapped = tuple(name for name in data.columns if name not in COLUMN_ROLES)
        return mapped or tuple(f.name for f in table.schema if f.name not in (*COLUMN_ROLES, LABEL) and is_text(f.type))
    for name in task.fields:
        if name not in table.column_names and name not in task.optional:
            others = [column for column in table.column_names if column not in COLUMN_ROLES]
            raise missing_column(data, name, table.select(others))
    return tuple(name for name in task.fields if name in table.column_names)


def _cast_fields(
    data: Data, task: Task[Any] | None, table: pa.Table, fields: tuple[str, ...], folder: Folder
) -> pa.Table:
    """The table with text fields cast to text; a DataError where a row has no value in a field.

    Without a model it is unknown which columns are read: then only those that the suite maps are checked.
    """
    for name in fields:
        column = table.column(name)
        if column.null_count and (task is not None or name in data.columns):
            raise DataError(
                f"the data set `{data.name}` has {_describe_empty(column, table)} without a value in `{name}`",
                hint="fill them, or leave those rows out",
            )
        if task is not None and task.fields[name] == "text":
            may_have_lists = task.grouping is not None and name in task.grouping.fields
            text = as_text(data, name, column, folder, may_have_lists=may_have_lists)
            table = table.set_column(table.column_names.index(name), name, text)
    return table


def _find_blobs(data: Data, task: Task[Any] | None, table: pa.Table, fields: tuple[str, ...]) -> tuple[str, ...]:
    """The fields that are images, sounds or files, as the task says; without one, those that have bytes.

    Lists of numbers are an image or a sound that is decoded already, and stay values. A DataError where a column has
    neither paths, bytes nor such lists.
    """
    blobs = []
    for name in fields:
        kind = table.schema.field(name).type
        if task is not None and task.fields[name] in BLOB_MODALITIES and not is_list(kind):
            if not holds_blobs(kind):
                raise DataError(
                    f"column `{name}` of the data set `{data.name}` holds {kind}, and `{task.name}` reads"
                    f" {task.fields[name]}s",
                    hint="map a column of paths, of bytes, or of both: a struct `{bytes, path}`",
                )
            blobs.append(name)
        elif task is None and holds_bytes(kind):
            blobs.append(name)
    return tuple(blobs)


def _find_folder(data: Data, context: RunContext) -> BlobFolder:
    """Where the files of rows are: in the folder of the data set's file, or in the current one where it has none."""
    paths = [value for value in data.source.options.values() if isinstance(value, Path)]
    folder = Path() if not paths else paths[0] if paths[0].is_dir() else paths[0].parent
    return BlobFolder(folder.absolute(), context.confined_to)


def _add_ids(data: Data, table: pa.Table, fields: tuple[str, ...], folder: Folder) -> pa.Table:
    """The table with ids: its column `id`, which must be unique and complete, or ids derived from the examples."""
    if "id" not in table.column_names:
        return table.append_column("id", derive_ids(table, fields, folder))
    ids = as_text(data, "id", table.column("id"), folder)
    if ids.null_count:
        raise DataError(
            f"the data set `{data.name}` has {_describe_empty(ids, table)} without an `id`",
            hint="fill them; without an `id` column ids are made from the rows",
        )
    if (repeated := find_repeated(ids)) is not None:
        among = "" if repeated[0] == 1 else " among them"
        raise DataError(
            f"the data set `{data.name}` has {counted(repeated[0], 'id')} more than once, `{repeated[1]}`{among}",
            hint="every row needs an id that no other has; without an `id` column ids are made from the rows",
        )
    return table.set_column(table.column_names.index("id"), "id", ids)


def _describe_empty(column: pa.ChunkedArray, table: pa.Table) -> str:
    """How many rows have nothing in a column, with the first of them by its id, else by its number from 1 on."""
    first = pc.index(pc.is_null(column), value=True).as_py()
    name = table.column("id")[first].as_py() if "id" in table.column_names else None
    row = f"row {first + 1}" if name is None else f"row `{name}`"
    return f"{counted(column.null_count, 'row')} ({row}{'' if column.null_count == 1 else ' first'})"
