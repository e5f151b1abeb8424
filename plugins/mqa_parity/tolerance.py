"""How large an error may be: the unit it is measured in, and what a precision or chance allows of that unit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import special

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

BOUND = 10  # the ratio at which an output fails by convention
FALSE_ALARM = 1e-6  # the probability of a failure by chance, per output
PRIOR_FREEDOM = 4.0  # of the expected noise, in degrees of freedom


def yardstick(noise: Floats | float, magnitude: Floats | float, floor: float, least: float = 0.0) -> Floats:
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
