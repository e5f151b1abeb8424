"""How large an error may be: floating-point formats, the unit of an error, and how many units are allowed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import special

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_parity.protocols import Candidate

    Floats: TypeAlias = npt.NDArray[np.float64]

BOUND = 10  # the ratio at which an output fails by convention
FALSE_ALARM = 1e-6  # the probability of a failure by chance, per output
PRIOR_FREEDOM = 4.0  # of the expected noise, in degrees of freedom


@dataclass(frozen=True)
class Precision:
    """A floating-point format: `eps` is the step from 1 to the next number, `largest` the largest finite number.

    `least` is the smallest positive number that runtimes do not flush to zero. A candidate's largest error may be
    `allowed` times the baseline's largest error, its root mean square error in a channel or row `allowed_root` times
    the baseline's, and in any case `roundings` eps of the largest value. Over 24 rows, sound exports of 26
    architectures (`tests/benchmarks/architectures.py`) err at most 2.6 times as much as PyTorch in float32 and 1.7
    times in float16. Two implementations of attention in 16 bits differ by factors of up to 3 in their largest errors
    and 2.7 in root mean squares. Ten times the error is invisible to users in float32. In 16 bits it changes a
    probability, so less is allowed.
    """

    name: str
    eps: float
    largest: float
    least: float
    allowed: float = 10.0
    allowed_root: float = 10.0
    roundings: float = 8.0

    @property
    def floor(self) -> float:
        """The lower bound of the unit of error, as a share of the largest value."""
        return self.roundings / self.allowed * self.eps


HALF = {"allowed": 4.0, "allowed_root": 3.0, "roundings": 2.0}


PRECISIONS = {
    "float64": Precision("float64", 2.0**-52, (2 - 2.0**-52) * 2.0**1023, 2.0**-1022),
    "float32": Precision("float32", 2.0**-23, (2 - 2.0**-23) * 2.0**127, 2.0**-126),
    "bfloat16": Precision("bfloat16", 2.0**-7, (2 - 2.0**-7) * 2.0**127, 2.0**-126, **HALF),
    "float16": Precision("float16", 2.0**-10, (2 - 2.0**-10) * 2.0**15, 2.0**-24, **HALF),
}


def precision_name(runner: Candidate) -> str:
    """The precision that a runner reports in its facts; float32 if it reports none."""
    return runner.facts.precision or "float32"


def output_precision(name: str) -> Precision:
    """The format of the outputs of a model in some precision: models of integer weights give float32."""
    return PRECISIONS.get(name, PRECISIONS["float32"])


def nearest_float32(array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Numbers as float32; finite ones beyond its range, such as the fill value of a mask in float64, are clipped."""
    largest = np.finfo(np.float32).max
    return np.where(np.isfinite(array), np.clip(array, -largest, largest), array).astype(np.float32)


def error_unit(noise: Floats | float, magnitude: Floats | float, floor: float, least: float = 0.0) -> Floats:
    """The unit of an error: the baseline's error `noise`, but at least `floor` times `magnitude` plus `least`.

    `magnitude` is the largest exact value, `floor` that of a `Precision`. The floor keeps a few roundings from counting
    as an error where the baseline happens to be exact. Arrays are taken elementwise.
    """
    return np.asarray(np.maximum(noise, floor * np.asarray(magnitude) + least), np.float64)


def moderate_noise(noise: Floats, expected: Floats, freedom: Floats) -> Floats:
    """The noise of groups, raised towards what is expected of them: the fewer degrees of freedom, the more."""
    return np.maximum(noise, np.sqrt((freedom * noise**2 + PRIOR_FREEDOM * expected**2) / (freedom + PRIOR_FREEDOM)))


def chance_limit(freedom: Floats, groups: int) -> Floats:
    """How many units the worst of so many groups may be off by chance: the square root of an F quantile."""
    below = special.betaincinv((freedom + PRIOR_FREEDOM) / 2, freedom / 2, FALSE_ALARM / groups)
    return np.asarray(np.sqrt((freedom + PRIOR_FREEDOM) / freedom * (1 / below - 1)))


def allowed_units(numbers: int, allowed: float) -> float:
    """How many units an output of so many numbers may be off: the larger of what is allowed and what chance may do."""
    return max(allowed, float(chance_limit(np.array(float(numbers)), 1))) if numbers else allowed


def in_units(error: float, unit: float) -> float:
    """An error in some unit; infinite for an error where the unit is 0."""
    if not error:
        return 0.0
    return error / unit if unit else math.inf


def as_ratio(units: float, allowed: float) -> float:
    """Units of error on the scale of a ratio: 1 is as much as the baseline errs, `BOUND` is as much as is allowed."""
    return units if units <= 1 or allowed == BOUND else 1 + (BOUND - 1) * (units - 1) / (allowed - 1)
