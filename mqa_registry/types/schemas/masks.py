"""Predictions that are masks: what a segmenter makes of every pixel of an image, and what the pixels are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from mqa_registry.errors import DataError
from mqa_registry.types.blocks import iter_blocks
from mqa_registry.types.masks import (
    MAX_DIFFERENCE,
    compare_masks,
    decode_mask,
    encode_mask,
    encode_masks,
    labelled_pixels,
)
from mqa_registry.types.schemas.mask_columns import (
    BLOCK_ROWS,
    MASK,
    check_masks,
    has_objects,
    masks_column,
    read_mask_rows,
    read_masks,
)
from mqa_registry.types.schemas.object_labels import LabelReader
from mqa_registry.types.schemas.schema import PartSchema
from mqa_registry.types.schemas.summarize import summarize_masks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mqa_registry.summaries import PredictionSummary
    from mqa_registry.types.predictions import Predictions, Targets
    from mqa_registry.types.schemas.schema import Columns
    from mqa_registry.types.targets import TargetColumn

SAMPLE_LABEL = "one"
SHOWN_LABELS = 6  # of a row, those of the most pixels


class MasksSchema(PartSchema):
    """A label for every pixel of an image: for each label a mask, as run lengths of COCO.

    A mask has the `label`, the `size` of the image (height and width), the `counts` of the runs as pycocotools writes them,
    and a `score` where it has one. No pixel has two labels. Two predictions are equal where at most 1 % of the pixels have
    another label. A target may have a mask without a label: its pixels do not count.
    """

    name = "masks"
    column = "masks"
    type = pa.list_(MASK)
    has_classes = True
    required_fields: ClassVar[tuple[str, ...]] = ("label",)

    def read(
        self, table: pa.Table, ids: pa.ChunkedArray, classes: Sequence[str] | None
    ) -> tuple[Columns, tuple[str, ...]]:
        """The column `masks`; `classes` are those of the model, where they are given."""
        position = table.schema.get_field_index(self.column)
        if position >= 0 and has_objects(table.column(position).type):
            masks = _read_column(table.column(position), lambda row: f"row `{ids[row]}`")
            table = table.set_column(position, self.column, masks)
        return super().read(table, ids, classes)

    def check_decoded(self, columns: Columns, classes: Sequence[str]) -> None:
        """Every mask is whole and has a class as its label, and no pixel is in masks of two."""
        for block in iter_blocks(columns[self.column], BLOCK_ROWS):
            for masks in block.to_pylist():
                check_masks(masks or (), classes, "a mask", labelled_pixels)

    def agree(self, one: Any, other: Any) -> bool:
        """Whether nearly all pixels that both sides count have the same label."""
        if one is None or other is None:
            return one is other
        return one == other or compare_masks(one, other).share <= MAX_DIFFERENCE

    def show(self, prediction: Any) -> Any:
        """The labels with their shares of the pixels, the largest first: run lengths are nothing to read."""
        if prediction is None:
            return None
        shares: dict[str, float] = {}
        for mask in prediction:
            name = "not counted" if mask["label"] is None else mask["label"]
            shares[name] = shares.get(name, 0.0) + float(decode_mask(mask).mean())
        largest = sorted(shares.items(), key=lambda pair: -pair[1])
        more = f" and {len(largest) - SHOWN_LABELS} more" if len(largest) > SHOWN_LABELS else ""
        return ", ".join(f"{name} {share:.1%}" for name, share in largest[:SHOWN_LABELS]) + more or "no masks"

    def summarize(self, predictions: Predictions, targets: Targets) -> PredictionSummary | None:
        try:
            return summarize_masks(predictions, targets)
        except DataError:  # a target of another size than its image, which a metric refuses
            return None

    def sample(self, classes: Sequence[str], *, as_targets: bool = False) -> tuple[Columns, tuple[str, ...]]:
        """Two rows of 4 x 4 pixels with a label on each side, of which the second is a column smaller in the targets."""
        labels = [*classes[:2]] or [SAMPLE_LABEL]
        columns = np.arange(4)[None] < (3 if as_targets else 2)
        codes = np.where(np.repeat(columns, 4, axis=0), 0, len(labels) - 1 or -1)
        rows = [encode_masks(one, labels) for one in (codes, codes.T)]
        return {self.column: masks_column(rows)}, tuple(classes)

    def read_targets(self, targets: TargetColumn, classes: Sequence[str]) -> pa.ChunkedArray:
        """The masks of every row, checked; a null is a row of which they are not known.

        A row is a list of masks, each with a `label`, `category` or `category_id`, which is a class or its position, and with
        `size` and `counts`, or with these under `segmentation`. Pixels in no mask, or in one without a label, do not count:
        they become a mask without a label. Without `classes`, labels are not checked.
        """
        kind = targets.values.type
        if not has_objects(kind) and not pa.types.is_null(kind):
            raise DataError(
                f"column `target` of the data set `{targets.data}` holds {kind}, and masks are needed",
                hint="lists of `{label, size, counts}`, the run lengths of COCO; PNG files are read where the suite names the task",
            )
        if pa.types.is_null(kind):
            return pa.chunked_array([pa.nulls(len(targets.values), self.type)])
        labels = LabelReader(targets, classes)
        read = _read_column(targets.values, targets.position, labels.read)
        blocks = [
            masks_column([_add_ignored(row) for row in block.to_pylist()]) for block in iter_blocks(read, BLOCK_ROWS)
        ]
        return pa.chunked_array(blocks, self.type)


def _read_column(
    column: pa.ChunkedArray,
    position: Callable[[int], str],
    read_label: Callable[[int, Mapping[str, Any]], str | None] = lambda _, mask: mask.get("label"),
) -> pa.ChunkedArray:
    """Masks in the form of the schema, checked; `position` names a row in an error, and `read_label` reads a label of it."""

    def read_row(row: int, masks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return read_masks(position(row), masks, [read_label(row, mask) for mask in masks], labelled_pixels)

    return read_mask_rows(column, read_row, pa.list_(MASK))


def _add_ignored(masks: Sequence[Mapping[str, Any]] | None) -> list[Mapping[str, Any]] | None:
    """The masks of a target with one, without a label, of the pixels that have none."""
    if not masks:
        return None if masks is None else []
    labelled = [mask for mask in masks if mask["label"] is not None]
    rest = ~labelled_pixels(masks)
    return [*labelled, {"label": None, **encode_mask(rest)}] if rest.any() else labelled
