"""Predictions that are boxes in an image: what a detector finds, and the objects that it should find."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.naming import counted
from mqa_registry.types.blocks import iter_blocks
from mqa_registry.types.boxes import SIDES, Boxes
from mqa_registry.types.columns import is_list
from mqa_registry.types.schemas.object_labels import LabelReader
from mqa_registry.types.schemas.schema import MisfitError, PartSchema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.types.schemas.schema import Columns
    from mqa_registry.types.targets import TargetColumn

BOX = pa.struct([*((side, pa.float64()) for side in SIDES), ("label", pa.string()), ("score", pa.float64())])
TARGET_BOX = pa.struct([*BOX, ("area", pa.float64()), ("iscrowd", pa.bool_())])
SAMPLE_LABEL = "one"
EDGE_TOLERANCE = 1.0  # pixels that a target may lie outside of its image: annotations are rounded
NUMBER_HINT = "sides are in pixels of the image as it stands, from its top left corner: x0 to x1 across, y0 to y1 down"


class BoxesSchema(PartSchema):
    """Boxes in an image, in pixels of the image as it stands: from `x0` to `x1` across, and from `y0` to `y1` down.

    `width` and `height` are those of the image, where they are known. Two predictions are equal where the boxes that have
    a score of 0.5 or more are of the same objects: each has a counterpart of its label and an IoU of 0.5 or more with it.
    Targets may also have an `area`, that of the object itself, and `iscrowd`, as COCO has them.
    """

    name = "boxes"
    column = "boxes"
    type = pa.list_(BOX)
    extra: ClassVar[Mapping[str, pa.DataType]] = {"width": pa.int32(), "height": pa.int32()}
    has_classes = True
    required_fields = (*SIDES, "label")

    def check_rows(self, column: pa.ChunkedArray, ids: pa.ChunkedArray) -> None:
        """Every box has its sides and label, and its sides are numbers in their order."""
        super().check_rows(column, ids)
        position = _find_wrong(column)
        if position is not None:
            row = pc.list_parent_indices(column)[position].as_py()
            sides = _describe_sides(pc.list_flatten(column)[position].as_py())
            raise DataError(f"row `{ids[row]}` has a box with {sides}", hint=NUMBER_HINT)

    def check_decoded(self, columns: Columns, classes: Sequence[str]) -> None:
        """No box is null or lacks a field, its sides are numbers in their order, and its label is a class."""
        column = columns[self.column]
        boxes = pc.list_flatten(column)
        if boxes.null_count or any(pc.struct_field(boxes, name).null_count for name in self.required_fields):
            raise MisfitError("gave a box without one of its sides, or without its label")
        position = _find_wrong(column)
        if position is not None:
            raise MisfitError(f"gave a box with {_describe_sides(boxes[position].as_py())}", NUMBER_HINT)
        labels = pc.unique(pc.struct_field(boxes, "label")).to_pylist()
        if classes and (unknown := sorted(set(labels) - set(classes))):
            raise MisfitError(f"gave a box with the label `{unknown[0]}`, which is none of its classes")

    def agree(self, one: Any, other: Any) -> bool:
        """Whether confident boxes are of the same objects; a target that is a crowd is none."""
        if one is None or other is None:
            return one is other
        found, others = (Boxes.of(box for box in side if not box.get("iscrowd")) for side in (one, other))
        return found.agrees_with(others)

    def sample(self, classes: Sequence[str], *, as_targets: bool = False) -> tuple[Columns, tuple[str, ...]]:
        """A row with one box, and one with two, of which the second lies elsewhere in the targets."""
        label, moved = next(iter(classes), SAMPLE_LABEL), 30.0 if as_targets else 20.0
        one = dict(zip(SIDES, (0.0, 0.0, 10.0, 10.0), strict=True)) | {"label": label, "score": 0.9}
        other = dict(zip(SIDES, (moved, 20.0, moved + 15, 40.0), strict=True)) | {"label": label, "score": 0.6}
        return {self.column: pa.array([[one], [one, other]], self.type)}, tuple(classes)

    def read_targets(self, targets: TargetColumn, classes: Sequence[str]) -> pa.ChunkedArray:
        """The objects of every row, checked; a null is a row of which they are not known.

        A row is a list of objects, or an object of lists, as data sets of the hub have it. An object has the sides of the
        box, or `bbox` as COCO has it: left, top, width and height. Its `label`, `category` or `category_id` is a class, or
        its position. Without `classes`, labels are not checked.
        """
        kind = targets.values.type
        if not pa.types.is_struct(kind.value_type if is_list(kind) else kind) and not pa.types.is_null(kind):
            raise DataError(
                f"column `target` of the data set `{targets.data}` holds {kind}, and boxes are needed",
                hint="lists of `{x0, y0, x1, y1, label}`, or of `{bbox, category}` as COCO has them",
            )
        reader = _TargetReader(targets, classes)
        blocks, start = [], 0
        for block in iter_blocks(targets.values):
            rows = enumerate(block.to_pylist(), start)
            boxes = [None if value is None else reader.read_row(row, value) for row, value in rows]
            blocks.append(pa.array(boxes, pa.list_(TARGET_BOX)))
            start += len(block)
        return pa.chunked_array(blocks, pa.list_(TARGET_BOX))


class _TargetReader:
    """Reads the objects of rows."""

    def __init__(self, targets: TargetColumn, classes: Sequence[str]) -> None:
        self._targets = targets
        self._labels = LabelReader(targets, classes)

    def read_row(self, row: int, value: Any) -> list[dict[str, Any]]:
        """The objects of a row in their order."""
        return [self._read_box(row, box or {}) for box in self._list_objects(row, value)]

    def _list_objects(self, row: int, value: Any) -> Sequence[Any]:
        """The objects of a list, or of an object of lists, whose other values are left out."""
        if isinstance(value, list):
            return value
        lists = {name: one for name, one in value.items() if isinstance(one, list)}
        if len({len(one) for one in lists.values()}) > 1:
            counts = " and ".join(f"{len(one)} of `{name}`" for name, one in lists.items())
            raise self._error(row, f"has {counts}", "each object has one of each")
        return [dict(zip(lists, one, strict=True)) for one in zip(*lists.values(), strict=True)]

    def _read_box(self, row: int, box: Mapping[str, Any]) -> dict[str, Any]:
        if box.get("bbox") is not None and any(box.get(side) is None for side in SIDES):
            box = {**box, **self._read_bbox(row, box["bbox"])}
        if lacking := [side for side in SIDES if box.get(side) is None]:
            raise self._error(row, f"has a box without `{lacking[0]}`", NUMBER_HINT)
        sides = {side: self._read_number(row, side, box[side]) for side in SIDES}
        if sides["x1"] < sides["x0"] or sides["y1"] < sides["y0"]:
            raise self._error(row, f"has a box with {_describe_sides(sides)}", NUMBER_HINT)
        if min(sides["x0"], sides["y0"]) < -EDGE_TOLERANCE:
            raise self._error(row, f"has a box outside of its image, with {_describe_sides(sides)}", NUMBER_HINT)
        label = self._labels.read(row, box)
        if label is None:
            raise self._error(row, "has a box without `label`", "an object has a `label`, `category` or `category_id`")
        area = None if box.get("area") is None else self._read_number(row, "area", box["area"])
        return {**sides, "label": label, "area": area, "iscrowd": bool(box.get("iscrowd"))}

    def _read_bbox(self, row: int, bbox: Sequence[Any]) -> dict[str, float]:
        """The sides of a box by its left, top, width and height."""
        if len(bbox) != len(SIDES):
            raise self._error(row, f"has a `bbox` of {counted(len(bbox), 'number')}", "left, top, width and height")
        left, top, width, height = (self._read_number(row, "bbox", number) for number in bbox)
        return dict(zip(SIDES, (left, top, left + width, top + height), strict=True))

    def _read_number(self, row: int, name: str, number: Any) -> float:
        if not isinstance(number, int | float) or not math.isfinite(number):
            raise self._error(row, f"has a box whose `{name}` is {number}", NUMBER_HINT)
        return float(number)

    def _error(self, row: int, what: str, hint: str) -> DataError:
        return DataError(f"{self._targets.position(row)} {what}", hint=hint)


def _find_wrong(column: pa.ChunkedArray) -> int | None:
    """The position, among all boxes, of the first whose sides are no numbers, or not in their order."""
    boxes = pc.list_flatten(column)
    left, top, right, bottom = (pc.struct_field(boxes, side) for side in SIDES)
    wrong = pc.or_(pc.less(right, left), pc.less(bottom, top))
    for side in (left, top, right, bottom):
        wrong = pc.or_(wrong, pc.invert(pc.is_finite(side)))
    return int(pc.index(wrong, value=True).as_py()) if pc.any(wrong).as_py() else None


def _describe_sides(box: Mapping[str, float]) -> str:
    return ", ".join(f"{side} {box[side]:g}" for side in SIDES)
