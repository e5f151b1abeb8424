"""Estimates: a number with its confidence interval at any level, and claims that it lies between two bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

Ends: TypeAlias = "tuple[float, float]"  # of an interval, the lower first; infinite where it is open
Interval: TypeAlias = "Ends | None"
Span: TypeAlias = "tuple[float, float]"  # the range that a number cannot leave

UNBOUNDED: Span = (-math.inf, math.inf)
NO_ROWS = "is undefined, since no row counts"


class Estimate(Protocol):
    """What all estimates have in common."""

    @property
    def value(self) -> float:
        """The point estimate; NaN where it is undefined."""

    @property
    def rows(self) -> int:
        """How many rows it was made of."""

    @property
    def method(self) -> str:
        """How its interval is made: `exact`, `tango`, `bca`, ...; `none` where it has none by nature."""

    @property
    def span(self) -> Span:
        """The range that the number cannot leave."""

    @property
    def undefined_reason(self) -> str:
        """Why it has no interval, as the rest of a sentence about it; empty where it has one, or needs none."""

    @property
    def never_settles(self) -> bool:
        """Whether no number of rows like these would narrow its interval to nothing."""

    def interval(self, confidence: float) -> Interval:
        """The two-sided interval at a level such as 0.95, within the span; None where there is none."""

    def with_rows(self, rows: int) -> Estimate | None:
        """The estimate of another number of rows like these; None where that cannot be known."""


@dataclass(frozen=True)
class PointEstimate:
    """A number of the whole population, such as a largest difference: it has no interval and needs none."""

    value: float
    rows: int
    method: str = "none"
    undefined_reason: str = ""
    span: Span = UNBOUNDED
    never_settles = False

    def interval(self, confidence: float) -> Interval:
        return None

    def with_rows(self, rows: int) -> Estimate | None:
        return None


@dataclass(frozen=True)
class Undefined:
    """What has no value on these rows; where it `never_settles`, nor on any others."""

    rows: int
    undefined_reason: str
    never_settles: bool = False
    value: float = math.nan
    method: str = "none"
    span: Span = UNBOUNDED

    def interval(self, confidence: float) -> Interval:
        return None

    def with_rows(self, rows: int) -> Estimate | None:
        return None


@dataclass(frozen=True)
class ShortfallEstimate:
    """How far an estimate falls short of a fixed number `origin`: the origin less the estimate.

    Where `less_is_better`, it is the estimate less the origin. Its interval is that of the estimate, mirrored or moved.
    """

    estimate: Estimate
    origin: float
    less_is_better: bool = False

    @property
    def value(self) -> float:
        return self.estimate.value - self.origin if self.less_is_better else self.origin - self.estimate.value

    @property
    def rows(self) -> int:
        return self.estimate.rows

    @property
    def method(self) -> str:
        return self.estimate.method

    @property
    def undefined_reason(self) -> str:
        return self.estimate.undefined_reason

    @property
    def never_settles(self) -> bool:
        return self.estimate.never_settles

    @property
    def span(self) -> Span:
        return self._from_origin(self.estimate.span)

    def interval(self, confidence: float) -> Interval:
        interval = self.estimate.interval(confidence)
        return interval and self._from_origin(interval)

    def with_rows(self, rows: int) -> Estimate | None:
        estimate = self.estimate.with_rows(rows)
        return estimate and replace(self, estimate=estimate)

    def _from_origin(self, ends: Ends) -> Ends:
        low, high = ends
        return (
            (low - self.origin, high - self.origin) if self.less_is_better else (self.origin - high, self.origin - low)
        )


def estimate_point(value: float, rows: int, span: Span) -> PointEstimate | Undefined:
    """The estimate of a number that has no interval, of so many rows; undefined where it is NaN."""
    return Undefined(rows, explain_undefined(rows)) if math.isnan(value) else PointEstimate(value, rows, span=span)


@dataclass(frozen=True, eq=False)
class Claim:
    """That an estimate is at least `low` and at most `high`.

    `text` names the number in sentences. `name` is the name under which reports have it, where that is another. A claim
    that does not hold fails beyond `failing`, where those are other ends than `low` and `high`.
    """

    text: str
    estimate: Estimate
    low: float = -math.inf
    high: float = math.inf
    name: str = ""
    failing: Ends | None = None

    @property
    def failing_ends(self) -> Ends:
        """The ends beyond which it fails."""
        return self.failing or (self.low, self.high)

    @property
    def number_name(self) -> str:
        """The name of the number that it is about."""
        return self.name or self.text

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.estimate.value)

    @property
    def nearest_bound_is_above(self) -> bool:
        """Whether the near bound lies above the estimate, so that the interval has to shrink from above to clear it."""
        value = self.estimate.value
        near = min(self.low, self.high, key=lambda bound: abs(bound - value))
        return near > value or near == value == self.high

    def holds(self, confidence: float) -> bool:
        """Whether the whole interval lies inside; a number without an interval stands for itself."""
        low, high = self._interval(confidence)
        return self.low <= low and high <= self.high

    def fails(self, confidence: float) -> bool:
        """Whether the whole interval lies outside of the failing ends, on one side."""
        low, high = self._interval(confidence)
        below, above = self.failing_ends
        return high < below or low > above

    def holds_at_point(self) -> bool:
        """Whether the bare estimate lies inside."""
        return self.low <= self.estimate.value <= self.high

    def is_settled(self, confidence: float, fail_confidence: float) -> bool:
        """Whether it holds at one level, or fails at the other."""
        return self.holds(confidence) or self.fails(fail_confidence)

    def _interval(self, confidence: float) -> Ends:
        if self.estimate.method == "none":
            return self.estimate.value, self.estimate.value
        return self.estimate.interval(confidence) or UNBOUNDED


def clip_to_span(low: float, high: float, span: Span) -> Ends:
    """An interval without what lies beyond a span."""
    return max(low, span[0]), min(high, span[1])


def difference_span(first: Span, second: Span) -> Span:
    """The range of one number less another."""
    return first[0] - second[1], first[1] - second[0]


def explain_undefined(rows: int) -> str:
    """The reason of a number that came out as NaN."""
    return f"is undefined on {format_rows(rows)}"


def explain_one_unit(unit: str) -> str:
    """The reason of an estimate that rests on one row or cluster alone."""
    return f"rests on one {unit}, which shows nothing of how others would differ"


def format_rows(rows: int) -> str:
    """`1 row`, `4,200 rows`."""
    return f"{rows:,} {'row' if rows == 1 else 'rows'}"
