"""Texts as wide as something else: shapes alone do not tell their positions from a decoder's, or from a layer's numbers."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.doors import Weighted
from mqa_parity.sampling import DECODER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import numpy.typing as npt

    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.doors import Reference

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]


def told_apart(case: Case, sizes: Collection[int]) -> Case:
    """The same with more padding, or less, where its texts are as wide as one of some sizes, or as anything else is long.

    As it is where it can be run in no other width, or fails in its own alone; but what fails in that of a decoder alone
    is no failure, where padding may have passed for what is said.
    """
    mask = case.truth.mask
    if mask not in case.batch or case.batch[mask].ndim != 2:
        return case
    found = next((other for other in _others(case, sizes) if _runs(other)), None)
    if found is None:
        return case
    return found if found.fails or (confused(case.batch, mask) and not case.crash) else case


def sizes_of(reference: Reference) -> frozenset[int]:
    """The sizes of a model's weights, which those of its layers are among."""
    weights = reference.parameters("").values() if isinstance(reference, Weighted) else ()
    return frozenset(size for weight in weights for size in weight.shape)


def confused(batch: Arrays, mask: str) -> bool:
    """Whether a decoder is given as many positions as there are in the mask, which tells of the encoder's."""
    return any(_like(array, batch[mask]) for name, array in batch.items() if name.startswith(DECODER))


def _others(case: Case, sizes: Collection[int]) -> Iterator[Case]:
    """The same in the next width above and the next below that is nothing else's; none where that holds of its own."""
    mask = case.batch[case.truth.mask]
    width, taken = mask.shape[1], {*sizes, *_lengths(case)}
    if width not in taken:
        return
    least = int(np.flatnonzero(mask.any(axis=0)).max(initial=0)) + 1  # what is cut off there is nobody's
    above = next(one for one in count(width) if one not in taken)
    below = next((one for one in range(width - 1, least - 1, -1) if one not in taken), None)
    yield from (case.on(_resized(case, one)) for one in (above, below) if one is not None)


def _lengths(case: Case) -> Iterator[int]:
    """How many rows there are, how long what a decoder is given is, and an output that is as long along two axes."""
    yield case.size
    yield from (array.shape[1] for name, array in case.batch.items() if name.startswith(DECODER) and array.ndim > 1)
    for shape in (array.shape[1:] for array in case.truth.outputs[0].values()):
        yield from (size for size in shape if shape.count(size) > 1)


def _resized(case: Case, width: int) -> Arrays:
    batch, mask = case.batch, case.truth.mask
    own = {name for name, array in batch.items() if not name.startswith(DECODER) and _like(array, batch[mask])}
    return {name: _padded(array, width, real=name != mask) if name in own else array for name, array in batch.items()}


def _padded(array: Array, width: int, *, real: bool) -> Array:
    """Cut, or with its last position again and again, or with what is none."""
    last = array[:, -1:] if real else np.zeros_like(array[:, -1:])
    return np.concatenate([array[:, :width], np.repeat(last, max(0, width - array.shape[1]), axis=1)], axis=1)


def _like(array: Array, mask: Array) -> bool:
    return array.shape[:2] == mask.shape


def _runs(case: Case) -> bool:
    try:
        return bool(case.truth.outputs) and not case.crash
    except Exception:  # a model may take no more positions than it was given
        return False
