"""Lists of objects, one for each row, as services write them; of objects in images, with a box or a mask, a label and a score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry import DataError
from mqa_replay.columns import ID, LogFormat, PredictionLog, is_nested, parse_json, set_column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OBJECT_NAMES = ("objects", "predictions", "prediction", "output", "outputs", "result", "annotations")
LABEL_KEYS = ("label", "category", "class", "name", "category_id", "class_id")  # of an object, the first that it has
SCORE_KEYS = ("score", "confidence", "probability")
BLOCK_ROWS = 4096  # that are Python values at a time


def with_objects(
    log: PredictionLog,
    log_format: LogFormat,
    column: str,
    *,
    names: Sequence[str],
    kind: pa.DataType,
    what: str,
    read_place: Callable[[Mapping[str, Any], str], Mapping[str, Any]],
) -> PredictionLog:
    """The log with a column of the Arrow type `kind`: its own of that name, else that of another of the usual `names`.

    `read_place` gives where an object is, by the object and the id of its row. `what` it is stands in errors, as `a box`.
    """
    source = find_objects(log, column, names)
    if not source:
        return log
    values = parse_json(log.table.column(source))
    if not is_list_of_objects(values.type):
        return log  # refused by its type

    def read(one: Mapping[str, Any], row_id: str) -> dict[str, Any]:
        label = next((one[key] for key in LABEL_KEYS if one.get(key) is not None), None)
        score = next((one[key] for key in SCORE_KEYS if one.get(key) is not None), None)
        return {**read_place(one, row_id), "label": _name_label(label, row_id, log_format, what), "score": score}

    ids, blocks = log.table.column(ID), []
    for start in range(0, max(1, len(values)), BLOCK_ROWS):
        rows = enumerate(values.slice(start, BLOCK_ROWS).to_pylist(), start)
        objects = [row and [read(one or {}, str(ids[number])) for one in row] for number, row in rows]
        blocks.append(pa.array(objects, kind))
    remark = () if source == column else (f"{column} from `{source}`",)
    return log.with_table(set_column(log.table, column, pa.chunked_array(blocks, kind)), *remark)


def find_objects(log: PredictionLog, column: str, names: Sequence[str]) -> str:
    """The column of that name, else that of another of the usual `names` which holds lists of objects; empty where none does."""
    if log.has(column):
        return column
    there = (name for name in names if log.has(name) and is_nested(log.table.column(name)))
    return next((name for name in there if is_list_of_objects(parse_json(log.table.column(name)).type)), "")


def is_list_of_objects(kind: pa.DataType) -> bool:
    """Whether a type is that of lists of objects."""
    return bool((pa.types.is_list(kind) or pa.types.is_large_list(kind)) and pa.types.is_struct(kind.value_type))


def _name_label(label: Any, row_id: str, log_format: LogFormat, what: str) -> str | None:
    """The label by its name; an integer is its position among `classes`."""
    if label is None or not isinstance(label, int):
        return None if label is None else str(label)
    classes: Sequence[str] = log_format.classes or ()
    if not 0 <= label < len(classes):
        raise DataError(
            f"row `{row_id}` has {what} with the label {label}, which is no name",
            hint='name the labels in their order: `classes = ["person", "bicycle", ...]`',
        )
    return classes[label]
