"""Grouped rows: the rows of a data set of which several make one example, such as the candidates of a query.

A group is put together when the data are read, so that no shard, sample or limit cuts one apart, and all that comes after
sees one row for each.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.execution.rows.casting import as_text, missing_column
from mqa_registry.execution.rows.member_targets import MEMBER, name_relevant_members
from mqa_registry.execution.rows.sources import draw_sample
from mqa_registry.naming import counted
from mqa_registry.types.blocks import take_table
from mqa_registry.types.columns import UnreadableType, is_list
from mqa_registry.types.tables.row_groups import RowGroups

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import Task
    from mqa_registry.execution.rows.casting import Folder
    from mqa_registry.suite import Data

    Positions = npt.NDArray[np.int64]

GROUP = "group"  # the column whose values tell which rows belong together
CHECKED_GROUPS = 1024  # at a time


def group_rows(
    data: Data, task: Task[Any], table: pa.Table, fields: Sequence[str], *, seed: int, folder: Folder
) -> tuple[pa.Table, Sequence[int] | None]:
    """One row for each group of a task's data set, of its sample and limit alone, and the number of each in the source.

    `table` has all rows of the source, and `fields` are those of the task that it has. The number of a group is that of its
    first row, from 1 on; None stands for 1, 2, 3, ... Rows are groups already where the fields of members are lists. A
    DataError names the row that does not fit.
    """
    assert task.grouping is not None
    lists = [name for name in task.grouping.fields if name in fields]
    if MEMBER in lists:
        names = as_text(data, MEMBER, table.column(MEMBER), folder, may_have_lists=True)
        table = table.set_column(table.column_names.index(MEMBER), MEMBER, names)
    nested = [name for name in lists if is_list(table.schema.field(name).type)]
    if nested and len(nested) < len(lists):
        other = next(name for name in lists if name not in nested)
        raise DataError(
            f"the data set `{data.name}` has lists in `{nested[0]}` and none in `{other}`",
            hint="give each member a row, or each group a row with lists for all of its members",
        )
    if nested:
        positions = _draw(data, len(table), seed)
        grouped = _with_group_ids(table)
        grouped = grouped if len(positions) == len(table) else take_table(grouped, positions)
    else:
        if task.grouping.has_member_targets:
            lists.append("target")
        of_group = {"id", "cluster", "target", *fields} - set(lists)
        grouped, positions = _join_members(data, table, lists, of_group, seed=seed, folder=folder)
    numbers = array("q", (positions + 1).tobytes())
    rows = _GroupedRows(data, task, grouped, numbers)
    _check_members(rows, lists)
    if task.grouping.has_member_targets:
        grouped = name_relevant_members(grouped, rows.describe, folder, may_be_names=bool(nested))
    return grouped, None if len(numbers) == len(table) else numbers


def _draw(data: Data, total: int, seed: int) -> Positions:
    """The positions of the groups of a data set's sample, as far as its limit."""
    return draw_sample(data, total, seed)[: data.limit]


def _with_group_ids(table: pa.Table) -> pa.Table:
    """A table of groups, where a column `group` has the ids unless there are others."""
    if GROUP not in table.column_names or "id" in table.column_names:
        return table
    return table.rename_columns(["id" if name == GROUP else name for name in table.column_names])


def _join_members(
    data: Data, table: pa.Table, lists: Sequence[str], of_group: Collection[str], *, seed: int, folder: Folder
) -> tuple[pa.Table, Positions]:
    """One row for each group of rows, and the positions of the first row of each.

    Columns in `lists` have a value for each member, and those in `of_group` one for the group. Any other has one for the
    group where the members of all groups agree in it, else it has lists. One that cannot be read stays as it is.
    """
    keys = _read_keys(data, table, folder)
    groups = RowGroups.of(keys)
    table = table.drop_columns([name for name in (GROUP, "id") if name in table.column_names]).add_column(0, "id", keys)
    readable = [column.name for column in table.schema if not isinstance(column.type, UnreadableType)]
    nested = set(lists).intersection(readable)
    for name in readable:
        difference = None if name in nested else groups.find_difference(table.column(name))
        if difference is not None and name in of_group:
            raise _difference_error(data, name, keys, difference)
        if difference is not None:
            nested.add(name)
    groups = groups.take(_draw(data, len(groups), seed))
    return groups.join(table, nested, folder), groups.first_rows


