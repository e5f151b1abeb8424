"""Flips of masks: how many pixels have another label on the other side, and how many of them are away from a border.

Which class a pixel is of is decided at borders: there the two largest logits cross, and noise moves a border by a pixel. A pixel
that changes farther inside was not decided by a hair. How far its logits were apart is not stored, so that this stands for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_parity.margins import Margins
from mqa_registry import compare_masks

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

BLOCK_ROWS = 1024  # that are Python values at a time
MAX_PIXELS = 0.01  # the share of pixels with another label up to which two masks are the same
MAX_TIE_PIXELS = 0.01  # the share away from borders above which a flip is no tie, however much other rows changed


def pixel_agreement(reference: Predictions, candidate: Predictions) -> Floats:
    """The mean share of the pixels of an image with the same label.

    From 0 to 1. A row without a prediction on one side is ignored.
    """
    return 1 - measure_differences(reference, candidate)[:, 0]


def same_masks(reference: Predictions, candidate: Predictions, max_pixels: float) -> Bools:
    """Whether this share of the pixels of each row at most have another label, and not one side alone has a prediction."""
    shares = measure_differences(reference, candidate)[:, 0]
    return ~np.asarray((shares > max_pixels) | (reference.missing != candidate.missing))


def measure_masks(reference: Predictions, candidate: Predictions, max_pixels: float) -> Margins:
    """Of a row that flipped, the share of pixels that changed away from borders; of any other, how far it was from a flip.

    Either moved by the share that changed away from borders.
    """
    shares, inner = measure_differences(reference, candidate).T
    return Margins(np.where(shares > max_pixels, inner, max_pixels - shares), inner, MAX_TIE_PIXELS)


def measure_differences(reference: Predictions, candidate: Predictions) -> Floats:
    """The share of pixels with another label, and of those of them away from borders of the reference, shape (rows, 2).

    A pixel is at a border where its neighbour above, below, left or right has another label. Both shares are of the pixels that
    count. NaN where a side has no prediction.
    """
    return np.array(list(_iter_differences(reference, candidate)), np.float64).reshape(-1, 2)


def _iter_differences(reference: Predictions, candidate: Predictions) -> Iterator[tuple[float, float]]:
    for start in range(0, len(reference), BLOCK_ROWS):
        blocks = (side.main.slice(start, BLOCK_ROWS).to_pylist() for side in (reference, candidate))
        for one, other in zip(*blocks, strict=True):
            if one is None or other is None:
                yield np.nan, np.nan
            elif one == other:
                yield 0.0, 0.0
            else:
                compared = compare_masks(one, other)
                inner = compared.differs & ~_find_borders(compared.codes)
                yield compared.share, float(inner.sum() / max(compared.n_counted, 1))


def _find_borders(codes: npt.NDArray[np.int16]) -> Bools:
    borders = np.zeros(codes.shape, bool)
    down, across = codes[1:] != codes[:-1], codes[:, 1:] != codes[:, :-1]
    borders[1:] |= down
    borders[:-1] |= down
    borders[:, 1:] |= across
    borders[:, :-1] |= across
    return borders
