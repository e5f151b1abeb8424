"""A normalization that was folded into the weights before it: what those are to be, by what the model makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.doors import Weighted
from mqa_parity.blaming.normalization import ROUNDINGS, Change, Fold, changed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from mqa_parity.blaming.suspect import Suspect

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

EXACT = 1e-9  # of the largest number: what float64 leaves of a straight line
SEVERAL = 3  # numbers of a channel, at least: through two there is a line in any case


@dataclass(frozen=True)
class Folded:
    """Initializers as folding makes them, of which `name` is the one to speak of; `owner` the module whose they are.

    `change` is what else is known of what stands there in their place.
    """

    name: str
    right: Arrays
    parameter: str
    owner: str
    change: Change = Change()  # noqa: RUF009 - nobody changes it


def folded(case: Suspect) -> Iterator[Folded]:
    """For each weight that may be one of a module before this one, it and the bias beside it as they are to be.

    A normalization makes a x + b of every channel x: so the weight before it becomes a w, and the bias a c + b. What a
    and b are is read off the model, in float64. A weight with another number for each channel is the normalization's
    fault; any other, of the module that it is named after.
    """
    reference = case.case.truth.reference
    learned = reference.parameters("") if case.module and isinstance(reference, Weighted) else {}
    for name, parameter in _named(case, learned):
        owner, own = parameter.rpartition(".")[0], learned[parameter]
        line = _line(case, owner) if own.ndim > 1 and own.shape == case.weights[name].shape else None
        if line is not None and len(line[0]) == len(own):
            scale, before = line[0], np.broadcast_to(learned.get(f"{owner}.bias", 0), line[0].shape)
            right = Fold(scale, line[1] + scale * before, before)
            weight = own * scale.reshape(-1, *[1] * (own.ndim - 1))
            factors = _factors(case.weights[name], own)
            one = Folded(name, {name: weight}, parameter, owner if factors is None else case.module)
            yield from _tried(case, one, right, factors)


def _named(case: Suspect, learned: Arrays) -> Iterator[tuple[str, str]]:
    """Weights of the piece with those that they may be in the model: by their names, else by the modules before it."""
    before = [f"{one.module}.weight" for one in case.given if one.module != case.module]
    for name in case.weights:
        names = [name] if name in learned else list(dict.fromkeys(before))
        yield from ((name, one) for one in names if one in learned)


def _tried(case: Suspect, weight: Folded, right: Fold, factors: Array | None) -> Iterator[Folded]:
    """The weight alone, what may be its bias alone, and both."""
    yield weight
    reference = case.case.truth.reference
    learned = reference.parameters(case.module) if isinstance(reference, Weighted) else {}
    for name, found in case.weights.items():
        if found.shape == right.bias.shape:
            change = Change() if factors is None else changed(learned, right, Fold(factors, found, right.before))
            yield Folded(name, {name: right.bias}, f"{case.module}.bias", case.module, change)
            yield replace(weight, right={**weight.right, name: right.bias}, change=change)


def _line(case: Suspect, owner: str) -> tuple[Array, Array] | None:
    """By what every channel is multiplied between a module and the one that is looked at, and what is added.

    None where that is no straight line, or nothing tells whether it is one: it takes several different numbers of every
    channel, over all rows at hand.
    """
    if owner == case.module:
        return None
    tapped = case.case.several.truth.exact.tap(case.case.several.batch, [owner, case.module])
    given, gave = tapped[owner], tapped[case.module]
    if len(given) != 1 or len(gave) != 1 or given[0].shape != gave[0].shape or given[0].ndim < 2:
        return None
    before, after = (np.moveaxis(array, 1, 0).reshape(array.shape[1], -1) for array in (given[0], gave[0]))
    middle, target = (array.mean(axis=1, keepdims=True) for array in (before, after))
    spread = ((before - middle) ** 2).sum(axis=1)
    if before.shape[1] < SEVERAL or (spread <= (EXACT * np.abs(before).max(axis=1)) ** 2).any():
        return None
    scale = ((before - middle) * (after - target)).sum(axis=1) / spread
    shift = (target - scale[:, None] * middle)[:, 0]
    off = np.abs(scale[:, None] * before + shift[:, None] - after).max()
    return (scale, shift) if off <= EXACT * np.abs(after).max() else None


def _factors(weight: Array, own: Array) -> Array | None:
    """The number that each channel of the model's is multiplied by in a weight; None where it is not so made."""
    found, channels = (array.reshape(len(array), -1).astype(np.float64) for array in (weight, own))
    if channels.shape[1] < 2:  # one number is proportional to any other
        return None
    squares = (channels**2).sum(axis=1)
    factors = (found * channels).sum(axis=1) / np.where(squares, squares, 1)
    proportional = np.abs(found - factors[:, None] * channels).max() <= ROUNDINGS * np.abs(found).max()
    return np.asarray(factors) if proportional else None
