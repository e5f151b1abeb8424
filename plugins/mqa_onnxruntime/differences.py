"""How a tensor of a file differs from the weight that it stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.matching import rounding_of

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.stored_tensors import StoredTensor

    Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Difference:
    """A tensor that is not the weight that it stands for, and how; `weight` is empty where it stands for none.

    `right` is what it should be, in its own shape, where that is known.
    """

    tensor: str
    weight: str
    reason: str
    right: Array | None = field(default=None, compare=False, repr=False)


def describe_difference(tensor: StoredTensor, weight: Array) -> str:
    """How a tensor differs from a weight of the same shape."""
    off = tensor.deviates(weight)
    found, right = (np.asarray(array, np.float64) for array in (tensor.values, weight))
    if lost := int(np.count_nonzero(np.isfinite(right) & ~np.isfinite(found))):
        return f"{lost:,} of {off.size:,} numbers are NaN or Inf"
    by = f"by {np.abs(found - right)[off].max():.3g} at most"
    if half := rounding_of(tensor, weight):
        return f"it is rounded to {half}, {by}"
    if off.ndim < 2 or off.all():
        return f"{np.count_nonzero(off):,} of {off.size:,} numbers differ, {by}"
    rows = np.asarray(off.reshape(len(off), -1).any(axis=1))
    first = int(np.flatnonzero(rows)[0])
    return f"{rows.sum():,} of {len(rows):,} rows differ, {by}; the first is {first}"


def describe_bare(tensor: StoredTensor) -> str:
    """Whether numbers of a tensor are none: NaN, or infinities that are no mask's."""
    values = tensor.values.astype(np.float32)
    infinite = np.isinf(values)
    mask = infinite.any() and len(np.unique(values[~infinite])) < 2
    bare = np.isnan(values) | (infinite if not mask else False)
    return f"{np.count_nonzero(bare):,} of {bare.size:,} numbers are NaN or Inf" if bare.any() else ""
