"""Predictions that are instances: objects in an image, each with its own mask, and the objects that should be found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from mqa_registry.errors import DataError
from mqa_registry.types.blocks import iter_blocks
from mqa_registry.types.instances import Instances
from mqa_registry.types.masks import check_sizes, encode_mask
from mqa_registry.types.schemas.mask_columns import (
    BLOCK_ROWS,
    MASK,
    check_masks,
    has_objects,
    read_mask_rows,
    read_masks,
)
from mqa_registry.types.schemas.object_labels import LabelReader
from mqa_registry.types.schemas.schema import PartSchema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.types.schemas.schema import Columns
    from mqa_registry.types.targets import TargetColumn

TARGET_INSTANCE = pa.struct([*MASK, ("area", pa.float64()), ("iscrowd", pa.bool_())])
SAMPLE_LABEL = "one"
SHOWN_INSTANCES = 6  # of a row, those of the highest scores


class InstancesSchema(PartSchema):
    """Objects in an image, each with a mask as run lengths of COCO; there may be several of one label, and masks may overlap.

    An instance has the `label`, the `size` of the image (height and width), the `counts` of the runs as pycocotools writes
    them, and a `score`. Two predictions are equal where those that have a score of 0.5 or more are the same objects: each has a
    counterpart of its label, and the IoU of their masks is 0.5 or more. Targets may also have an `area` and `iscrowd`, as
    COCO has them.
    """

    name = "instances"
    column = "instances"
    type = pa.list_(MASK)
    has_classes = True
    required_fields: ClassVar[tuple[str, ...]] = ("label",)

    def read(
        self, table: pa.Table, ids: pa.ChunkedArray, classes: Sequence[str] | None
    ) -> tuple[Columns, tuple[str, ...]]:
        """The column `instances`; `classes` are those of the model, where they are given."""
        position = table.schema.get_field_index(self.column)
        if position >= 0 and has_objects(table.column(position).type):

            def read_row(row: int, masks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
                return read_masks(f"row `{ids[row]}`", masks, [mask.get("label") for mask in masks], check_sizes)

            table = table.set_column(position, self.column, read_mask_rows(table.column(position), read_row, self.type))
        return super().read(table, ids, classes)

    def check_decoded(self, columns: Columns, classes: Sequence[str]) -> None:
        """Every mask is whole and of the same size as the others of its row, and has a class as its label."""
        for block in iter_blocks(columns[self.column], BLOCK_ROWS):
            for masks in block.to_pylist():
                check_masks(masks or (), classes, "an instance", check_sizes)

    def agree(self, one: Any, other: Any) -> bool:
        """Whether confident instances are the same objects; a target that is a crowd is none."""
        if one is None or other is None:
            return one is other
        found, others = (Instances.of(mask for mask in side if not mask.get("iscrowd")) for side in (one, other))
        return found.agrees_with(others)

    def show(self, prediction: Any) -> Any:
        """The labels with their scores and shares of the pixels, the highest scores first: run lengths are nothing to read."""
        if prediction is None:
            return None
        found = Instances.of(prediction)
        shares = found.areas / max(math.prod(found.size), 1)
        order = np.lexsort([-shares, -found.scores])
        texts = [_describe(prediction[number], shares[number]) for number in order[:SHOWN_INSTANCES].tolist()]
        more = f" and {len(found) - SHOWN_INSTANCES} more" if len(found) > SHOWN_INSTANCES else ""
        return ", ".join(texts) + more or "no instances"

    def sample(self, classes: Sequence[str], *, as_targets: bool = False) -> tuple[Columns, tuple[str, ...]]:
        """A row with one instance, and one with two that overlap, of which the second is a column smaller in the targets."""
        label, columns = next(iter(classes), SAMPLE_LABEL), np.arange(4)[None].repeat(4, axis=0)
        one = {"label": label, **encode_mask(columns < 2), "score": 0.9}
        other = {"label": label, **encode_mask(columns > (1 if as_targets else 0)), "score": 0.6}
        return {self.column: pa.array([[one], [one, other]], self.type)}, tuple(classes)

    def read_targets(self, targets: TargetColumn, classes: Sequence[str]) -> pa.ChunkedArray:
        """The objects of every row, checked; a null is a row of which they are not known.

        A row is a list of objects, each with a `label`, `category` or `category_id`, which is a class or its position, and with
        `size` and `counts`, or with these under `segmentation`. Without `classes`, labels are not checked.
        """
        kind, own = targets.values.type, pa.list_(TARGET_INSTANCE)
        if pa.types.is_null(kind):
            return pa.chunked_array([pa.nulls(len(targets.values), own)])
        if not has_objects(kind):
            raise DataError(
                f"column `target` of the data set `{targets.data}` holds {kind}, and instances are needed",
                hint="lists of `{label, size, counts}`, the run lengths of COCO, one for each object",
            )
        labels = LabelReader(targets, classes)

        def read_row(row: int, masks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
            position, names = targets.position(row), [labels.read(row, mask) for mask in masks]
            if None in names:
                raise DataError(
                    f"{position} has an instance without `label`",
                    hint="an object has a `label`, `category` or `category_id`",
                )
            read = read_masks(position, masks, names, check_sizes)
            return [
                {**one, "area": _read_area(position, mask), "iscrowd": bool(mask.get("iscrowd"))}
                for one, mask in zip(read, masks, strict=True)
            ]

        return read_mask_rows(targets.values, read_row, own)


def _read_area(position: str, mask: Mapping[str, Any]) -> float | None:
    area = mask.get("area")
    if area is not None and not (isinstance(area, int | float) and math.isfinite(area) and area >= 0):
        raise DataError(f"{position} has an instance whose `area` is {area}", hint="areas are in square pixels")
    return None if area is None else float(area)


def _describe(mask: Mapping[str, Any], share: float) -> str:
    score = "" if mask.get("score") is None else f" {mask['score']:.2f}"
    return f"{'a crowd of ' if mask.get('iscrowd') else ''}{mask['label']}{score} on {share:.1%}"
