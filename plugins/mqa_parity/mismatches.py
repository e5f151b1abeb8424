"""Differences that no tolerance may cover: other outputs, other types and shapes, numbers that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.precision import Precision

    Array: TypeAlias = npt.NDArray[Any]


NAMELESS = "output"  # how the outputs begin that the model itself does not name


def paired(reference: Iterable[str], candidate: Iterable[str]) -> dict[str, str]:
    """Per output of the reference the candidate's name for it: the same, or its place among as many.

    Places count for an only output, and where the reference's have no names of their own.
    """
    ours, theirs = list(reference), list(candidate)
    nameless = all(name.startswith(NAMELESS) for name in ours)
    if len(ours) == len(theirs) and (len(ours) == 1 or (nameless and not set(ours) & set(theirs))):
        return dict(zip(ours, theirs, strict=True))
    return {name: name for name in ours if name in theirs}


def unlike(peer: Array, candidate: Array) -> str:
    """How the type or the shape of an output differs, or nothing."""
    if peer.dtype != candidate.dtype:
        return f"{candidate.dtype} instead of {peer.dtype}"
    if peer.shape != candidate.shape:
        return f"shape {candidate.shape} instead of {peer.shape}"
    return ""


def off_scale(exact: Array, form: Precision) -> npt.NDArray[np.bool_]:
    """Where an exact number has no finite place in a format: an infinity, or the least number of float64 in a mask."""
    if exact.dtype.kind != "f":
        return np.zeros(exact.shape, dtype=bool)
    return np.asarray(~(np.abs(exact) <= form.largest))


def broken(exact: Array, peer: Array, candidate: Array, form: Precision, ties: Array | None = None) -> str:
    """Why some elements of an output cannot be held against the exact ones, or nothing.

    Numbers without a fraction must be equal, but where PyTorch itself does not find the exact one, and where `ties` are
    true.
    """
    if exact.dtype.kind != "f":
        other = (candidate != peer) & (peer == exact)
        other = other if ties is None else other & ~ties
        return f"{np.count_nonzero(other):,} of {exact.size:,} are other integers" if other.any() else ""
    off = off_scale(exact, form)
    bare = ~np.isfinite(candidate) & ~off
    if bare.any():
        return f"{np.count_nonzero(bare):,} of {exact.size:,} are NaN or Inf"
    short = off & ~((np.abs(candidate) >= form.largest) & (np.sign(candidate) == np.sign(exact)))
    return (
        f"{np.count_nonzero(short):,} of {exact.size:,} are finite where they should be infinite" if short.any() else ""
    )


def undefined(exact: Array, peer: Array, form: Precision) -> str:
    """What is wrong with the reference's own numbers, or nothing; where one has no place in a format it may be Inf."""
    if exact.dtype.kind != "f":
        return ""
    if np.isnan(exact).any() or np.isnan(peer).any():
        return "NaN"
    return "Inf" if (~np.isfinite(peer) & ~off_scale(exact, form)).any() else ""
