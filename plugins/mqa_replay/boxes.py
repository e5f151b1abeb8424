"""Boxes as services write them: lists of objects, those of a transformers pipeline and of COCO too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry import DataError
from mqa_replay.columns import ID, LogFormat, PredictionLog, is_nested, parse_json, set_column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BOXES = "boxes"
BOX_NAMES = ("detections", "objects", "predictions", "prediction", "output", "outputs", "result", "annotations")
LABEL_KEYS = ("label", "category", "class", "name", "category_id", "class_id")  # of an object, the first that it has
SCORE_KEYS = ("score", "confidence", "probability")
SIDES = ("x0", "y0", "x1", "y1")
PIPELINE_SIDES = ("xmin", "ymin", "xmax", "ymax")
BOX = pa.list_(pa.struct([*((side, pa.float64()) for side in SIDES), ("label", pa.string()), ("score", pa.float64())]))
BLOCK_ROWS = 4096  # that are Python values at a time


def with_boxes(log: PredictionLog, log_format: LogFormat) -> PredictionLog:
    """The log with a column `boxes`: its own, else that of another usual name."""
    source = BOXES if log.has(BOXES) else next((name for name in BOX_NAMES if _holds_objects(log, name)), "")
    if not source:
        return log
    column = parse_json(log.table.column(source))
    if not _is_list_of_objects(column.type):
        return log  # refused by its type
    ids, blocks = log.table.column(ID), []
    for start in range(0, max(1, len(column)), BLOCK_ROWS):
        rows = enumerate(column.slice(start, BLOCK_ROWS).to_pylist(), start)
        boxes = [row and [_read_object(box or {}, str(ids[number]), log_format) for box in row] for number, row in rows]
        blocks.append(pa.array(boxes, BOX))
    remark = () if source == BOXES else (f"boxes from `{source}`",)
    return log.with_table(set_column(log.table, BOXES, pa.chunked_array(blocks, BOX)), *remark)


def _holds_objects(log: PredictionLog, name: str) -> bool:
    if not log.has(name) or not is_nested(log.table.column(name)):
        return False
    return _is_list_of_objects(parse_json(log.table.column(name)).type)


def _is_list_of_objects(kind: pa.DataType) -> bool:
    return bool((pa.types.is_list(kind) or pa.types.is_large_list(kind)) and pa.types.is_struct(kind.value_type))


def _read_object(box: Mapping[str, Any], name: str, log_format: LogFormat) -> dict[str, Any]:
    """A box with its sides, label and score; what the object lacks is null."""
    label = next((box[key] for key in LABEL_KEYS if box.get(key) is not None), None)
    score = next((box[key] for key in SCORE_KEYS if box.get(key) is not None), None)
    return {**_read_sides(box, name), "label": _name_label(label, name, log_format), "score": score}


def _read_sides(box: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The sides that an object has; of `bbox`, which is left, top, width and height; or of `box`, as pipelines name them."""
    if (bbox := box.get("bbox")) is not None:
        if len(bbox) != len(SIDES):
            raise DataError(
                f"row `{name}` has a `bbox` of {len(bbox)} numbers", hint="COCO has left, top, width and height"
            )
        left, top, width, height = bbox
        return dict(zip(SIDES, (left, top, left + width, top + height), strict=True))
    inner = box.get("box")
    sides: Mapping[str, Any] = inner if isinstance(inner, dict) else box
    names = PIPELINE_SIDES if sides.get(PIPELINE_SIDES[0]) is not None else SIDES
    return {side: sides.get(given) for side, given in zip(SIDES, names, strict=True)}


def _name_label(label: Any, name: str, log_format: LogFormat) -> str | None:
    """The label by its name; an integer is its position among `classes`."""
    if label is None or not isinstance(label, int):
        return None if label is None else str(label)
    classes: Sequence[str] = log_format.classes or ()
    if not 0 <= label < len(classes):
        raise DataError(
            f"row `{name}` has a box with the label {label}, which is no name",
            hint='name the labels in their order: `classes = ["person", "bicycle", ...]`',
        )
    return classes[label]