def _read_keys(data: Data, table: pa.Table, folder: Folder) -> pa.ChunkedArray:
    """The group of every row, as text; a DataError where a row has none."""
    if GROUP not in table.column_names:
        raise missing_column(data, GROUP, table)
    if "id" in data.columns:
        raise DataError(
            f"the data set `{data.name}` maps both `id` and `group`, and the id of a group is its value of `group`",
            hint="leave `id` out; the names of a group's members are mapped to `member`",
        )
    keys = as_text(data, GROUP, table.column(GROUP), folder)
    if keys.null_count:
        row = pc.index(pc.is_null(keys), value=True).as_py() + 1
        raise DataError(
            f"the data set `{data.name}` has {counted(keys.null_count, 'row')} without a `group`, row {row:,} first",
            hint="give each row the id of its group, or leave those rows out",
        )
    return keys


def _difference_error(data: Data, name: str, keys: pa.ChunkedArray, rows: tuple[int, int]) -> DataError:
    """The error that two rows of one group differ in a column that is the group's; `rows` are their positions."""
    first, second = rows
    return DataError(
        f"row {second + 1:,} of the data set `{data.name}` has another `{name}` than row {first + 1:,} of the same group,"
        f" `{keys[first]}`",
        hint=f"`{name}` is of the whole group: give all of its rows the same, or another `group`",
    )


@dataclass(frozen=True)
class _GroupedRows:
    """The rows of a data set, one for each group, and the number of each in the source."""

    data: Data
    task: Task[Any]
    table: pa.Table
    numbers: Sequence[int]

    def describe(self, position: int) -> str:
        """A group as a person finds it in the data."""
        row = f"row {self.numbers[position]:,} of the data set `{self.data.name}`"
        if "id" not in self.table.column_names:
            return row
        return f"the group `{self.table.column('id')[position]}`, from {row} on,"


def _check_members(rows: _GroupedRows, lists: Sequence[str]) -> None:
    """A DataError where groups lack values, have too few members or too many, or two of one name."""
    assert rows.task.grouping is not None
    least, most = rows.task.grouping.min_members, rows.task.grouping.max_members
    table = rows.table.select([name for name in lists if name in rows.table.column_names])
    start = 0
    for batch in table.to_batches(max_chunksize=CHECKED_GROUPS):
        sizes = _sizes(batch.column(0))
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name != "target" and (empty := _find_null(column)) is not None:
                raise DataError(
                    f"{rows.describe(start + empty)} has a member without a value in `{name}`",
                    hint="fill them, or leave those members out",
                )
            if is_list(column.type) and len(other := np.flatnonzero(_sizes(column) != sizes)):
                row = int(other[0])
                raise DataError(
                    f"{rows.describe(start + row)} has {sizes[row]:,} values in `{batch.schema.names[0]}` and"
                    f" {_sizes(column)[row]:,} in `{name}`",
                    hint="its lists have one value for each member, in one order",
                )
        if len(unfit := np.flatnonzero((sizes < least) | (sizes > (most or sizes)))):
            raise _size_error(rows, start + int(unfit[0]), int(sizes[unfit[0]]))
        if MEMBER in batch.schema.names:
            _check_names(rows, batch.column(MEMBER), start)
        start += len(batch)


def _size_error(rows: _GroupedRows, position: int, size: int) -> DataError:
    grouping = rows.task.grouping
    assert grouping is not None
    fits = f"{grouping.min_members:,}" + (
        f" to {grouping.max_members:,}" if grouping.max_members is not None else " or more"
    )
    return DataError(
        f"{rows.describe(position)} has {counted(size, 'member')}, and `{rows.task.name}` takes {fits}",
        hint="leave such groups out, or check the column that is mapped to `group`",
    )


def _check_names(rows: _GroupedRows, names: pa.ListArray, start: int) -> None:
    """A DataError where two members of a group have one name; `start` is the position of the first group."""
    values = names.flatten().dictionary_encode()
    codes = values.indices.to_numpy()
    pairs = pc.list_parent_indices(names).to_numpy() * len(values.dictionary) + codes
    distinct, first = np.unique(pairs, return_index=True)
    if len(distinct) == len(pairs):
        return
    row, code = divmod(int(np.delete(pairs, first)[0]), len(values.dictionary))
    raise DataError(
        f"{rows.describe(start + row)} has the member `{values.dictionary[code]}` more than once",
        hint="members of a group are told apart by `member`: give each another name there, or leave the copies out",
    )


def _sizes(column: pa.Array) -> Positions:
    """How many values each list has, shape (lists,)."""
    return np.asarray(pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False), dtype=np.int64)


def _find_null(column: pa.Array) -> int | None:
    """The position of the first list that is null, or has a null in it."""
    if column.null_count:
        return int(pc.index(pc.is_null(column), value=True).as_py())
    values = column.flatten()
    if not values.null_count:
        return None
    return int(pc.list_parent_indices(column)[pc.index(pc.is_null(values), value=True).as_py()].as_py())
