"""Predictions that are parts of their row, or of a picture: spans, boxes and masks."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.types.schemas.schema import Schema

SPAN = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string()), ("score", pa.float64())])
BOX = pa.struct(
    [
        *[(side, pa.float64()) for side in ("x0", "y0", "x1", "y1")],
        ("label", pa.string()),
        ("score", pa.float64()),
    ]
)


class PartSchema(Schema):
    """A list of parts a row, each a struct; `needed` are those of its fields that every part has."""

    needed: ClassVar[tuple[str, ...]]

    def check_rows(self, column: pa.ChunkedArray, ids: pa.ChunkedArray) -> None:
        """Every part has its needed fields."""
        for name in self.needed:
            lacking = pc.is_null(pc.struct_field(pc.list_flatten(column), name))
            if pc.any(lacking).as_py():
                row = pc.list_parent_indices(column)[pc.index(lacking, value=True).as_py()].as_py()
                raise DataError(f"row `{ids[row]}` has {self.name} without `{name}`")


class SpansSchema(PartSchema):
    """Spans of a text: characters from `start` up to, and without, `end`."""

    name = "spans"
    column = "spans"
    type = pa.list_(SPAN)
    needed = ("start", "end", "label")
    sample_predictions = ((), ())


class BoxesSchema(PartSchema):
    """Boxes in a picture, by two opposite corners."""

    name = "boxes"
    column = "boxes"
    type = pa.list_(BOX)
    needed = ("x0", "y0", "x1", "y1", "label")


class MaskSchema(Schema):
    """A class for every pixel of a picture: rows of columns."""

    name = "mask"
    column = "mask"
    type = pa.list_(pa.list_(pa.int32()))
