"""How large an error is, in units of the noise of PyTorch itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]
    Mask: TypeAlias = npt.NDArray[np.bool_] | None

FLOOR = 8 * float(np.finfo(np.float32).eps)  # no noise is taken to be less than this share of the largest value


def ratio(found: Array, single: Array, double: Array, mask: Mask = None) -> float:
    """The largest error of some numbers over the largest error of PyTorch's own in float32.

    Both are distances from PyTorch in float64, at positions that are real and where that is finite. Infinite where
    the shapes differ, or a number is missing that PyTorch has.
    """
    if found.shape != double.shape:
        return float("inf")
    mine, yours, truth = (real_positions(array, mask).astype(np.float64) for array in (found, single, double))
    known = np.isfinite(truth) & np.isfinite(yours)
    if not known.any():
        return 0.0
    if not np.isfinite(mine[known]).all():
        return float("inf")
    noise = np.abs(yours - truth)[known].max()
    least = FLOOR * np.abs(truth[known]).max()
    error = np.abs(mine - truth)[known].max()
    return float(error / max(noise, least, np.finfo(np.float64).tiny))


def real_positions(array: Array, mask: Mask) -> Array:
    """The part of an array that belongs to real positions, those of padding left out.

    Positions are the first two axes, both in one, or the first and the third; other arrays are taken whole.
    """
    if mask is None or array.ndim < 2:
        return array
    rows, length = mask.shape
    if array.shape[:2] == (rows, length):
        return np.asarray(array[mask])
    if array.shape[0] == rows * length:
        return np.asarray(array[mask.ravel()])
    if array.shape[:2] == (1, length):
        return np.asarray(array[:, mask.any(axis=0)])
    if array.ndim > 2 and (array.shape[0], array.shape[2]) == (rows, length):
        return np.asarray(np.moveaxis(array, 2, 1)[mask])
    return array
