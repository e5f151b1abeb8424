"""Estimates: a number, and the interval that it lies in at any confidence asked for.

Every estimate has `value`, `rows` (how many rows had a say), `method` (how its interval is made), `span` (the range that
it cannot leave) and `interval(confidence)`, which is two-sided and lies within the span, or None where there is none,
for the reason that `flaw` says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from scipy import special

Interval: TypeAlias = "tuple[float, float] | None"
Span: TypeAlias = "tuple[float, float]"

ANYWHERE: Span = (-math.inf, math.inf)


class Estimate(Protocol):
    """What all estimates have in common."""

    @property
    def value(self) -> float: ...
    @property
    def rows(self) -> int: ...
    @property
    def method(self) -> str: ...
    @property
    def span(self) -> Span: ...
    @property
    def flaw(self) -> str:
        """Why it has no interval, as the rest of a sentence about it; empty where it has one, or needs none."""

    def interval(self, confidence: float) -> Interval: ...


@dataclass(frozen=True)
class Whole:
    """A number of the whole population, such as a largest difference: it has no interval and needs none."""

    value: float
    rows: int
    method: str = "none"
    flaw: str = ""
    span: Span = ANYWHERE

    def interval(self, confidence: float) -> Interval:
        return None


@dataclass(frozen=True)
class Undefined:
    """What has no value on these rows; with `never`, nor on any others."""

    rows: int
    flaw: str
    value: float = math.nan
    method: str = "none"
    never: bool = False
    span: Span = ANYWHERE

    def interval(self, confidence: float) -> Interval:
        return None


@dataclass(frozen=True)
class Mean:
    """A mean of rows, with its standard error and Student's t, cut off where its `span` ends."""

    value: float
    error: float
    freedom: float
    rows: int
    method: str = "t"
    span: Span = ANYWHERE

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
        return within(self.value - reach, self.value + reach, self.span)


def within(low: float, high: float, span: Span) -> tuple[float, float]:
    """An interval without what lies beyond a span."""
    return max(low, span[0]), min(high, span[1])


def span_of_difference(first: Span, second: Span) -> Span:
    """Where one number less another can lie."""
    return first[0] - second[1], first[1] - second[0]
