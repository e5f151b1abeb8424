"""Flips of objects in images, boxes or instances: how far the scores of those that the candidate gives otherwise were from the threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.margins import MAX_THRESHOLD_TIE_LIMIT, Margins

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from mqa_registry import ImageObjects, Predictions

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]
    Ints: TypeAlias = npt.NDArray[np.integer[Any]]

BLOCK_ROWS = 4096  # that are Python values at a time


def same_objects(reference: Predictions, candidate: Predictions, kind: type[ImageObjects], threshold: float) -> Bools:
    """Whether the detections of each row with a score of `threshold` or more are of the same objects."""
    pairs = _iter_pairs(reference, candidate, kind)
    return np.array(
        [one is other if one is None or other is None else one.agrees_with(other, threshold) for one, other in pairs],
        bool,
    )


def measure_objects(
    reference: Predictions, candidate: Predictions, kind: type[ImageObjects], threshold: float
) -> Margins:
    """How far the score of the least certain detection of each row is from the threshold, and how far that moved.

    Of a row that flipped, it is that of the surest detection that one side gives and the other does not. NaN where there are
    no detections.
    """
    rows = [_measure_row(*pair, threshold) for pair in _iter_pairs(reference, candidate, kind)]
    sure, unsure, moves = np.array(rows, np.float64).reshape(-1, 3).T
    return Margins(np.where(np.isnan(sure), unsure, sure), moves, MAX_THRESHOLD_TIE_LIMIT)


def _iter_pairs(
    reference: Predictions, candidate: Predictions, kind: type[ImageObjects]
) -> Iterator[tuple[ImageObjects | None, ImageObjects | None]]:
    for start in range(0, len(reference), BLOCK_ROWS):
        blocks = (side.main.slice(start, BLOCK_ROWS).to_pylist() for side in (reference, candidate))
        yield from ((_read(kind, one), _read(kind, other)) for one, other in zip(*blocks, strict=True))


def _read(kind: type[ImageObjects], values: Any) -> ImageObjects | None:
    return None if values is None else kind.of(one for one in values if not one.get("iscrowd"))  # of targets


def _measure_row(one: ImageObjects | None, other: ImageObjects | None, threshold: float) -> tuple[float, float, float]:
    """The margin of the surest detection that is given otherwise, that of the least certain one, and how far that moved.

    Confident detections are paired with each other first, then those that are left with any: a detection whose score fell
    below the threshold flipped by little, one that is gone by all that it had.
    """
    if one is None or other is None:
        return np.nan, np.nan, np.nan
    pairs = _pair(one, other, threshold)
    margins = np.abs(one.scores - threshold)
    paired, partners = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    alone = [_without(side, positions) for side, positions in ((one, paired), (other, partners))]
    lost = np.concatenate([side.scores[side.scores >= threshold] - threshold for side in alone])
    is_switched = (one.scores[paired] >= threshold) != (other.scores[partners] >= threshold)
    sure = np.concatenate([lost, margins[paired][is_switched]]).max(initial=-np.inf)
    if not len(pairs):
        return sure if np.isfinite(sure) else np.nan, np.nan, np.nan
    least = paired[np.argmin(margins[paired])]
    moved = abs(float(one.scores[least] - other.scores[partners[paired == least][0]]))
    return float(sure) if np.isfinite(sure) else np.nan, float(margins[least]), moved


def _pair(one: ImageObjects, other: ImageObjects, threshold: float) -> list[tuple[int, int]]:
    """Pairs of detections of one object: of confident ones, then of all that are left."""
    confident = [np.flatnonzero(side.scores >= threshold) for side in (one, other)]
    first = _pair_some(one, other, confident[0], confident[1])
    left = [
        np.setdiff1d(np.arange(len(side)), [pair[number] for pair in first]) for number, side in enumerate((one, other))
    ]
    return first + _pair_some(one, other, left[0], left[1])


def _pair_some(one: ImageObjects, other: ImageObjects, of_one: Ints, of_other: Ints) -> list[tuple[int, int]]:
    found = one.take(of_one).pair_with(other.take(of_other))
    return [(int(of_one[row]), int(of_other[column])) for row, column in found]


def _without(objects: ImageObjects, positions: Ints) -> ImageObjects:
    return objects.take(np.setdiff1d(np.arange(len(objects)), positions))
