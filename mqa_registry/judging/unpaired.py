"""Two quantiles of different rows: how far they lie apart, and how many times as large the one is as the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mqa_registry.judging.estimates import Interval
    from mqa_registry.judging.quantiles import OrderStatistic

    Floats: TypeAlias = npt.NDArray[np.float64]

INFINITE = "is undefined, since a quantile that it is made of is infinite"


@dataclass(frozen=True)
class _TwoQuantiles:
    first: OrderStatistic
    second: OrderStatistic

    @property
    def rows(self) -> int:
        return self.first.rows + self.second.rows

    @property
    def method(self) -> str:
        return "cluster unpaired" if self.first.design or self.second.design else "unpaired"

    @property
    def flaw(self) -> str:
        finite = math.isfinite(self.first.value) and math.isfinite(self.second.value)
        return self.first.flaw or self.second.flaw or ("" if finite else INFINITE)

    def _intervals(self, confidence: float) -> tuple[tuple[float, float], tuple[float, float]] | None:
        one, two = self.first.interval(confidence), self.second.interval(confidence)
        return None if self.flaw or one is None or two is None else (one, two)


@dataclass(frozen=True)
class QuantileDifference(_TwoQuantiles):
    """One less the other, from the interval of each by the method of variance estimates recovery; open where one is.

    Donner and Zou, Stat. Methods Med. Res. 21, 2012.
    """

    @property
    def value(self) -> float:
        return self.first.value - self.second.value

    @property
    def method(self) -> str:
        return f"{super().method} mover"

    def interval(self, confidence: float) -> Interval:
        both = self._intervals(confidence)
        if both is None:
            return None
        (low_1, high_1), (low_2, high_2) = both
        one, two = self.first.value, self.second.value
        return (
            self.value - math.hypot(one - low_1, high_2 - two),
            self.value + math.hypot(high_1 - one, two - low_2),
        )

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        return self.first.draws(rng, count) - self.second.draws(rng, count)


@dataclass(frozen=True)
class QuantileRatio(_TwoQuantiles):
    """One by the other, from the interval of each with half of the misses that are allowed (Bonferroni).

    Open on both sides where the divisor may be 0 or less.
    """

    @property
    def value(self) -> float:
        return self.first.value / self.second.value

    @property
    def method(self) -> str:
        return f"{super().method} bonferroni"

    def interval(self, confidence: float) -> Interval:
        both = self._intervals((1 + confidence) / 2)
        if both is None:
            return None
        (low_1, high_1), (low_2, high_2) = both
        if low_2 <= 0:
            return -math.inf, math.inf
        return low_1 / (high_2 if low_1 > 0 else low_2), high_1 / (low_2 if high_1 > 0 else high_2)

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        return self.first.draws(rng, count) / self.second.draws(rng, count)
