"""Instances in images: objects by their masks, which may overlap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.types.image_objects import ImageObjects, read_scores
from mqa_registry.types.masks import find_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Instances(ImageObjects):
    """The instances of one image, of which `size` is the height and width, (0, 0) where there are none.

    `runs` has for each where the runs of its pixels start and end, shape (runs, 2), counted column by column. Nothing has to
    be as large as the image, so that many images fit into memory.
    """

    runs: tuple[Ints, ...]
    size: tuple[int, int]

    @classmethod
    def of(cls, values: Iterable[Mapping[str, Any]] | None) -> Instances:
        listed = list(values or ())
        height, width = listed[0]["size"] if listed else (0, 0)
        labels = tuple(mask["label"] for mask in listed)
        return cls(labels, read_scores(listed), tuple(find_runs(mask) for mask in listed), (height, width))

    @cached_property
    def areas(self) -> Floats:
        return np.array([(runs[:, 1] - runs[:, 0]).sum() for runs in self.runs], np.float64)

    def take(self, positions: npt.NDArray[np.integer[Any]]) -> Instances:
        labels, runs = (tuple(values[number] for number in positions) for values in (self.labels, self.runs))
        return Instances(labels, self.scores[positions], runs, self.size)

    def shared_areas(self, other: Instances) -> Floats:
        """The pixels that every two have in common; none where they are of images of other sizes."""
        shared = np.zeros((len(self), len(other)))
        if not len(self) or self.size != other.size:
            return shared
        owners = np.repeat(np.arange(len(self)), [len(runs) for runs in self.runs])
        runs = np.concatenate(self.runs)
        for number, others in enumerate(other.runs):
            if not len(others):
                continue
            counts = np.cumsum(others[:, 1] - others[:, 0])
            before = np.stack(
                [np.append(0, counts[:-1]), counts], axis=1
            )  # pixels of the mask before each end of a run
            starts, ends = np.interp(runs, others.ravel(), before.ravel()).T
            shared[:, number] = np.bincount(owners, ends - starts, minlength=len(self))
        return shared
