"""A normalization that was folded into the weights before it: what those are to be, by what the model makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.doors import Weighted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from mqa_parity.blaming.suspect import Suspect

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

EXACT = 1e-9  # of the largest number: what float64 leaves of a straight line
ROUNDINGS = 1e-5  # of the largest number: a product that was rounded once


@dataclass(frozen=True)
class Folded:
    """Initializers as folding makes them, of which `name` is the one to speak of; `owner` the module whose they are."""

    name: str
    right: Arrays
    parameter: str
    owner: str


def folded(case: Suspect) -> Iterator[Folded]:
    """For each weight that has the name of one before the module, it and the bias beside it as they are to be.

    A normalization makes a x + b of every channel x: so the weight before it becomes a w, and the bias a c + b. What a
    and b are is read off the model, in float64. A weight with another number for each channel is the normalization's
    fault; any other, of the module that it is named after.
    """
    reference = case.case.truth.reference
    learned = reference.parameters("") if case.module and isinstance(reference, Weighted) else {}
    for name in (name for name in case.weights if name in learned):
        owner, own = name.rpartition(".")[0], learned[name]
        line = _line(case, owner) if own.ndim > 1 and own.shape == case.weights[name].shape else None
        if line is not None and len(line[0]) == len(own):
            scale, shift = line
            right = own * scale.reshape(-1, *[1] * (own.ndim - 1))
            whose = case.module if _scaled(case.weights[name], own) else owner
            yield from _tried(
                case, Folded(name, {name: right}, name, whose), shift + scale * learned.get(f"{owner}.bias", 0)
            )


def _tried(case: Suspect, weight: Folded, bias: Array) -> Iterator[Folded]:
    """The weight alone, what may be its bias alone, and both."""
    yield weight
    for name, found in case.weights.items():
        if found.shape == bias.shape:
            yield Folded(name, {name: bias}, f"{case.module}.bias", case.module)
            yield replace(weight, right={**weight.right, name: bias})


def _line(case: Suspect, owner: str) -> tuple[Array, Array] | None:
    """By what every channel is multiplied between a module and the one that is looked at, and what is added."""
    given = case.case.truth.exact.tap(case.case.batch, [owner])[owner]
    if len(given) != 1 or given[0].shape != case.double.shape or given[0].ndim < 2:
        return None
    before, after = (np.moveaxis(array, 1, 0).reshape(array.shape[1], -1) for array in (given[0], case.double))
    middle, target = (array.mean(axis=1, keepdims=True) for array in (before, after))
    spread = ((before - middle) ** 2).sum(axis=1)
    scale = ((before - middle) * (after - target)).sum(axis=1) / np.where(spread, spread, 1)
    shift = (target - scale[:, None] * middle)[:, 0]
    off = np.abs(scale[:, None] * before + shift[:, None] - after).max()
    return (scale, shift) if off <= EXACT * np.abs(after).max() else None


def _scaled(weight: Array, own: Array) -> bool:
    """Whether a weight is the model's with each channel times a number."""
    found, channels = (array.reshape(len(array), -1).astype(np.float64) for array in (weight, own))
    if channels.shape[1] < 2:  # one number is proportional to any other
        return False
    squares = (channels**2).sum(axis=1)
    scale = (found * channels).sum(axis=1) / np.where(squares, squares, 1)
    return bool(np.abs(found - scale[:, None] * channels).max() <= ROUNDINGS * np.abs(found).max())
