"""Member targets: which members of a group are relevant, by their names, where each of them has a number for a target."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.types.blocks import one_array
from mqa_registry.types.columns import is_list
from mqa_registry.types.schemas.relevances import RELEVANCES
from mqa_registry.types.tables.source import iter_table
from mqa_registry.types.tables.spool import TableSpool

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mqa_registry.execution.rows.casting import Folder

    Describe: TypeAlias = Callable[[int], str]  # a group of a table by its position, as a person finds it in the data
    Floats: TypeAlias = npt.NDArray[np.float64]

TARGET, MEMBER = "target", "member"
HINT = "the target of a member is how relevant it is, a number; or a group has a list of the names of those that are"


def name_relevant_members(table: pa.Table, describe: Describe, folder: Folder, *, may_be_names: bool) -> pa.Table:
    """The groups with targets that name their relevant members, those with a number above 0, each with that number.

    Members are named by `member`, else by their numbers from 1 on. One without a number is not relevant; where all of a
    group have none, nobody knows. Targets that `may_be_names` already stay as they are, unless they are numbers. A DataError
    describes the group with a target that is no number, or with too few.
    """
    if TARGET not in table.column_names or not is_list(table.schema.field(TARGET).type):
        return table
    if may_be_names and not _holds_numbers(table.schema.field(TARGET).type.value_type):
        return table
    with TableSpool(folder) as spool:
        start = 0
        for block in iter_table(table.select([name for name in (TARGET, MEMBER) if name in table.column_names])):
            named = _name_block(block, partial(_shift, describe, start))
            spool.append(pa.table({TARGET: named}))
            start += len(block)
        named = spool.finish(pa.schema([(TARGET, RELEVANCES)])).column(0)
    return table.set_column(table.column_names.index(TARGET), TARGET, named)


def _holds_numbers(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def _shift(describe: Describe, start: int, position: int) -> str:
    return describe(start + position)


def _name_block(block: pa.Table, describe: Describe) -> pa.Array:
    targets = one_array(block.column(TARGET))
    rows = np.asarray(pc.list_parent_indices(targets).to_numpy(), np.int64)
    sizes = np.bincount(rows, minlength=len(targets))
    numbers = _read_numbers(pc.list_flatten(targets), rows, describe)
    names = _read_names(block, sizes, rows, describe)
    is_relevant = numbers > 0  # NaN is not
    offsets = np.append(0, np.cumsum(np.bincount(rows[is_relevant], minlength=len(targets))))
    is_known = np.bincount(rows[~np.isnan(numbers)], minlength=len(targets)) > 0
    kept = pa.StructArray.from_arrays(
        [names.filter(pa.array(is_relevant)), pa.array(numbers[is_relevant])], fields=list(RELEVANCES.value_type)
    )
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), kept, type=RELEVANCES, mask=pa.array(~is_known))


def _read_numbers(values: pa.Array, rows: npt.NDArray[np.int64], describe: Describe) -> Floats:
    """The targets of all members, NaN where one has none."""
    try:
        column = values.cast(pa.float64())
    except pa.ArrowException as error:
        row, value = _find_text(values, rows)
        raise DataError(f"{describe(row)} has a member with the target `{value:.40}`", hint=HINT) from error
    numbers = np.asarray(pc.fill_null(column, np.nan).to_numpy(zero_copy_only=False), np.float64)
    if len(infinite := np.flatnonzero(np.isinf(numbers))):
        raise DataError(f"{describe(int(rows[infinite[0]]))} has a member with an infinite target", hint=HINT)
    return numbers


def _find_text(values: pa.Array, rows: npt.NDArray[np.int64]) -> tuple[int, str]:
    """The position of the first group with a target that is no number, and that target."""
    for row, value in zip(rows.tolist(), values.to_pylist(), strict=True):
        try:
            float(value or 0)
        except (TypeError, ValueError):
            return row, str(value)
    return 0, str(values.type)


def _read_names(
    block: pa.Table, sizes: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], describe: Describe
) -> pa.Array:
    """The names of all members, in the order of their targets."""
    if MEMBER not in block.column_names:
        starts = np.append(0, np.cumsum(sizes))[:-1]
        return pa.array(np.arange(1, len(rows) + 1) - starts[rows]).cast(pa.string())
    members = one_array(block.column(MEMBER))
    counts = pc.list_value_length(members).to_numpy(zero_copy_only=False)
    if len(other := np.flatnonzero((sizes != counts) & (sizes > 0))):
        row = int(other[0])
        raise DataError(
            f"{describe(row)} has {counts[row]:,} members and {sizes[row]:,} targets",
            hint="give each member a number, or name those that are relevant by text",
        )
    return pc.list_flatten(members.filter(pa.array(sizes > 0)))
