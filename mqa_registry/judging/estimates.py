"""Estimates: a number, and the interval that it lies in at any confidence asked for.

Every estimate has `value`, `rows` (how many rows had a say), `method` (how its interval is made) and
`interval(confidence)`, which is two-sided, or None where there is none, for the reason that `flaw` says; `draws(rng,
count)` are values it might as well have had.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from scipy import special

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

Interval: TypeAlias = "tuple[float, float] | None"


class Estimate(Protocol):
    """What all estimates have in common."""

    @property
    def value(self) -> float: ...
    @property
    def rows(self) -> int: ...
    @property
    def method(self) -> str: ...
    @property
    def flaw(self) -> str:
        """Why it has no interval, as the rest of a sentence about it; empty where it has one, or needs none."""

    def interval(self, confidence: float) -> Interval: ...
    def draws(self, rng: np.random.Generator, count: int) -> Floats: ...


@dataclass(frozen=True)
class Whole:
    """A number of the whole population, such as a largest difference: it has no interval and needs none."""

    value: float
    rows: int
    method: str = "none"
    flaw: str = ""

    def interval(self, confidence: float) -> Interval:
        return None

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        return np.full(count, self.value)


@dataclass(frozen=True)
class Undefined:
    """What has no value on these rows; with `never`, nor on any others."""

    rows: int
    flaw: str
    value: float = math.nan
    method: str = "none"
    never: bool = False

    def interval(self, confidence: float) -> Interval:
        return None

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        return np.full(count, math.nan)


@dataclass(frozen=True)
class Mean:
    """A mean of rows, with its standard error and Student's t."""

    value: float
    error: float
    freedom: float
    rows: int
    method: str = "t"

    @property
    def flaw(self) -> str:
        if not self.freedom > 0:
            unit = "cluster" if self.method.startswith("cluster") else "row"
            return f"rests on one {unit}, which shows nothing of how others would differ"
        if self.error == 0:
            return "is the same in every row, which shows nothing of how others would differ"
        return ""

    def interval(self, confidence: float) -> Interval:
        if self.flaw:
            return None
        reach = self.error * float(special.stdtrit(self.freedom, (1 + confidence) / 2))
        return self.value - reach, self.value + reach

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        return rng.normal(self.value, 0.0 if self.flaw else self.error, count)
