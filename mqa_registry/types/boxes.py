"""Boxes in images, by their sides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.types.image_objects import ImageObjects, read_scores

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SIDES = ("x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class Boxes(ImageObjects):
    """The boxes of one image: `corners` has left, top, right and bottom of each, shape (boxes, 4)."""

    corners: Floats

    @classmethod
    def of(cls, values: Iterable[Mapping[str, Any]] | None) -> Boxes:
        listed = list(values or ())
        corners = np.array([[box[side] for side in SIDES] for box in listed], np.float64).reshape(-1, 4)
        return cls(tuple(box["label"] for box in listed), read_scores(listed), corners)

    @cached_property
    def areas(self) -> Floats:
        return np.asarray((self.corners[:, 2] - self.corners[:, 0]) * (self.corners[:, 3] - self.corners[:, 1]))

    def take(self, positions: npt.NDArray[np.integer[Any]]) -> Boxes:
        labels = tuple(self.labels[number] for number in positions)
        return Boxes(labels, self.scores[positions], self.corners[positions])

    def shared_areas(self, other: Boxes) -> Floats:
        starts = np.maximum(self.corners[:, None, :2], other.corners[None, :, :2])
        ends = np.minimum(self.corners[:, None, 2:], other.corners[None, :, 2:])
        return np.asarray(np.clip(ends - starts, 0.0, None).prod(axis=2))
