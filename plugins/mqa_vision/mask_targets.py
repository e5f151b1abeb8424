"""Targets that are masks, moved with their image: lists of objects with run lengths of COCO, or with these as `segmentation`.

A target keeps the form and the types that its data set has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import DataError, count_runs, decode_mask, encode_mask, normalize_mask

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mqa_vision.pixels import Pixels

SIZE, COUNTS, SEGMENTATION = "size", "counts", "segmentation"
BBOX, AREA = "bbox", "area"


def holds_masks(target: Any) -> bool:
    """Whether a target is a list of objects with a mask each, at least one."""
    return isinstance(target, list) and bool(target) and all(isinstance(one, dict) and _has_mask(one) for one in target)


def move_masks(target: Any, height: int, width: int, change: Callable[[Pixels], Pixels]) -> Any | None:
    """The target with each mask after a change of its pixels, of 0 and 255, without those that are gone.

    None where a mask is not of the image's size.
    """
    try:
        moved = [_move_mask(mask, height, width, change) for mask in target]
    except DataError:  # a mask that cannot be is refused where targets are read
        return None
    return [mask for mask in moved if mask is not None]


def _move_mask(
    mask: dict[str, Any], height: int, width: int, change: Callable[[Pixels], Pixels]
) -> dict[str, Any] | None:
    """An object with its mask after a change, and with as much of its area; None where no pixel of it is left."""
    runs = normalize_mask(mask)
    if runs[SIZE] != [height, width]:
        raise DataError("a mask of another size than its image")
    before = decode_mask(runs)
    after = change(np.where(before, 255, 0).astype(np.uint8)) > 127
    if before.any() and not after.any():
        return None
    own = mask if mask.get(SEGMENTATION) is None else mask[SEGMENTATION]
    moved = _replace_runs(own, after)
    moved = moved if own is mask else {**mask, SEGMENTATION: moved}
    if mask.get(AREA) is not None and BBOX not in mask and before.any():  # of one with a box, it goes by that
        area = mask[AREA] * after.sum() / before.sum()
        moved[AREA] = round(area) if isinstance(mask[AREA], int) else float(area)
    return moved


def _replace_runs(mask: dict[str, Any], pixels: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """A mask with other pixels, whose counts are of the same type."""
    moved, counts = encode_mask(pixels), mask[COUNTS]
    if isinstance(counts, list):
        moved[COUNTS] = count_runs(pixels).tolist()
    elif isinstance(counts, bytes):
        moved[COUNTS] = moved[COUNTS].encode()
    return {**mask, **moved}


def _has_mask(value: dict[str, Any]) -> bool:
    own = value if value.get(SEGMENTATION) is None else value[SEGMENTATION]
    return isinstance(own, dict) and own.get(SIZE) is not None and own.get(COUNTS) is not None
