"""Targets of a search or a ranking: the ids of what should come first, each with how relevant it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.errors import DataError
from mqa_registry.types.columns import is_list
from mqa_registry.types.labels import is_missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.types.targets import TargetColumn

RELEVANCES = pa.list_(pa.struct([("id", pa.string()), ("relevance", pa.float64())]))
BLOCK_ROWS = 4096  # that are Python values at a time
HINT = 'a target is a list of ids, as `["d1", "d7"]`, or of `{id, relevance}`'


def read_relevances(targets: TargetColumn) -> pa.ChunkedArray:
    """The relevant ids of every row: a list of them, one alone, or a list of `{id, relevance}`.

    An id without a relevance has 1; one of 0 or less is not relevant. An empty list says that nothing is relevant, a null
    that nobody knows. A DataError names the first row with anything else, or with an id twice.
    """
    column = targets.values
    if not _is_readable(column.type):
        raise DataError(f"column `target` of the data set `{targets.data}` holds {column.type}", hint=HINT)
    blocks = []
    for start in range(0, max(1, len(column)), BLOCK_ROWS):
        rows = enumerate(column.slice(start, BLOCK_ROWS).to_pylist(), start)
        blocks.append(pa.array([_read_row(targets, row, value) for row, value in rows], RELEVANCES))
    return pa.chunked_array(blocks, RELEVANCES)


def _is_readable(kind: pa.DataType) -> bool:
    if is_list(kind):
        kind = kind.value_type
        if pa.types.is_struct(kind):
            return {"id", "relevance"} <= {field.name for field in kind}
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_null(kind)
    )


def _read_row(targets: TargetColumn, row: int, value: Any) -> list[dict[str, Any]] | None:
    if is_missing(value):
        return None
    read = [_read_one(targets, row, one) for one in (value if isinstance(value, list) else [value])]
    names = [one["id"] for one in read]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{targets.position(row)} has the relevant id `{twice}` twice", hint=HINT)
    return read


def _read_one(targets: TargetColumn, row: int, value: Any) -> dict[str, Any]:
    found: Mapping[str, Any] = value if isinstance(value, dict) else {"id": value, "relevance": 1.0}
    name, relevance = found["id"], found["relevance"]
    if is_missing(name):
        raise DataError(f"{targets.position(row)} has a relevant row without an id", hint=HINT)
    if relevance is None or not math.isfinite(relevance):
        raise DataError(f"{targets.position(row)} has the relevance {relevance} of `{name}`", hint="it is a number")
    return {"id": str(name), "relevance": float(relevance)}
