"""Boxes in images: how far they overlap, and which boxes of two predictions are of the same object."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SIDES = ("x0", "y0", "x1", "y1")
MIN_IOU = 0.5  # of two boxes that are of the same object: the loosest threshold of COCO, and that of Pascal VOC
OPERATING_SCORE = 0.5  # from which a detection is commonly taken for an object


@dataclass(frozen=True)
class Boxes:
    """The boxes of one image: `corners` has left, top, right and bottom of each, shape (boxes, 4); `labels` and `scores`.

    A box without a score has 1: it is a target, or of a service that gives none.
    """

    corners: Floats
    labels: tuple[str, ...]
    scores: Floats

    @classmethod
    def of(cls, boxes: Iterable[Mapping[str, Any]] | None) -> Boxes:
        """Of the values of the schema `boxes`; None has none."""
        listed = list(boxes or ())
        corners = np.array([[box[side] for side in SIDES] for box in listed], np.float64).reshape(-1, 4)
        scores = [1.0 if box.get("score") is None else float(box["score"]) for box in listed]
        return cls(corners, tuple(box["label"] for box in listed), np.array(scores, np.float64))

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def areas(self) -> Floats:
        """In square pixels, shape (boxes,)."""
        return np.asarray((self.corners[:, 2] - self.corners[:, 0]) * (self.corners[:, 3] - self.corners[:, 1]))

    def take(self, positions: npt.NDArray[np.integer[Any]]) -> Boxes:
        """The boxes at these positions."""
        return Boxes(
            self.corners[positions], tuple(self.labels[number] for number in positions), self.scores[positions]
        )


def box_overlaps(one: Boxes, other: Boxes, is_crowd: npt.NDArray[np.bool_] | None = None) -> Floats:
    """The intersection over union of every two boxes, shape (one, other); 0 of boxes without an area.

    Of an `other` box that `is_crowd`, a region with many objects, it is the share of the one box that lies in it, as COCO
    has it.
    """
    starts = np.maximum(one.corners[:, None, :2], other.corners[None, :, :2])
    ends = np.minimum(one.corners[:, None, 2:], other.corners[None, :, 2:])
    shared = np.clip(ends - starts, 0.0, None).prod(axis=2)
    wholes = one.areas[:, None] + other.areas[None] - shared
    if is_crowd is not None:
        wholes = np.where(is_crowd[None], one.areas[:, None], wholes)
    return np.asarray(np.divide(shared, wholes, out=np.zeros_like(shared), where=wholes > 0))


def pair_boxes(one: Boxes, other: Boxes, min_iou: float = MIN_IOU) -> list[tuple[int, int]]:
    """The positions of boxes that are of the same object: of one label, and with `min_iou` or more in common.

    No box is in two pairs. Boxes that overlap most are paired first.
    """
    if not len(one) or not len(other):
        return []
    same_label = np.array(one.labels, object)[:, None] == np.array(other.labels, object)[None]
    overlaps = np.where(same_label, box_overlaps(one, other), -1.0)
    rows, columns = np.nonzero(overlaps >= min_iou)
    order = np.argsort(-overlaps[rows, columns], kind="stable")
    left_rows, left_columns = set(range(len(one))), set(range(len(other)))
    pairs: list[tuple[int, int]] = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row in left_rows and column in left_columns:
            left_rows.remove(row)
            left_columns.remove(column)
            pairs.append((row, column))
    return pairs


def have_same_objects(one: Boxes, other: Boxes, threshold: float = OPERATING_SCORE) -> bool:
    """Whether the boxes with a score of `threshold` or more are of the same objects, each with one counterpart."""
    found, others = (boxes.take(np.flatnonzero(boxes.scores >= threshold)) for boxes in (one, other))
    return len(found) == len(others) == len(pair_boxes(found, others))
