"""Which number of a batch normalization would make a folded weight what it is in the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

NUMBERS = ("weight", "bias", "running_mean", "running_var")
ROUNDINGS = 1e-5  # of the largest number: a product that was rounded once


@dataclass(frozen=True)
class Fold:
    """What folding made of a channel: its weights are `scale` times the model's, and `bias` is added to what they give.

    `before` is what is added in front of the normalization.
    """

    scale: Array
    bias: Array
    before: Array


@dataclass(frozen=True)
class Change:
    """What would make a fold what it is, in words; `learned` where that is a number that was learned."""

    why: str = ""
    learned: bool = True


def changed(learned: Arrays, right: Fold, found: Fold) -> Change:
    """What stands in the file for which number of the normalization; nothing where none alone would make it so.

    scale = weight / sqrt(running_var + eps) and bias = (before - running_mean) scale + bias, of each channel: so
    the numbers that make a scale cannot be told from one another, but for an epsilon, which is one for all channels, nor
    those that make only a bias.
    """
    if any(name not in learned or learned[name].shape != right.scale.shape for name in NUMBERS):
        return Change()
    if _alike(found.scale, right.scale):
        front = ", or another bias in front of it," if right.before.any() else ""
        return Change(f"another `bias` or `running_mean`{front} would make it so")
    if not _alike(found.bias, (found.before - learned["running_mean"]) * found.scale + learned["bias"]):
        return Change()
    if (told := _epsilons(learned, right.scale, found.scale)) is not None:
        return Change(f"an epsilon of {told[1]:.3g} would make it so, and the model has {told[0]:.3g}", learned=False)
    channels = np.count_nonzero(np.abs(found.scale - right.scale) > ROUNDINGS * np.abs(right.scale).max())
    return Change(f"another `weight` or `running_var` in {channels} of {len(right.scale)} channels would make it so")


def _epsilons(learned: Arrays, right: Array, found: Array) -> tuple[float, float] | None:
    """The epsilons behind the scales of all channels; None where they have none, or where one factor would do as well."""
    some = (learned["weight"] != 0) & (right != 0) & (found != 0)
    if not some.any() or _alike(found[some] / right[some], np.full(some.sum(), np.median(found[some] / right[some]))):
        return None
    weight, variance = (learned[name][some].astype(np.float64) for name in ("weight", "running_var"))
    epsilons = [float(np.median((weight / scale[some]) ** 2 - variance)) for scale in (right, found)]
    for epsilon, scale in zip(epsilons, (right, found), strict=True):
        if epsilon < 0 or not _alike(weight / np.sqrt(variance + epsilon), scale[some]):
            return None
    return epsilons[0], epsilons[1]


def _alike(one: Array, other: Array) -> bool:
    return bool(np.abs(one - other).max() <= ROUNDINGS * np.abs(other).max())
