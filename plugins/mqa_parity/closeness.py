"""Comparisons of numbers that are near or far: whether the number of a row, or its vector, is close to the reference's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import numpy as np
from annotated_types import Ge

from mqa_parity.examples import round_for_report
from mqa_registry import DataError, Evidence, ExampleRow

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

Tolerance: TypeAlias = Annotated[float, Ge(0)]


def close(reference: Predictions, candidate: Predictions, *, atol: Tolerance = 1e-4, rtol: Tolerance = 1e-3) -> Bools:
    """The share of rows whose numbers are close to the reference's.

    From 0 to 1. A number is close where it is off by no more than `atol` and `rtol` times the reference's, as numpy has it;
    of a vector all have to be. `atol` is in the unit of the numbers: set it to what makes no difference to you.
    """
    one, other = _pair(reference, candidate)
    return np.asarray((np.abs(other - one) <= atol + rtol * np.abs(one)).all(axis=1))


def closeness_evidence(
    reference: Predictions, candidate: Predictions, *, atol: Tolerance = 1e-4, rtol: Tolerance = 1e-3
) -> Evidence:
    """The rows that are not close, the farthest first, with the largest absolute and relative difference."""
    one, other = _pair(reference, candidate)
    differences = np.abs(other - one)
    far = np.flatnonzero(~close(reference, candidate, atol=atol, rtol=rtol))
    far = far[np.argsort(-differences[far].max(axis=1), kind="stable")]
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(one != 0, differences / np.abs(one), np.nan)
    details = {
        "far": len(far),
        "max_abs_diff": round_for_report(float(differences.max(initial=0.0))),
        "max_rel_diff": round_for_report(float(np.nanmax(relative, initial=0.0))),
    }
    ids = reference.ids.take(far).to_pylist()
    examples = [
        ExampleRow(name, details={"difference": round_for_report(float(differences[row].max()))})
        for name, row in zip(ids, far, strict=True)
    ]
    remarks = [f"the farthest row is off by {details['max_abs_diff']:g}"] if len(far) else []
    return Evidence(remarks=remarks, examples=examples, details={"differences": details})


def _pair(reference: Predictions, candidate: Predictions) -> tuple[Floats, Floats]:
    """The numbers of both, each of shape (rows, numbers)."""
    one, other = (side.values.reshape(len(side), -1) for side in (reference, candidate))
    if one.shape != other.shape:
        raise DataError(f"a row has {one.shape[1]} numbers in the reference, and {other.shape[1]} in the candidate")
    return one, other
