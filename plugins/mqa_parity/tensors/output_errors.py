"""How one output differs from the oracle's: mismatches that no tolerance covers, rounding ties, and error statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_parity.protocols import SupportsValuesBeforeRounding
from mqa_parity.tolerance import error_unit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.runners import Runners
    from mqa_parity.tolerance import Precision

    Array: TypeAlias = npt.NDArray[Any]
    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ErrorStatistics:
    """The distances of a candidate's array from the oracle's.

    `error` is the largest distance, `mean` and `p999` are the mean and the 99.9 % quantile; `baseline_error` is the
    largest distance of the baseline. `signal` and `distortion` are the sums of squares of the exact values and of the distances,
    `magnitude` is the largest exact value among those that the baseline had to round. `outside` counts the elements that
    violate a fixed tolerance.
    """

    elements: int
    error: float
    baseline_error: float
    mean: float
    p999: float
    signal: float
    distortion: float
    cosine: float
    magnitude: float
    outside: int


# Of an output that cannot be compared: no bound on any of these numbers lets it pass.
BROKEN = ErrorStatistics(
    elements=0,
    error=float("inf"),
    baseline_error=0.0,
    mean=float("inf"),
    p999=float("inf"),
    signal=0.0,
    distortion=float("inf"),
    cosine=-1.0,
    magnitude=0.0,
    outside=1,
)

# Of an output that has no digits to lose: equal integers, or no elements.
NO_ERROR = ErrorStatistics(
    elements=0,
    error=0.0,
    baseline_error=0.0,
    mean=0.0,
    p999=0.0,
    signal=0.0,
    distortion=0.0,
    cosine=float("nan"),
    magnitude=0.0,
    outside=0,
)


def measure_errors(oracle: Array, baseline: Array, candidate: Array, *, atol: float, rtol: float) -> ErrorStatistics:
    """The errors of finite floating-point numbers.

    `outside` follows numpy's rule, |candidate - baseline| > atol + rtol |baseline|.
    """
    if not oracle.size or oracle.dtype.kind != "f":
        return NO_ERROR
    exact, base, found = (np.asarray(values, np.float64).ravel() for values in (oracle, baseline, candidate))
    distances, noise = np.abs(found - exact), np.abs(base - exact)
    return ErrorStatistics(
        elements=exact.size,
        error=float(distances.max()),
        baseline_error=float(noise.max()),
        mean=float(distances.mean()),
        p999=float(np.quantile(distances, 0.999)),
        signal=float(exact @ exact),
        distortion=float(distances @ distances),
        cosine=_compute_cosine(exact, found),
        magnitude=_find_magnitude(exact, noise),
        outside=int(np.count_nonzero(np.abs(found - base) > atol + rtol * np.abs(base))),
    )


def _find_magnitude(exact: Floats, noise: Floats) -> float:
    """The largest of the rounded numbers: an exact constant such as -10000 does not tell how large the others are."""
    rounded = noise > 0
    return float(np.abs(exact[rounded] if rounded.any() else exact).max())


def _compute_cosine(one: Floats, other: Floats) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else float("nan")


def find_form_mismatch(baseline: Array, candidate: Array) -> str:
    """How the type or the shape of an output differs, in words; empty if neither does."""
    if baseline.dtype != candidate.dtype:
        return f"{candidate.dtype} instead of {baseline.dtype}"
    if baseline.shape != candidate.shape:
        return f"shape {candidate.shape} instead of {baseline.shape}"
    return ""


def is_out_of_range(oracle: Array, precision: Precision) -> Bools:
    """Where an exact number is not finite in a format: an infinity, or the least number of float64 in a mask."""
    if oracle.dtype.kind != "f":
        return np.zeros(oracle.shape, dtype=bool)
    return np.asarray(~(np.abs(oracle) <= precision.largest))


def find_value_mismatch(
    oracle: Array, baseline: Array, candidate: Array, precision: Precision, ties: Bools | None = None
) -> str:
    """Which elements cannot be compared, in words: NaN, Inf, other integers; empty if there are none.

    Integers must be equal, except where the baseline itself differs from the oracle, and where `ties` are true.
    """
    if oracle.dtype.kind != "f":
        different = (candidate != baseline) & (baseline == oracle)
        different = different if ties is None else different & ~ties
        number = np.count_nonzero(different)
        return f"{number:,} of {oracle.size:,} are other integers" if number else ""
    infinite = is_out_of_range(oracle, precision)
    if number := np.count_nonzero(~np.isfinite(candidate) & ~infinite):
        return f"{number:,} of {oracle.size:,} are NaN or Inf"
    is_infinite = (np.abs(candidate) >= precision.largest) & (np.sign(candidate) == np.sign(oracle))
    number = np.count_nonzero(infinite & ~is_infinite)
    return f"{number:,} of {oracle.size:,} are finite where they should be infinite" if number else ""


def find_undefined(oracle: Array, baseline: Array, precision: Precision) -> str:
    """`NaN` or `Inf` where the reference itself gives such; empty otherwise, or where Inf is out of the format's range."""
    if oracle.dtype.kind != "f":
        return ""
    if np.isnan(oracle).any() or np.isnan(baseline).any():
        return "NaN"
    return "Inf" if (~np.isfinite(baseline) & ~is_out_of_range(oracle, precision)).any() else ""


def find_rounding_ties(
    runners: Runners, batch: Mapping[str, Array], pairs: Mapping[str, tuple[Array, Array]]
) -> dict[str, Bools]:
    """Per output the integers that are one step off at a tie; `pairs` are the baseline's and the candidate's outputs.

    The last bit of a pixel depends on which side of a half its brightness is, and two sound runtimes may differ in that.
    So one step is allowed where the oracle's unrounded number is no further from the threshold than a sound candidate's
    may be from that number. Labels and indices are not rounded, and get no step. Empty where nothing differs, or the
    reference does not show what it rounded.
    """
    differing = [
        name
        for name, (baseline, candidate) in pairs.items()
        if baseline.dtype.kind in "iu" and baseline.shape == candidate.shape and (baseline != candidate).any()
    ]
    oracle, baseline = runners.oracle, runners.baseline
    if (
        not differing
        or not isinstance(oracle, SupportsValuesBeforeRounding)
        or not isinstance(baseline, SupportsValuesBeforeRounding)
    ):
        return {}
    exact, base = oracle.values_before_rounding(batch), baseline.values_before_rounding(batch)
    return {
        name: _is_tie(exact[name][0], base[name][0], pairs[name], runners.precision, at_half=exact[name][1])
        for name in differing
        if name in exact and name in base and exact[name][0].shape == pairs[name][0].shape
    }


def _is_tie(exact: Array, base: Array, pair: tuple[Array, Array], precision: Precision, *, at_half: bool) -> Bools:
    noise = float(np.abs(base - exact).max(initial=0.0))
    reach = precision.allowed * error_unit(noise, np.abs(exact), precision.floor)
    lower, upper = (np.asarray(side(*pair), np.float64) for side in (np.minimum, np.maximum))
    threshold = (lower + upper) / 2 if at_half else np.rint(exact)
    was_rounded_here = (exact != threshold) | at_half  # a whole number was rounded earlier
    return np.asarray((upper - lower == 1) & (np.abs(exact - threshold) <= reach) & was_rounded_here)
