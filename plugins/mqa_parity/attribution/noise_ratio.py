"""How large an error is, in units of the baseline's own error: over a whole array, and in its worst channel or row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.precision import PRECISIONS
from mqa_parity.tensors.channels import row_errors, worst_group
from mqa_parity.tolerance import yardstick

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_parity.precision import Precision
    from mqa_parity.tensors.channels import GroupError

    Array: TypeAlias = npt.NDArray[Any]
    Bools: TypeAlias = npt.NDArray[np.bool_]

FLOAT32 = PRECISIONS["float32"]


def noise_ratio(
    found: Array, baseline: Array, oracle: Array, mask: Bools | None = None, precision: Precision = FLOAT32
) -> float:
    """The largest error of an array over the baseline's largest error.

    Both are distances from the oracle, at valid positions and where the reference is finite. Infinite where the shapes
    differ, or a number is missing that the reference has. `mask`, shape (rows, positions), is false at padding.
    """
    if found.shape != oracle.shape:
        return float("inf")
    counted = _is_counted(baseline, oracle, mask)
    if not counted.any():
        return 0.0
    if not np.isfinite(found[counted]).all():
        return float("inf")
    error = np.abs(found[counted].astype(np.float64) - oracle[counted]).max()
    return float(error / noise_unit(baseline, oracle, mask, precision))


def noise_unit(baseline: Array, oracle: Array, mask: Bools | None = None, precision: Precision = FLOAT32) -> float:
    """The baseline's largest error, with the floor of its precision; never 0."""
    counted = _is_counted(baseline, oracle, mask)
    noise = np.abs(baseline[counted].astype(np.float64) - oracle[counted]).max(initial=0.0)
    magnitude = np.abs(oracle[counted]).max(initial=0.0)
    return max(float(yardstick(noise, magnitude, precision.floor)), float(np.finfo(np.float64).tiny))


def channel_ratio(found: Array, baseline: Array, oracle: Array, mask: Bools | None, precision: Precision) -> float:
    """The error of the worst channel or row of an array, where `precision.allowed` is as much as it may be off.

    0 where the array has no channels, or the baseline has nothing to round.
    """
    worst = worst_channel(found, baseline, oracle, mask, precision)
    return precision.allowed * worst.times / worst.allowed if worst else 0.0


def worst_channel(
    found: Array, baseline: Array, oracle: Array, mask: Bools | None, precision: Precision
) -> GroupError | None:
    """The channel or row that is farthest off, as `parity/tensors` finds it in an output; rows are named by index."""
    if found.shape != oracle.shape or oracle.ndim < 2 or oracle.dtype.kind != "f":
        return None
    counted = _is_counted(baseline, oracle, mask)
    positions = [axis - 1 for axis in (1, 2) if mask is not None and _axis_has_positions(oracle, mask, axis)]
    parts = [
        row_errors(str(row), (oracle[row], baseline[row], found[row]), counted[row], positions)
        for row in range(len(oracle))
        if counted[row].any()
    ]
    return worst_group(parts, precision) if parts else None


def reshape_like(found: Array, array: Array) -> Array:
    """An array in another's shape, if it has as many elements: a graph may have a tensor in another shape."""
    return found.reshape(array.shape) if found.size == array.size else found


def is_valid(array: Array, mask: Bools | None) -> Bools:
    """Which elements of an array belong to valid positions, and not to padding.

    Positions are the first two axes, both in one, or the first and the third; in other arrays all are valid.
    """
    if mask is None or array.ndim < 2:
        return np.ones(array.shape, bool)
    rows, length = mask.shape
    if array.shape[:2] == (rows, length):
        return _broadcast(mask, array)
    if array.shape[0] == rows * length:
        return _broadcast(mask.ravel(), array)
    if array.shape[:2] == (1, length):
        return _broadcast(np.atleast_2d(mask.any(axis=0)), array)
    if _axis_has_positions(array, mask, 2):
        return _broadcast(mask[:, None], array)
    return np.ones(array.shape, bool)


def _axis_has_positions(array: Array, mask: Bools, axis: int) -> bool:
    return array.ndim > axis and (array.shape[0], array.shape[axis]) == mask.shape


def _broadcast(mask: Bools, array: Array) -> Bools:
    """A mask over the axes that follow its own."""
    return np.broadcast_to(mask.reshape(mask.shape + (1,) * (array.ndim - mask.ndim)), array.shape)


def _is_counted(baseline: Array, oracle: Array, mask: Bools | None) -> Bools:
    return np.asarray(is_valid(oracle, mask) & np.isfinite(oracle) & np.isfinite(baseline), np.bool_)
