"""Objects in images: how far they overlap, and which of two predictions are the same object."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Self

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

MIN_IOU = 0.5  # of two that are the same object: the loosest threshold of COCO, and that of Pascal VOC
OPERATING_SCORE = 0.5  # from which a detection is commonly taken for an object


@dataclass(frozen=True)
class ImageObjects(ABC):
    """The objects of one image, each with a label and a score; a class of them says where they are.

    An object without a score has 1: it is a target, or of a service that gives none.
    """

    labels: tuple[str, ...]
    scores: Floats

    @classmethod
    @abstractmethod
    def of(cls, values: Iterable[Mapping[str, Any]] | None) -> Self:
        """Of the values of a schema; None has none."""

    @property
    @abstractmethod
    def areas(self) -> Floats:
        """In square pixels, shape (objects,)."""

    @abstractmethod
    def take(self, positions: npt.NDArray[np.integer[Any]]) -> Self:
        """The objects at these positions."""

    @abstractmethod
    def shared_areas(self, other: Self) -> Floats:
        """The area that every two have in common, shape (own objects, other objects)."""

    def __len__(self) -> int:
        return len(self.labels)

    def overlaps(self, other: Self, is_crowd: npt.NDArray[np.bool_] | None = None) -> Floats:
        """The intersection over union of every two, shape (own objects, other objects); 0 of those without an area.

        Of an `other` object that `is_crowd`, a region with many objects, it is the share of the own one that lies in it, as
        COCO has it.
        """
        shared = self.shared_areas(other)
        wholes = self.areas[:, None] + other.areas[None] - shared
        if is_crowd is not None:
            wholes = np.where(is_crowd[None], self.areas[:, None], wholes)
        return np.asarray(np.divide(shared, wholes, out=np.zeros_like(shared), where=wholes > 0))

    def pair_with(self, other: Self, min_iou: float = MIN_IOU) -> list[tuple[int, int]]:
        """The positions of those that are the same object: of one label, and with `min_iou` or more in common.

        None is in two pairs. Those that overlap most are paired first.
        """
        if not len(self) or not len(other):
            return []
        same_label = np.array(self.labels, object)[:, None] == np.array(other.labels, object)[None]
        overlaps = np.where(same_label, self.overlaps(other), -1.0)
        rows, columns = np.nonzero(overlaps >= min_iou)
        order = np.argsort(-overlaps[rows, columns], kind="stable")
        left_rows, left_columns = set(range(len(self))), set(range(len(other)))
        pairs: list[tuple[int, int]] = []
        for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
            if row in left_rows and column in left_columns:
                left_rows.remove(row)
                left_columns.remove(column)
                pairs.append((row, column))
        return pairs

    def agrees_with(self, other: Self, threshold: float = OPERATING_SCORE) -> bool:
        """Whether those with a score of `threshold` or more are the same objects, each with one counterpart."""
        found, others = (side.take(np.flatnonzero(side.scores >= threshold)) for side in (self, other))
        return len(found) == len(others) == len(found.pair_with(others))


def read_scores(values: Sequence[Mapping[str, Any]]) -> Floats:
    """The score of each object, 1 where it has none."""
    return np.array([1.0 if one.get("score") is None else float(one["score"]) for one in values], np.float64)
