"""Two numbers of different rows: how far they lie apart, and how many times as large the one is as the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from mqa_registry.judging.bootstrap import Resampled
from mqa_registry.judging.bounded import BoundedMean
from mqa_registry.judging.estimates import span_of_difference, within
from mqa_registry.judging.formulas import mover_difference, mover_ratio, widest_ratio
from mqa_registry.judging.quantiles import OrderStatistic

if TYPE_CHECKING:
    from mqa_registry.judging.estimates import Estimate, Interval, Span
    from mqa_registry.judging.formulas import Ends

INFINITE = "is undefined, since a number that it is made of is infinite"


@dataclass(frozen=True)
class _TwoNumbers:
    """Two estimates, each of its own rows."""

    first: Estimate
    second: Estimate

    @property
    def rows(self) -> int:
        return self.first.rows + self.second.rows

    @property
    def flaw(self) -> str:
        finite = math.isfinite(self.first.value) and math.isfinite(self.second.value)
        return self.first.flaw or self.second.flaw or ("" if finite else INFINITE)

    def of_rows(self, rows: int) -> Self | None:
        """The same of another number of rows together, divided as these are; None where an estimate knows no other."""
        pair = []
        for one in (self.first, self.second):
            if not isinstance(one, Resampled | BoundedMean | OrderStatistic):
                return None
            pair.append(one.of_rows(max(1, round(one.rows * rows / self.rows))))
        return replace(self, first=pair[0], second=pair[1])

    def _method(self, name: str) -> str:
        clustered = "cluster" in self.first.method + self.second.method
        return f"cluster unpaired {name}" if clustered else f"unpaired {name}"

    def _intervals(self, confidence: float) -> tuple[Ends, Ends] | None:
        one, two = self.first.interval(confidence), self.second.interval(confidence)
        return None if self.flaw or one is None or two is None else (one, two)


@dataclass(frozen=True)
class NumberDifference(_TwoNumbers):
    """One less the other, from the interval of each by the method of variance estimates recovery; open where one is."""

    @property
    def value(self) -> float:
        return self.first.value - self.second.value

    @property
    def span(self) -> Span:
        return span_of_difference(self.first.span, self.second.span)

    @property
    def method(self) -> str:
        return self._method("mover")

    def interval(self, confidence: float) -> Interval:
        both = self._intervals(confidence)
        if both is None:
            return None
        return within(*mover_difference(self.first.value, self.second.value, *both), self.span)


@dataclass(frozen=True)
class NumberRatio(_TwoNumbers):
    """One by the other, by the same method; where they are quantiles or may be below 0, by Bonferroni's.

    That is the widest ratio of the intervals of each with half of the misses that are allowed. Open where the divisor
    may be 0 or less.
    """

    @property
    def value(self) -> float:
        return self.first.value / self.second.value

    @property
    def span(self) -> Span:
        return (0.0 if self._from_zero else -math.inf), math.inf

    @property
    def method(self) -> str:
        return self._method("mover" if self._recovers else "bonferroni")

    def interval(self, confidence: float) -> Interval:
        both = self._intervals(confidence if self._recovers else (1 + confidence) / 2)
        if both is None:
            return None
        if not self._recovers:
            return within(*widest_ratio(*both), self.span)
        return within(*mover_ratio(self.first.value, self.second.value, *both), self.span)

    @property
    def _from_zero(self) -> bool:
        return min(self.first.span[0], self.second.span[0]) >= 0

    @property
    def _recovers(self) -> bool:
        return self._from_zero and not isinstance(self.first, OrderStatistic)
