"""What exporters and optimizers make of a weight before they write it: scaled as a whole or by channel, or shifted.

A batch normalization after a layer makes w' = w s and b' = (b - mean) s + beta of its weights, where for every channel
s = gamma / sqrt(var + eps). Scales of attention, a layer's gain and `1 + w` are folded into weights in the same way.
Of a model in 16 bits an exporter works s out in 16 bits: every step of that rounds, and the channel's weights share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.stored_tensors import StoredTensor

    Array: TypeAlias = npt.NDArray[Any]
    Bools: TypeAlias = npt.NDArray[np.bool_]

PARTS = ("weight", "bias", "running_mean", "running_var")
ROUNDINGS = 1e-5  # of the largest number: a product that was rounded once
STEPS = 6  # on the way to a scale, each rounded: gamma, the variance, its sum with eps, the root, and two to spare
ALIKE = 1e-4  # of a scale: what float32 leaves of one that is read off a quotient
ENOUGH = 8  # numbers, so that a straight line through them says anything
MOST = 0.1  # the largest epsilon that a normalization has
EPSILONS = (1e-5, 1e-3, 1e-6, 1e-4, 1e-2, 2e-5, 1e-8, 1e-12, 0.0)


@dataclass(frozen=True)
class Normalization:
    """A batch normalization by its name in the model; the arrays have one number a channel."""

    name: str
    weight: Array
    bias: Array
    running_mean: Array
    running_var: Array

    def scales(self, like: Array) -> list[Array]:
        """What its scales would be with each epsilon that is in use, and with the one that most of those of `like` have."""
        with np.errstate(divide="ignore", invalid="ignore"):
            epsilons = (self.weight / like) ** 2 - self.running_var
        usable = epsilons[np.isfinite(epsilons)]
        own = [float(np.clip(np.median(usable), 0, MOST))] if len(usable) else []
        with np.errstate(divide="ignore"):
            return [np.asarray(self.weight / np.sqrt(self.running_var + epsilon)) for epsilon in (*EPSILONS, *own)]

    def shift(self, scale: Array, bias: Array | float) -> Array:
        """What it makes of the bias before it."""
        return np.asarray((bias - self.running_mean) * scale + self.bias)

    def lost(self, scale: Array, bias: Array | float, roundoff: float) -> Array:
        """How far the bias that it makes may lie from `shift` where every step of it was rounded by such a share."""
        terms = (np.abs(bias) + np.abs(self.running_mean)) * np.abs(scale) + np.abs(self.bias)
        return np.asarray(STEPS * roundoff * terms)


@dataclass(frozen=True)
class Folding:
    """How a tensor comes of a weight: `scale` and `shift` by channel along `axis`, or one for all where it is None.

    `normalization` is the one whose scales these are; `wrong` are the channels in which they are not.
    """

    axis: int | None
    scale: Array
    shift: Array
    normalization: Normalization | None = None
    wrong: tuple[int, ...] = ()

    def of(self, weight: Array) -> Array:
        """What it makes of a weight."""
        shape = [-1 if place == self.axis else 1 for place in range(weight.ndim)] if self.axis is not None else []
        return np.asarray(weight * self.scale.reshape(shape) + self.shift.reshape(shape))


def normalizations(weights: Mapping[str, Array]) -> list[Normalization]:
    """Those of a model, by the names of their parts."""
    names = [name.removesuffix("running_var") for name in weights if name.endswith("running_var")]
    found = [(name, [weights.get(f"{name}{part}") for part in PARTS]) for name in names]
    return [
        Normalization(name.removesuffix("."), *(np.asarray(one, np.float64) for one in parts if one is not None))
        for name, parts in found
        if all(part is not None and part.ndim == 1 for part in parts)
    ]


@dataclass(frozen=True)
class _Channels:
    """A weight and a tensor by channels, of shape (channels, numbers), and how far each number may be off.

    `roundoff` is the share by which every step is rounded that is worked out in 16 bits.
    """

    weight: Array
    found: Array
    bound: Array
    roundoff: float

    def are(self, scale: Array, shift: Array) -> Bools:
        """Which channels are their weights times a scale, and a shift."""
        return np.asarray(
            (np.abs(self.found - scale[:, None] * self.weight - shift[:, None]) <= self.bound).all(axis=1)
        )

    def are_rounded(self, scale: Array) -> Bools:
        """Which channels are their weights times one scale, which 16 bits make of that given."""
        if not self.roundoff:
            return np.zeros(len(self.weight), np.bool_)
        own = _quotients(self.weight, self.found)
        near = np.abs(own - scale) <= STEPS * self.roundoff * np.abs(scale)
        twice = 2 * self.bound  # the weight is rounded, and then the product
        return np.asarray(near & (np.abs(self.found - own[:, None] * self.weight) <= twice).all(axis=1))


def find_folding(tensor: StoredTensor, weight: Array, known: Collection[Normalization]) -> Folding | None:
    """How a tensor comes of a weight of the same shape, if it does.

    Where most channels are as they were, nothing was folded, and those that are not were changed; but where a
    normalization has such scales.
    """
    if not np.isfinite(tensor.values.astype(np.float32)).all():
        return None
    axes = [axis for axis in range(min(weight.ndim, 2)) if 1 < weight.shape[axis] < weight.size]
    channels = {axis: _by_channel(tensor, weight, axis) for axis in axes}
    found = next(filter(None, (_normalized(axis, one, known) for axis, one in channels.items())), None)
    if found is None and weight.size >= ENOUGH:
        found = _straight(None, _by_channel(tensor, weight, None))
    return found or next(filter(None, (_straight(axis, one) for axis, one in channels.items())), None)


def _by_channel(tensor: StoredTensor, weight: Array, axis: int | None) -> _Channels:
    shape = (1, -1) if axis is None else (weight.shape[axis], -1)
    own, found, allowed = (
        (array if axis is None else np.moveaxis(array, axis, 0)).reshape(shape).astype(np.float64)
        for array in (weight, tensor.values, np.broadcast_to(tensor.allowed(), weight.shape))
    )
    return _Channels(own, found, allowed + ROUNDINGS * np.abs(found).max(), tensor.roundoff)


def _normalized(axis: int, channels: _Channels, known: Collection[Normalization]) -> Folding | None:
    """The normalization whose scales most channels have."""
    nothing = np.zeros(len(channels.weight))
    like = _quotients(channels.weight, channels.found)
    fits = [
        (channels.are(scale, nothing) | channels.are_rounded(scale), scale, one)
        for one in known
        if one.weight.shape == nothing.shape
        for scale in one.scales(like)
    ]
    right, scale, best = max(fits, key=lambda fit: int(fit[0].sum()), default=(nothing, nothing, None))
    if best is None or 2 * right.sum() <= len(right):
        return None
    return Folding(axis, scale, nothing, best, tuple(np.flatnonzero(~right.astype(bool)).tolist()))


def _straight(axis: int | None, channels: _Channels) -> Folding | None:
    """What every channel is multiplied by, and what is added; None where it is not so made, or most are as they were."""
    if channels.weight.shape[1] < 2:  # one number is proportional to any other
        return None
    nothing, largest = np.zeros(len(channels.weight)), np.abs(channels.weight).max()
    scale = _quotients(channels.weight, channels.found)
    middle, target = (array.mean(axis=1, keepdims=True) for array in (channels.weight, channels.found))
    steep = _quotients(channels.weight - middle, channels.found - target)
    lines = [(scale, nothing), (steep, target[:, 0] - steep * middle[:, 0])]
    for one, shift in lines[: 2 if channels.weight.shape[1] >= ENOUGH else 1]:
        same = (np.abs(one - 1) <= ALIKE) & (np.abs(shift) <= ALIKE * largest)
        if channels.are(one, shift).all() and 2 * np.count_nonzero(same) < len(same):
            return Folding(axis, one, shift)
    return None


def _quotients(weight: Array, found: Array) -> Array:
    """Per channel the factor that makes the most of a tensor of a weight."""
    squares = (weight**2).sum(axis=1)
    return np.asarray((weight * found).sum(axis=1) / np.where(squares, squares, 1))
