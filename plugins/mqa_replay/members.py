"""Rankings as services write them: a row for each member of a group, or a list of objects, each a member with its score."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry import DataError
from mqa_replay.columns import ID, SCORES_BY_MEMBER, PredictionLog, columns_hint

if TYPE_CHECKING:
    import numpy.typing as npt

MEMBER, SCORE = SCORES_BY_MEMBER
RANKING, SCORES = "ranking", "scores"
NAME_KEYS = (MEMBER, "item", "item_id", "doc_id", "id", "name")  # of an object, the first that it has


def rank_members(log: PredictionLog) -> PredictionLog:
    """The log with a ranking for each id, best score first, where it has a row or an object for each member; else as it is.

    Members with equal scores stand in the order of their rows. A DataError where a row has no id, member or score, or a
    member of an id stands in two rows.
    """
    if log.has(RANKING):
        return _rank_objects(log)
    if not (log.has(MEMBER) or log.has(SCORE)):
        return log
    for name in SCORES_BY_MEMBER:
        if not log.has(name):
            raise DataError(
                f"there is no column `{name}`", hint=columns_hint(log.table, f'columns = {{ {name} = "..." }}')
            )
    ids, members = (_read_names(log.table, name) for name in (ID, MEMBER))
    scores = _read_scores(log.table)
    codes = ids.dictionary_encode()  # ids are in the order of their first rows
    groups = np.asarray(codes.indices.to_numpy(), dtype=np.int64)
    order = np.lexsort((-scores, groups))  # is stable
    starts = np.append(0, np.cumsum(np.bincount(groups, minlength=len(codes.dictionary))))
    _check_unique(codes, members)
    offsets = pa.array(starts, pa.int32())
    columns = {
        ID: codes.dictionary,
        RANKING: pa.ListArray.from_arrays(offsets, members.take(pa.array(order))),
        SCORES: pa.ListArray.from_arrays(offsets, pa.array(scores[order])),
    }
    return log.with_table(pa.table(columns), f"rankings from `{SCORE}`, a row for each `{MEMBER}`")


def _read_names(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    if not (
        pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_integer(column.type)
    ):
        raise DataError(f"column `{name}` holds {column.type}, and names are needed")
    if column.null_count:
        row = pc.index(pc.is_null(column), value=True).as_py() + 1
        raise DataError(f"row {row:,} has no `{name}`", hint="each row is the score of one member of one group")
    return pa.concat_arrays(column.cast(pa.string()).chunks) if column.num_chunks else pa.array([], pa.string())


def _read_scores(table: pa.Table) -> npt.NDArray[np.float64]:
    column = table.column(SCORE)
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise DataError(f"column `{SCORE}` holds {column.type}, and numbers are needed")
    scores = np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(), dtype=np.float64)
    if len(unknown := np.flatnonzero(~np.isfinite(scores))):
        raise DataError(
            f"row {int(unknown[0]) + 1:,} has no finite `{SCORE}`", hint="leave out the members that were not scored"
        )
    return scores


def _check_unique(ids: pa.DictionaryArray, members: pa.Array) -> None:
    """A DataError where a member of an id stands in two rows."""
    names = members.dictionary_encode()
    pairs = ids.indices.to_numpy().astype(np.int64) * max(1, len(names.dictionary)) + names.indices.to_numpy()
    _, first = np.unique(pairs, return_index=True)
    if len(first) < len(pairs):
        row = int(np.setdiff1d(np.arange(len(pairs)), first)[0])
        raise DataError(
            f"row {row + 1:,} has the member `{members[row]}` of `{ids[row]}` once more",
            hint="keep one score for each member",
        )


def _rank_objects(log: PredictionLog) -> PredictionLog:
    """The log with the names and scores of lists of objects, best score first; lists of anything else stay as they are."""
    column = log.table.column(RANKING)
    if not (pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type)):
        return log
    keys = [field.name for field in column.type.value_type]
    key = next((name for name in NAME_KEYS if name in keys), None)
    if key is None or SCORE not in keys:
        raise DataError(
            f"the objects in `{RANKING}` have the keys {', '.join(f'`{name}`' for name in keys)}",
            hint=f"each is a thing and its score: `{{{NAME_KEYS[1]}, {SCORE}}}`",
        )
    ranked = [_rank_row(number, row, key) for number, row in enumerate(column.to_pylist(), 1)]
    names = [None if row is None else [name for name, _ in row] for row in ranked]
    scores = [None if row is None else [score for _, score in row] for row in ranked]
    columns = {
        ID: log.table.column(ID),
        RANKING: pa.array(names, pa.list_(pa.string())),
        SCORES: pa.array(scores, pa.list_(pa.float64())),
    }
    return log.with_table(pa.table(columns), f"rankings from objects of `{key}` and `{SCORE}`")


def _rank_row(number: int, row: list[dict[str, Any]] | None, key: str) -> list[tuple[str, float]] | None:
    """The names and scores of one row, best first; None where it has no list. A DataError names the row."""
    if row is None:
        return None
    pairs: list[tuple[Any, Any]] = [(one and one[key], one and one[SCORE]) for one in row]
    if any(name is None or name == "" for name, _ in pairs):
        raise DataError(f"row {number:,} ranks something without `{key}`", hint="each object names one thing")
    if any(not isinstance(score, int | float) or not math.isfinite(score) for _, score in pairs):
        raise DataError(
            f"row {number:,} has no finite `{SCORE}` of something", hint="leave out the things that were not scored"
        )
    return sorted(((str(name), float(score)) for name, score in pairs), key=lambda pair: -pair[1])
