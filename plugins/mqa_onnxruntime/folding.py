"""Batch normalization folded into the weights before it, which so have other values under their own names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.graph import parsed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

WEIGHT, BIAS = "weight", "bias"
ROUNDINGS = 1e-5  # of the largest number: a product that was rounded once


def find_folded(path: Path, names: Collection[str], weights: Iterable[tuple[str, Array]]) -> tuple[str, ...]:
    """Those of some tensors of a file whose other values are what folding makes of the model's weights of their names.

    Normalization multiplies every channel by a number of its own: w' = w gamma / sqrt(var + eps). It moves the bias
    beside such a weight as well, by what the file no longer tells.
    """
    tensors = dict(_arrays(path, names))
    scaled = {name for name, array in weights if name in tensors and _scaled(array, tensors[name])}
    beside = {f"{name.removesuffix(WEIGHT)}{BIAS}" for name in scaled if name.endswith(WEIGHT)}
    return tuple(name for name in names if name in scaled | beside)


def _arrays(path: Path, names: Collection[str]) -> Iterable[tuple[str, Array]]:
    from onnx import numpy_helper

    for tensor in parsed(path).graph.initializer:
        if tensor.name in names:
            yield tensor.name, numpy_helper.to_array(tensor, str(path.parent))


def _scaled(weight: Array, found: Array) -> bool:
    """Whether a tensor is a weight with each channel times a number, along the first axis or, transposed, the second."""
    if weight.shape != found.shape or weight.ndim < 2:
        return False
    return any(_proportional(np.moveaxis(weight, axis, 0), np.moveaxis(found, axis, 0)) for axis in (0, 1))


def _proportional(weight: Array, found: Array) -> bool:
    channels, scaled = (array.reshape(len(array), -1).astype(np.float64) for array in (weight, found))
    if channels.shape[1] < 2:  # one number is proportional to any other
        return False
    squares = (channels**2).sum(axis=1)
    factors = (channels * scaled).sum(axis=1) / np.where(squares, squares, 1)
    return bool(np.abs(scaled - factors[:, None] * channels).max() <= ROUNDINGS * np.abs(scaled).max())
