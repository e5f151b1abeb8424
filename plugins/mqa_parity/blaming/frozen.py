"""Lengths that a file declares dynamic and has frozen: it runs with one number of rows or positions alone."""

from __future__ import annotations

import re
import time
from itertools import islice, product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.doors import Anatomy

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]
    Axes: TypeAlias = Mapping[str, tuple[tuple[str, int], ...]]  # by the length that they share

NUMBER = re.compile(r"\d+")
LARGEST = 4096  # of the lengths that are tried
TRIALS, SECONDS = 300, 10.0  # after which no more are
FEW = 12  # numbers that are tried for two lengths at once


def frozen(case: Case, anatomy: Anatomy) -> str:
    """The only lengths that a file runs with which cannot run a batch, in words; empty where it is not for its lengths.

    They are found by trial: among the numbers that the error names and those in the graph are those with which the file
    runs and agrees with the model. With one more or less along the same axis, of what it ran with, it must not.
    """
    axes = _axes(case, anatomy)
    until = time.monotonic() + SECONDS
    for lengths in islice(_choices(case, anatomy, axes), TRIALS):
        if time.monotonic() > until:
            return ""
        if _agrees(case, axes, lengths):
            every = _lengths(case, axes) | lengths
            sound = case.on(_resized(case, axes, every))
            held = {label: one for label, one in every.items() if _is_frozen(sound, axes, label, one)}
            # A length of 1 alone may as well be where a shorter one is not to be had: a table that is cut does that, too.
            return _spelled(case, axes, held) if max(held.values(), default=0) > 1 else ""
    return ""


def _axes(case: Case, anatomy: Anatomy) -> Axes:
    """The axes of inputs that a file declares to be of any length, by their names in it; without one by their place."""
    found: dict[str, list[tuple[str, int]]] = {}
    for name, shape in anatomy.shapes().items():
        if name in case.batch and len(shape) == case.batch[name].ndim:
            for axis, size in enumerate(shape):
                if not isinstance(size, int):
                    found.setdefault(size or f"axis {axis}", []).append((name, axis))
    return {label: tuple(places) for label, places in found.items()}


def _choices(case: Case, anatomy: Anatomy, axes: Axes) -> Iterator[dict[str, int]]:
    """Other lengths: of one kind first, the likeliest first; then of two kinds at once."""
    named = [int(one) for one in NUMBER.findall(case.crash) if len(one) < 6]
    numbers = [one for one in dict.fromkeys([*named, *anatomy.integers()]) if 0 < one <= LARGEST]
    own = _lengths(case, axes)
    yield from ({label: one} for one in numbers for label in axes if one != own[label])
    for first, second in product(axes, axes):
        if first < second:
            for one, two in product(numbers[:FEW], repeat=2):
                yield {first: one, second: two}


def _lengths(case: Case, axes: Axes) -> dict[str, int]:
    """The batch's own."""
    return {label: int(case.batch[places[0][0]].shape[places[0][1]]) for label, places in axes.items()}


def _resized(case: Case, axes: Axes, lengths: Mapping[str, int]) -> Arrays:
    """The batch with other lengths along some axes: cut, or from its start again."""
    batch = dict(case.batch)
    for label, length in lengths.items():
        for name, axis in axes[label]:
            batch[name] = np.take(batch[name], np.arange(length) % batch[name].shape[axis], axis=axis)
    return batch


def _is_frozen(sound: Case, axes: Axes, label: str, length: int) -> bool:
    """Whether a batch that runs does so with neither one more nor one less along an axis."""
    others = [other for other in (length + 1, length - 1) if other > 0]
    return all(sound.on(_resized(sound, axes, {label: other})).crash for other in others)


def _agrees(case: Case, axes: Axes, lengths: Mapping[str, int]) -> bool:
    other = case.on(_resized(case, axes, lengths))
    try:
        return not other.crash and not other.fails
    except Exception:  # the model itself takes no such lengths
        return False


def _spelled(case: Case, axes: Axes, lengths: Mapping[str, int]) -> str:
    order = sorted(lengths, key=lambda label: axes[label][0][1])
    told = [f"{lengths[label]:,} {_unit(case, *axes[label][0])}" for label in order]
    return f"the file runs only with {' and '.join(told)}: a dimension that it declares dynamic is frozen"


def _unit(case: Case, name: str, axis: int) -> str:
    if axis == 0:
        return "rows"
    array = case.batch[name]
    return "tokens" if array.ndim == 2 and array.dtype.kind in "iub" else f"along axis {axis} of `{name}`"
