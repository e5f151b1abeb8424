"""Batch normalization, and other scales and shifts, folded into a weight by an exporter or an optimizer.

What folding a batch normalization makes of a layer stands at `BatchNorm`. Scales of attention, a layer's gain and
`1 + w` are folded in the same way. For a model in 16 bits the exporter computes the scales in 16 bits: every step
rounds, and the weights of a channel share the result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import BatchNorm, channel_factors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.weights.stored_tensors import StoredTensor

    Array: TypeAlias = npt.NDArray[Any]
    Bools: TypeAlias = npt.NDArray[np.bool_]

VARIANCE = "running_var"  # by which a module is taken for a batch normalization
PRODUCT_RTOL = 1e-5  # relative to the largest number: a product that was rounded once
ROUNDED_STEPS = 6  # of computing a scale: the weight, the variance, its sum with eps, the root, and two to spare
SCALE_RTOL = 1e-4  # of a scale that is estimated from a quotient of float32 numbers
MIN_POINTS = 8  # for a straight line through the numbers of a channel
MAX_EPSILON = 0.1  # of a normalization
EPSILONS = (1e-5, 1e-3, 1e-6, 1e-4, 1e-2, 2e-5, 1e-8, 1e-12, 0.0)


@dataclass(frozen=True)
class Folding:
    """A tensor is a weight times `scale` plus `shift`, per channel along `axis`, or as a whole where that is None.

    `batch_norm` is the one that these scales come from, by its name `module` in the model; `wrong` are the channels that
    have another scale.
    """

    axis: int | None
    scale: Array
    shift: Array
    batch_norm: BatchNorm | None = None
    module: str = ""
    wrong: tuple[int, ...] = ()

    def apply(self, weight: Array) -> Array:
        """The weight after folding."""
        shape = [-1 if axis == self.axis else 1 for axis in range(weight.ndim)] if self.axis is not None else []
        return np.asarray(weight * self.scale.reshape(shape) + self.shift.reshape(shape))


def find_batch_norms(weights: Mapping[str, Array]) -> dict[str, BatchNorm]:
    """The batch normalizations of a model by their names, found by those of their parameters and buffers."""
    modules = [module for module, _, own in (name.rpartition(".") for name in weights) if own == VARIANCE]
    batch_norms = {module: BatchNorm.from_weights(weights, module) for module in modules}
    return {module: one for module, one in batch_norms.items() if one is not None}


def bias_tolerance(batch_norm: BatchNorm, bias: Array | float, roundoff: float) -> Array:
    """How far a folded bias may lie from `BatchNorm.fold_bias` where every step was rounded with this unit roundoff."""
    terms = (np.abs(bias) + np.abs(batch_norm.running_mean)) * np.abs(batch_norm.scale) + np.abs(batch_norm.bias)
    return np.asarray(ROUNDED_STEPS * roundoff * terms)


@dataclass(frozen=True)
class _Channels:
    """A weight and a tensor by channels, of shape (channels, numbers), and how far each number may be off.

    `roundoff` is the unit roundoff of steps that are computed in 16 bits; 0 where none is.
    """

    weight: Array
    found: Array
    bound: Array
    roundoff: float

    def match(self, scale: Array, shift: Array) -> Bools:
        """Which channels of the tensor are those of the weight, scaled and shifted."""
        return np.asarray(
            (np.abs(self.found - scale[:, None] * self.weight - shift[:, None]) <= self.bound).all(axis=1)
        )

    def match_rounded(self, scale: Array) -> Bools:
        """Which channels of the tensor are those of the weight times the scale as 16 bits round it."""
        if not self.roundoff:
            return np.zeros(len(self.weight), np.bool_)
        own = channel_factors(self.weight, self.found)
        near = np.abs(own - scale) <= ROUNDED_STEPS * self.roundoff * np.abs(scale)
        twice = 2 * self.bound  # the weight is rounded, and then the product
        return np.asarray(near & (np.abs(self.found - own[:, None] * self.weight) <= twice).all(axis=1))


def find_folding(tensor: StoredTensor, weight: Array, batch_norms: Mapping[str, BatchNorm]) -> Folding | None:
    """The scale and shift that make a tensor of a weight of the same shape; None where there are none.

    Where most channels are unchanged, nothing was folded and the others are wrong, unless a normalization has such
    scales.
    """
    if not np.isfinite(tensor.values.astype(np.float32)).all():
        return None
    axes = [axis for axis in range(min(weight.ndim, 2)) if 1 < weight.shape[axis] < weight.size]
    channels = {axis: _by_channel(tensor, weight, axis) for axis in axes}
    found = next(filter(None, (_find_batch_norm(axis, one, batch_norms) for axis, one in channels.items())), None)
    if found is None and weight.size >= MIN_POINTS:
        found = _find_affine(None, _by_channel(tensor, weight, None))
    return found or next(filter(None, (_find_affine(axis, one) for axis, one in channels.items())), None)


def _by_channel(tensor: StoredTensor, weight: Array, axis: int | None) -> _Channels:
    shape = (1, -1) if axis is None else (weight.shape[axis], -1)
    own, found, tolerance = (
        (array if axis is None else np.moveaxis(array, axis, 0)).reshape(shape).astype(np.float64)
        for array in (weight, tensor.values, np.broadcast_to(tensor.tolerance(), weight.shape))
    )
    return _Channels(own, found, tolerance + PRODUCT_RTOL * np.abs(found).max(), tensor.roundoff)


def _find_batch_norm(axis: int, channels: _Channels, batch_norms: Mapping[str, BatchNorm]) -> Folding | None:
    """The folding by the normalization whose scales most channels have."""
    like, no_shift = channel_factors(channels.weight, channels.found), np.zeros(len(channels.weight))
    fits = [
        (channels.match(one.scale, no_shift) | channels.match_rounded(one.scale), one, module)
        for module, batch_norm in batch_norms.items()
        if batch_norm.weight.shape == no_shift.shape
        for one in _with_usual_eps(batch_norm, like)
    ]
    right, best, module = max(fits, key=lambda fit: int(fit[0].sum()), default=(no_shift > 0, None, ""))
    if best is None or 2 * right.sum() <= len(right):
        return None
    return Folding(axis, best.scale, no_shift, best, module, tuple(np.flatnonzero(~right).tolist()))


def _with_usual_eps(batch_norm: BatchNorm, like: Array) -> Iterator[BatchNorm]:
    """A normalization with every usual `eps`, and with the median of those that the scales `like` would have."""
    implied = batch_norm.implied_eps(like)
    usable = implied[np.isfinite(implied)]
    own = [float(np.clip(np.median(usable), 0, MAX_EPSILON))] if len(usable) else []
    return (replace(batch_norm, eps=eps) for eps in (*EPSILONS, *own))


def _find_affine(axis: int | None, channels: _Channels) -> Folding | None:
    """The scale and shift of every channel; None where a channel has none, or most are unchanged."""
    if channels.weight.shape[1] < 2:  # one number is proportional to any other
        return None
    no_shift, largest = np.zeros(len(channels.weight)), np.abs(channels.weight).max()
    scale = channel_factors(channels.weight, channels.found)
    middle, target = (array.mean(axis=1, keepdims=True) for array in (channels.weight, channels.found))
    steep = channel_factors(channels.weight - middle, channels.found - target)
    lines = [(scale, no_shift), (steep, target[:, 0] - steep * middle[:, 0])]
    for one, shift in lines[: 2 if channels.weight.shape[1] >= MIN_POINTS else 1]:
        same = (np.abs(one - 1) <= SCALE_RTOL) & (np.abs(shift) <= SCALE_RTOL * largest)
        if channels.match(one, shift).all() and 2 * np.count_nonzero(same) < len(same):
            return Folding(axis, one, shift)
    return None
