"""Estimates: a number, and the interval that it lies in at any confidence asked for.

Every estimate has `value`, `rows` (how many rows had a say), `method` (how its interval is made) and
`interval(confidence)`, which is two-sided, or None where there is none; `draws(rng, count)` are values it might as well
have had.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Callable

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

    def interval(self, confidence: float) -> Interval: ...
    def draws(self, rng: np.random.Generator, count: int) -> Floats: ...


@dataclass(frozen=True)
class Whole:
    """A number of the whole population, such as a largest difference: it has no interval."""

    value: float
    rows: int
    method: str = "none"

    def interval(self, confidence: float) -> Interval:
        return None

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        return np.full(count, self.value)


@dataclass(frozen=True)
class Proportion:
    """A share of rows, with the exact interval of Clopper and Pearson (Biometrika 26, 1934)."""

    successes: int
    rows: int
    method: str = "exact"

    @property
    def value(self) -> float:
        return self.successes / self.rows if self.rows else math.nan

    def interval(self, confidence: float) -> Interval:
        tail = (1 - confidence) / 2
        won, lost = self.successes, self.rows - self.successes
        low = float(special.betaincinv(won, lost + 1, tail)) if won else 0.0
        high = float(special.betaincinv(won + 1, lost, 1 - tail)) if lost else 1.0
        return low, high

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        return rng.binomial(self.rows, self.value, count) / self.rows


@dataclass(frozen=True)
class Mean:
    """A mean of rows, with its standard error and Student's t."""

    value: float
    error: float
    freedom: float
    rows: int
    method: str = "t"

    def interval(self, confidence: float) -> Interval:
        if not self.freedom > 0 or self.error == 0:
            return None  # rows that are all alike say nothing of how others would differ
        reach = self.error * float(special.stdtrit(self.freedom, (1 + confidence) / 2))
        return self.value - reach, self.value + reach

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        return rng.normal(self.value, self.error, count)


@dataclass(frozen=True)
class PairedProportions:
    """The drop of a share between two answers to the same rows, with the score interval of Tango (Stat. Med. 17, 1998).

    `lost` rows were right and are wrong now, `won` rows the other way round.
    """

    lost: int
    won: int
    rows: int
    method: str = "tango"

    @property
    def value(self) -> float:
        return (self.lost - self.won) / self.rows if self.rows else math.nan

    def interval(self, confidence: float) -> Interval:
        reach = float(special.ndtri((1 + confidence) / 2))
        return _root(lambda drop: self._score(drop) - reach), _root(lambda drop: self._score(drop) + reach)

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        cells = rng.multinomial(self.rows, [self.lost / self.rows, self.won / self.rows, 1.0], count)
        return (cells[:, 0] - cells[:, 1]) / self.rows

    def _score(self, drop: float) -> float:
        """How many standard errors the observed drop lies above `drop`; falls as `drop` rises."""
        rows, lost, won = self.rows, self.lost, self.won
        linear = -lost - won + (2 * rows - lost + won) * drop
        constant = -won * drop * (1 - drop)
        share = (math.sqrt(max(0.0, linear**2 - 8 * rows * constant)) - linear) / (4 * rows)
        variance = rows * (2 * share + drop * (1 - drop))
        distance = lost - won - rows * drop
        if variance <= 0:
            return math.copysign(math.inf, distance) if distance else 0.0
        return distance / math.sqrt(variance)


@dataclass(frozen=True)
class UnpairedProportions:
    """The difference of two shares of different rows, with Newcombe's hybrid score interval (Stat. Med. 17, 1998)."""

    first: Proportion
    second: Proportion
    method: str = "newcombe"

    @property
    def value(self) -> float:
        return self.first.value - self.second.value

    @property
    def rows(self) -> int:
        return self.first.rows + self.second.rows

    def interval(self, confidence: float) -> Interval:
        (low_1, high_1), (low_2, high_2) = wilson(self.first, confidence), wilson(self.second, confidence)
        one, two = self.first.value, self.second.value
        return (
            self.value - math.hypot(one - low_1, high_2 - two),
            self.value + math.hypot(high_1 - one, two - low_2),
        )

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        return self.first.draws(rng, count) - self.second.draws(rng, count)


@dataclass(frozen=True)
class Resampled:
    """A number with its bootstrap replicates, and Efron's BCa interval (J. Am. Stat. Assoc. 82, 1987).

    `squares` and `cubes` are the sums over rows of the second and third power of the jackknife influences, from which
    the acceleration follows. Where all replicates agree there is no interval.
    """

    value: float
    rows: int
    replicates: Floats
    squares: float = 0.0
    cubes: float = 0.0
    method: str = "bca"

    def interval(self, confidence: float) -> Interval:
        known = self.replicates[np.isfinite(self.replicates)]
        if len(known) < 0.9 * len(self.replicates) or np.ptp(known) == 0 or not math.isfinite(self.value):
            return None
        below = (known < self.value).mean() + (known == self.value).mean() / 2
        if not 0 < below < 1:
            return float(known.min()), float(known.max())
        bias = special.ndtri(below)
        acceleration = self.cubes / (6 * self.squares**1.5) if self.squares > 0 else 0.0
        reach = bias + special.ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
        levels = special.ndtr(bias + reach / (1 - acceleration * reach))
        low, high = np.quantile(known, np.clip(levels, 0, 1))
        return float(low), float(high)

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        return rng.choice(self.replicates, count)


def wilson(share: Proportion, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a share (J. Am. Stat. Assoc. 22, 1927)."""
    reach = float(special.ndtri((1 + confidence) / 2)) ** 2 / share.rows
    middle = (share.value + reach / 2) / (1 + reach)
    half = math.sqrt(share.value * (1 - share.value) * reach + reach**2 / 4) / (1 + reach)
    return max(0.0, middle - half), min(1.0, middle + half)


def _root(function: Callable[[float], float]) -> float:
    """Where a falling function of a difference of shares crosses zero, between -1 and 1."""
    low, high = -1.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return (low + high) / 2
