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


def holds_masks(target: Any) -> bool:
    """Whether a target is a list of objects with a mask each, at least one."""
    return isinstance(target, list) and bool(target) and all(isinstance(one, dict) and _has_mask(one) for one in target)


def move_masks(target: Any, height: int, width: int, change: Callable[[Pixels], Pixels]) -> Any | None:
    """The target with each mask after a change of its pixels, of 0 and 255; None where a mask is not of the image's size."""
    try:
        moved = [_move_mask(mask, height, width, change) for mask in target]
    except DataError:  # a mask that cannot be is refused where targets are read
        return None
    return None if any(one is None for one in moved) else moved


def _move_mask(
    mask: dict[str, Any], height: int, width: int, change: Callable[[Pixels], Pixels]
) -> dict[str, Any] | None:
    runs = normalize_mask(mask)
    if runs[SIZE] != [height, width]:
        return None
    pixels = change(np.where(decode_mask(runs), 255, 0).astype(np.uint8)) > 127
    if mask.get(SEGMENTATION) is None:
        return _replace_runs(mask, pixels)
    return {**mask, SEGMENTATION: _replace_runs(mask[SEGMENTATION], pixels)}


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
