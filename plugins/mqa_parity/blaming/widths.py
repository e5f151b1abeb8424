"""A decoder as wide as its encoder, whose positions the shape of an array does not tell from the encoder's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.sampling import DECODER

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from mqa_parity.blaming.case import Case

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]


def told_apart(case: Case) -> Case:
    """The same with one more position of padding for the encoder, where it had as many as the decoder and can be run so."""
    if not confused(case.batch, case.truth.mask):
        return case
    wider = case.on(_widened(case.batch, case.truth.mask))
    return wider if _runs(wider) else case


def confused(batch: Arrays, mask: str) -> bool:
    """Whether a decoder is given as many positions as there are in the mask, which tells of the encoder's."""
    return any(_like(array, batch[mask]) for name, array in batch.items() if name.startswith(DECODER))


def _widened(batch: Arrays, mask: str) -> Arrays:
    own = {name for name, array in batch.items() if not name.startswith(DECODER) and _like(array, batch[mask])}
    return {name: _padded(array, real=name != mask) if name in own else array for name, array in batch.items()}


def _padded(array: Array, *, real: bool) -> Array:
    """With its last position once more, or with one that is none."""
    last = array[:, -1:]
    return np.concatenate([array, last if real else np.zeros_like(last)], axis=1)


def _like(array: Array, mask: Array) -> bool:
    return array.shape[:2] == mask.shape


def _runs(case: Case) -> bool:
    try:
        return bool(case.truth.outputs) and not case.crash
    except Exception:  # a model may take no more positions than it was given
        return False
