"""How far one array lies from another that is exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]
    Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Errors:
    """What is known of the distance between a candidate's array and the exact one.

    `error` is the largest, `mean` and `p999` are the mean and the 99.9 % quantile; `noise` is the largest distance of
    the peer, who did the same in the same precision. `signal` and `distortion` are the sums of squares of the exact
    values and of the distances, `magnitude` is the largest exact value among those that the peer had to round.
    `outside` counts the elements that a fixed tolerance would refuse.
    """

    elements: int
    error: float
    noise: float
    mean: float
    p999: float
    signal: float
    distortion: float
    cosine: float
    magnitude: float
    outside: int


# Of what cannot be held against anything: so bad that no bound on any of these lets it pass.
BROKEN = Errors(
    elements=0,
    error=float("inf"),
    noise=0.0,
    mean=float("inf"),
    p999=float("inf"),
    signal=0.0,
    distortion=float("inf"),
    cosine=-1.0,
    magnitude=0.0,
    outside=1,
)


# Of what has no digits to lose: integers that are equal, or no numbers at all.
NONE = Errors(
    elements=0,
    error=0.0,
    noise=0.0,
    mean=0.0,
    p999=0.0,
    signal=0.0,
    distortion=0.0,
    cosine=float("nan"),
    magnitude=0.0,
    outside=0,
)


def errors(exact: Array, peer: Array, candidate: Array, *, atol: float, rtol: float) -> Errors:
    """The errors of finite numbers with a fraction.

    `outside` follows numpy's rule, |candidate - peer| > atol + rtol |peer|.
    """
    if not exact.size or exact.dtype.kind != "f":
        return NONE
    true, near, found = (np.asarray(values, np.float64).ravel() for values in (exact, peer, candidate))
    distances, noise = np.abs(found - true), np.abs(near - true)
    return Errors(
        elements=true.size,
        error=float(distances.max()),
        noise=float(noise.max()),
        mean=float(distances.mean()),
        p999=float(np.quantile(distances, 0.999)),
        signal=float(true @ true),
        distortion=float(distances @ distances),
        cosine=_cosine(true, found),
        magnitude=_magnitude(true, noise),
        outside=int(np.count_nonzero(np.abs(found - near) > atol + rtol * np.abs(near))),
    )


def _magnitude(true: Floats, noise: Floats) -> float:
    """Of the numbers that had to be rounded: a constant such as -10000 says nothing of how large the others are."""
    rounded = noise > 0
    return float(np.abs(true[rounded] if rounded.any() else true).max())


def _cosine(one: Floats, other: Floats) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else float("nan")
