"""Boxes as services write them: lists of objects, those of a transformers pipeline and of COCO too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry import DataError
from mqa_replay.objects import OBJECT_NAMES, with_objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_replay.columns import LogFormat, PredictionLog

BOXES = "boxes"
BOX_NAMES = ("detections", *OBJECT_NAMES)
SIDES = ("x0", "y0", "x1", "y1")
PIPELINE_SIDES = ("xmin", "ymin", "xmax", "ymax")
BOX = pa.list_(pa.struct([*((side, pa.float64()) for side in SIDES), ("label", pa.string()), ("score", pa.float64())]))


def with_boxes(log: PredictionLog, log_format: LogFormat) -> PredictionLog:
    """The log with a column `boxes`: its own, else that of another usual name."""
    return with_objects(log, log_format, BOXES, names=BOX_NAMES, kind=BOX, what="a box", read_place=_read_sides)


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
