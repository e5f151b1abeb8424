"""How large an error is, in units of the noise of PyTorch itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]
    Bools: TypeAlias = npt.NDArray[np.bool_]

# No noise is taken to be less than this share of the largest value: an error of 8 eps stays below a ratio of 10.
FLOOR = 0.8 * float(np.finfo(np.float32).eps)


def ratio(found: Array, single: Array, double: Array, mask: Bools | None = None) -> float:
    """The largest error of some numbers over the largest error of PyTorch's own in float32.

    Both are distances from PyTorch in float64, at positions that are real and where that is finite. Infinite where
    the shapes differ, or a number is missing that PyTorch has.
    """
    if found.shape != double.shape:
        return float("inf")
    counts = _counting(single, double, mask)
    if not counts.any():
        return 0.0
    if not np.isfinite(found[counts]).all():
        return float("inf")
    error = np.abs(found[counts].astype(np.float64) - double[counts]).max()
    return float(error / allowed(single, double, mask))


def ratio_in_any_shape(found: Array, single: Array, double: Array, mask: Bools | None = None) -> float:
    """The same of numbers that may come in another shape, as many as there are."""
    return ratio(found.reshape(double.shape) if found.size == double.size else found, single, double, mask)


def allowed(single: Array, double: Array, mask: Bools | None = None) -> float:
    """The noise: PyTorch's own largest error in float32, and at least a few units in the last place."""
    counts = _counting(single, double, mask)
    noise = np.abs(single[counts].astype(np.float64) - double[counts]).max(initial=0.0)
    least = FLOOR * np.abs(double[counts]).max(initial=0.0)
    return float(max(noise, least, np.finfo(np.float64).tiny))


def narrowed(array: Array) -> Array:
    """Numbers in float32, as near as it gets: what a mask has in float64 to say `never` has no room in it."""
    most = np.finfo(np.float32).max
    return np.where(np.isfinite(array), np.clip(array, -most, most), array).astype(np.float32)


def where_real(array: Array, mask: Bools | None) -> Bools:
    """Which elements of an array belong to real positions, and not to padding.

    Positions are the first two axes, both in one, or the first and the third; in other arrays all are real.
    """
    if mask is None or array.ndim < 2:
        return np.ones(array.shape, bool)
    rows, length = mask.shape
    if array.shape[:2] == (rows, length):
        return _spread(mask, array)
    if array.shape[0] == rows * length:
        return _spread(mask.ravel(), array)
    if array.shape[:2] == (1, length):
        return _spread(np.atleast_2d(mask.any(axis=0)), array)
    if array.ndim > 2 and (array.shape[0], array.shape[2]) == (rows, length):
        return _spread(mask[:, None], array)
    return np.ones(array.shape, bool)


def _spread(mask: Bools, array: Array) -> Bools:
    """Over the axes that follow those of the mask."""
    return np.broadcast_to(mask.reshape(mask.shape + (1,) * (array.ndim - mask.ndim)), array.shape)


def _counting(single: Array, double: Array, mask: Bools | None) -> Bools:
    return np.asarray(where_real(double, mask) & np.isfinite(double) & np.isfinite(single), np.bool_)
