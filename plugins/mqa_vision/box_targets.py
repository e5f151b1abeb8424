"""Targets that are boxes, moved with their image: as objects with sides, with a `bbox` of COCO, or as lists of these.

A target keeps the form and the types that its data set has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Corners: TypeAlias = tuple[float, float, float, float]  # left, top, right and bottom
Change: TypeAlias = Callable[[Corners], Corners | None]

SIDES = ("x0", "y0", "x1", "y1")
BBOX, AREA = "bbox", "area"
MIN_VISIBLE = 0.5  # of a box that is cut: of less, it is unknown whether the object can still be told


class CutBoxError(Exception):
    """So little of a box is left that it is unknown whether its object counts."""


def holds_boxes(target: Any) -> bool:
    """Whether a target is a list of objects with boxes, or an object of lists of them."""
    if isinstance(target, dict):
        return _has_box(target) and all(isinstance(one, list) for one in target.values())
    return isinstance(target, list) and all(isinstance(one, dict) and _has_box(one) for one in target)


def move_boxes(target: Any, change: Change) -> Any | None:
    """The target with each box after a change, without those that are gone; None where a box cannot be moved."""
    try:
        if isinstance(target, list):
            return [moved for box in target if (moved := _move_box(box, change)) is not None]
        rows = [dict(zip(target, values, strict=True)) for values in zip(*target.values(), strict=True)]
        moved_rows = [moved for box in rows if (moved := _move_box(box, change)) is not None]
    except (CutBoxError, TypeError, ValueError):  # a side that is no number is refused where targets are read
        return None
    return {name: [box[name] for box in moved_rows] for name in target}


def mirror(corners: Corners, width: int, height: int, *, across: bool) -> Corners:
    """A box in an image whose left and right are exchanged, or its top and bottom."""
    left, top, right, bottom = corners
    return (width - right, top, width - left, bottom) if across else (left, height - bottom, right, height - top)


def turn_left(corners: Corners, side: int, quarters: int) -> Corners:
    """A box in a square image that is turned to the left by so many quarters."""
    for _ in range(quarters % 4):
        left, top, right, bottom = corners
        corners = (top, side - right, bottom, side - left)
    return corners


def scale(corners: Corners, across: float, down: float) -> Corners:
    """A box in an image that is made larger by two factors."""
    left, top, right, bottom = corners
    return left * across, top * down, right * across, bottom * down


def cut(corners: Corners, part: Corners) -> Corners | None:
    """A box in a part of its image: what of it lies there, None where nothing does.

    Raises a CutBoxError where less than half of it is left.
    """
    left, top, right, bottom = corners
    inside = max(left, part[0]), max(top, part[1]), min(right, part[2]), min(bottom, part[3])
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        return None
    if _area(inside) < MIN_VISIBLE * _area(corners):
        raise CutBoxError
    return inside[0] - part[0], inside[1] - part[1], inside[2] - part[0], inside[3] - part[1]


def _has_box(value: dict[str, Any]) -> bool:
    return BBOX in value or all(side in value for side in SIDES)


def _move_box(box: dict[str, Any], change: Change) -> dict[str, Any] | None:
    """An object with its box after a change, and with as much of its area as of its box; None where it is gone."""
    own = [box[side] for side in SIDES] if BBOX not in box else _corners_of(box[BBOX])
    before = (float(own[0]), float(own[1]), float(own[2]), float(own[3]))
    after = change(before)
    if after is None:
        return None
    moved = dict(box)
    if BBOX in box:
        sizes = (after[0], after[1], after[2] - after[0], after[3] - after[1])
        moved[BBOX] = [_like(old, new) for old, new in zip(box[BBOX], sizes, strict=True)]
    else:
        moved |= {side: _like(box[side], new) for side, new in zip(SIDES, after, strict=True)}
    if box.get(AREA) is not None and _area(before) > 0:
        moved[AREA] = _like(box[AREA], box[AREA] * _area(after) / _area(before))
    return moved


def _corners_of(bbox: list[float]) -> list[float]:
    left, top, width, height = bbox
    return [left, top, left + width, top + height]


def _like(old: float, new: float) -> float:
    """A number of the type of another: data sets have boxes in whole pixels, too."""
    return round(new) if isinstance(old, int) else new


def _area(corners: Corners) -> float:
    return (corners[2] - corners[0]) * (corners[3] - corners[1])
