"""Batch normalization by channels, and what folding it into the layer before it makes of that layer's parameters.

In inference, batch normalization (Ioffe and Szegedy, 2015) gives a x + b for every channel x, where
a = weight / sqrt(running_var + eps) and b = bias - a running_mean. Folded into the layer before it, a weight w of that
layer becomes a w, and its bias c becomes a c + b.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

DEFAULT_EPS = 1e-5  # PyTorch's


@dataclass(frozen=True, eq=False)
class BatchNorm:
    """A batch normalization in inference; its arrays are float64 of shape (channels,).

    `PARAMETERS` are the names of the parameters and buffers that PyTorch's `BatchNorm1d`, `2d` and `3d` keep them in.
    """

    PARAMETERS: ClassVar = ("weight", "bias", "running_mean", "running_var")

    weight: Array
    bias: Array
    running_mean: Array
    running_var: Array
    eps: float = DEFAULT_EPS

    @classmethod
    def from_weights(cls, weights: Mapping[str, Array], module: str = "") -> BatchNorm | None:
        """The normalization that a module is, by a model's parameters and buffers; None where it is none.

        It is one where `weights` has the four arrays of the module, all of one shape (channels,).
        """
        prefix = f"{module}." if module else ""
        arrays = [
            np.asarray(weights[name], np.float64) for part in cls.PARAMETERS if (name := f"{prefix}{part}") in weights
        ]
        shapes = {array.shape for array in arrays}
        if len(arrays) < len(cls.PARAMETERS) or len(shapes) > 1 or arrays[0].ndim != 1:
            return None
        weight, bias, running_mean, running_var = arrays
        return cls(weight, bias, running_mean, running_var)

    @cached_property
    def scale(self) -> Array:
        """The factor a of each channel; infinite where the variance and `eps` are 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.weight / np.sqrt(self.running_var + self.eps))

    @cached_property
    def shift(self) -> Array:
        """The summand b of each channel."""
        return self.fold_bias(0.0)

    def fold_bias(self, bias: Array | float, scale: Array | None = None) -> Array:
        """The bias a c + b that folding makes of the bias c of the layer before it; `scale` replaces a."""
        return np.asarray((bias - self.running_mean) * (self.scale if scale is None else scale) + self.bias)

    def implied_eps(self, scale: Array) -> Array:
        """The `eps` with which each channel would have such a factor; NaN or infinite where none gives it."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((self.weight / scale) ** 2 - self.running_var)


def channel_factors(weight: Array, folded: Array) -> Array:
    """The least-squares factor of each channel from one array to another, both of shape (channels, numbers).

    A channel of zeros has the factor 0. Whether the arrays are multiples of each other is not checked.
    """
    squares = (weight**2).sum(axis=1)
    return np.asarray((weight * folded).sum(axis=1) / np.where(squares, squares, 1))
