"""Arrays of several rows made one: those of other sizes are filled up at the end of each axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


def stack_padded(arrays: Sequence[npt.NDArray[Any]], fill: float = 0) -> npt.NDArray[Any]:
    """The arrays along a new first axis, of the type of the first, each filled up to the largest size."""
    if len({array.shape for array in arrays}) == 1:
        return np.stack(arrays)
    shape = np.max([array.shape for array in arrays], axis=0)
    stacked = np.full((len(arrays), *shape), fill, arrays[0].dtype)
    for line, array in zip(stacked, arrays, strict=True):
        line[tuple(map(slice, array.shape))] = array
    return stacked
