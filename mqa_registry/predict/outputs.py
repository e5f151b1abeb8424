"""Outputs of several batches as those of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def joined_outputs(parts: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Parts of an output, one behind the other, the narrower ones padded with zeros to the shape of the widest."""
    if not all(part.ndim for part in parts):
        return parts[0]
    shape = np.max([part.shape[1:] for part in parts], axis=0)
    padded = [
        np.pad(part, [(0, 0), *((0, int(to - by)) for to, by in zip(shape, part.shape[1:], strict=True))])
        for part in parts
    ]
    return np.concatenate(padded)
