"""Columns of lists of masks, which are read row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.errors import DataError
from mqa_registry.types.blocks import iter_blocks
from mqa_registry.types.columns import is_list
from mqa_registry.types.masks import normalize_mask
from mqa_registry.types.schemas.schema import MisfitError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    Masks: TypeAlias = Sequence[Mapping[str, Any]]
    Check: TypeAlias = Callable[[Masks], object]  # a DataError where the masks of a row do not go together

MASK = pa.struct(
    [("label", pa.string()), ("size", pa.list_(pa.int32())), ("counts", pa.string()), ("score", pa.float64())]
)
BLOCK_ROWS = 1024  # that are Python values at a time


def masks_column(rows: Sequence[Masks | None]) -> pa.Array:
    """The masks of rows as the column of the schemas `masks` and `instances`; None is a row without a prediction."""
    return pa.array(rows, pa.list_(MASK))


def has_objects(kind: pa.DataType) -> bool:
    """Whether a type is that of lists of objects."""
    return bool(is_list(kind) and pa.types.is_struct(kind.value_type))


def read_mask_rows(
    column: pa.ChunkedArray,
    read_row: Callable[[int, Masks], Masks],
    kind: pa.DataType,
) -> pa.ChunkedArray:
    """A column of the Arrow type `kind`, of what a function makes of the number and the masks of every row that has some."""
    blocks, start = [], 0
    for block in iter_blocks(column, BLOCK_ROWS):
        rows = enumerate(block.to_pylist(), start)
        read = [None if masks is None else read_row(row, [mask or {} for mask in masks]) for row, masks in rows]
        blocks.append(pa.array(read, kind))
        start += len(block)
    return pa.chunked_array(blocks, kind)


def read_masks(position: str, masks: Masks, labels: Sequence[str | None], check: Check) -> list[dict[str, Any]]:
    """The masks of a row with these labels, in the form of the schemas; `position` names the row in a DataError."""
    try:
        read = [
            {"label": label, **normalize_mask(mask), "score": mask.get("score")}
            for mask, label in zip(masks, labels, strict=True)
        ]
        check(read)
    except DataError as error:
        raise DataError(f"{position} has {error.message}", hint=error.hint) from error
    return read


def check_masks(masks: Sequence[Mapping[str, Any] | None], classes: Sequence[str], noun: str, check: Check) -> None:
    """Raise a MisfitError where a decoder gave no masks of these classes that go together; `noun` is what each of them is."""
    given = [mask or {} for mask in masks]
    for label in (mask.get("label") for mask in given):
        if label is None or (classes and label not in classes):
            raise MisfitError(f"gave {noun} with the label `{label}`, which is none of its classes")
    try:
        check([{**normalize_mask(mask), "label": mask["label"]} for mask in given])
    except DataError as error:
        raise MisfitError(f"gave {error.message}", error.hint) from error
