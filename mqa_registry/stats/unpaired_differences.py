"""Two estimates of different rows: how far they lie apart, and how many times as large the one is as the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from mqa_registry.stats.bootstrap import BootstrapEstimate
from mqa_registry.stats.estimates import PointEstimate, Undefined, clip_to_span, difference_span
from mqa_registry.stats.means import BoundedMean, Mean, welch_difference
from mqa_registry.stats.proportions import Proportion, wilson_interval
from mqa_registry.stats.quantiles import OrderStatistic

if TYPE_CHECKING:
    from mqa_registry.stats.estimates import Ends, Estimate, Interval, Span

INFINITE = "is undefined, since a number that it is made of is infinite"


def difference(first: Estimate, second: Estimate) -> Estimate:
    """One estimate less another, of different rows."""
    rows = first.rows + second.rows
    if (reason := _undefined_reason(first, second)) is not None:
        return Undefined(rows, reason)
    if isinstance(first, Proportion) and isinstance(second, Proportion):
        return ProportionDifference(first, second)
    if isinstance(first, PointEstimate) or isinstance(second, PointEstimate):
        return PointEstimate(first.value - second.value, rows, span=difference_span(first.span, second.span))
    if isinstance(first, Mean | Proportion) and isinstance(second, Mean | Proportion):
        return welch_difference(_as_mean(first), _as_mean(second))
    return EstimateDifference(first, second)


def ratio(first: Estimate, second: Estimate) -> Estimate:
    """One estimate by another, of different rows."""
    rows = first.rows + second.rows
    if (reason := _undefined_reason(first, second)) is not None:
        return Undefined(rows, reason)
    if not second.value:
        return Undefined(rows, "is undefined, since the larger of the two is 0")
    if isinstance(first, Proportion) and isinstance(second, Proportion):
        return ProportionRatio(first, second)
    if isinstance(first, PointEstimate) or isinstance(second, PointEstimate):
        return PointEstimate(first.value / second.value, rows)
    return EstimateRatio(first, second)


@dataclass(frozen=True)
class _TwoProportions:
    """Two proportions of different rows.

    Two groups that have rows of the same clusters are taken as drawn apart, which errs on the side of too wide.
    """

    first: Proportion
    second: Proportion
    never_settles = False

    @property
    def rows(self) -> int:
        return self.first.rows + self.second.rows

    @property
    def undefined_reason(self) -> str:
        return self.first.undefined_reason or self.second.undefined_reason

    def with_rows(self, rows: int) -> Self:
        """The same of another number of rows together, divided as these are."""
        first, second = (one.resized(max(1, round(one.rows * rows / self.rows))) for one in (self.first, self.second))
        return replace(self, first=first, second=second)

    def _method(self, name: str) -> str:
        return f"cluster {name}" if self.first.design or self.second.design else name

    def _wilson_intervals(self, confidence: float) -> tuple[Ends, Ends]:
        one, two = (
            wilson_interval(each.value, each.effective_rows(confidence), confidence)
            for each in (self.first, self.second)
        )
        return one, two


@dataclass(frozen=True)
class ProportionDifference(_TwoProportions):
    """The difference of two proportions of different rows, with Newcombe's hybrid score interval (Stat. Med. 17, 1998)."""

    span: Span = (-1.0, 1.0)

    @property
    def value(self) -> float:
        return self.first.value - self.second.value

    @property
    def method(self) -> str:
        return self._method("newcombe")

    def interval(self, confidence: float) -> Interval:
        if self.undefined_reason:
            return None
        return mover_difference(self.first.value, self.second.value, *self._wilson_intervals(confidence))


@dataclass(frozen=True)
class ProportionRatio(_TwoProportions):
    """One proportion by another, of different rows, by the method of variance estimates recovery from Wilson's intervals.

    Donner and Zou, Stat. Methods Med. Res. 21, 2012; without an end above where the divisor may be 0.
    """

    span: Span = (0.0, math.inf)

    @property
    def value(self) -> float:
        return self.first.value / self.second.value

    @property
    def method(self) -> str:
        return self._method("mover")

    def interval(self, confidence: float) -> Interval:
        if self.undefined_reason:
            return None
        return mover_ratio(self.first.value, self.second.value, *self._wilson_intervals(confidence))


@dataclass(frozen=True)
class _TwoEstimates:
    """Two estimates of any kind, each of its own rows."""

    first: Estimate
    second: Estimate

    @property
    def rows(self) -> int:
        return self.first.rows + self.second.rows

    @property
    def undefined_reason(self) -> str:
        is_finite = math.isfinite(self.first.value) and math.isfinite(self.second.value)
        return self.first.undefined_reason or self.second.undefined_reason or ("" if is_finite else INFINITE)

    @property
    def never_settles(self) -> bool:
        return self.first.never_settles or self.second.never_settles

    def with_rows(self, rows: int) -> Self | None:
        """The same of another number of rows together, divided as these are; None where that cannot be known."""
        first, second = (_resized(one, max(1, round(one.rows * rows / self.rows))) for one in (self.first, self.second))
        return None if first is None or second is None else replace(self, first=first, second=second)

    def _method(self, name: str) -> str:
        is_clustered = "cluster" in self.first.method + self.second.method
        return f"cluster unpaired {name}" if is_clustered else f"unpaired {name}"

    def _intervals(self, confidence: float) -> tuple[Ends, Ends] | None:
        one, two = self.first.interval(confidence), self.second.interval(confidence)
        return None if self.undefined_reason or one is None or two is None else (one, two)


@dataclass(frozen=True)
class EstimateDifference(_TwoEstimates):
    """One less the other, from the interval of each by the method of variance estimates recovery; open where one is."""

    @property
    def value(self) -> float:
        return self.first.value - self.second.value

    @property
    def span(self) -> Span:
        return difference_span(self.first.span, self.second.span)

    @property
    def method(self) -> str:
        return self._method("mover")

    def interval(self, confidence: float) -> Interval:
        both = self._intervals(confidence)
        if both is None:
            return None
        return clip_to_span(*mover_difference(self.first.value, self.second.value, *both), self.span)


@dataclass(frozen=True)
class EstimateRatio(_TwoEstimates):
    """One by the other, by the same method; where they are quantiles or may be below 0, by Bonferroni's.

    That is the widest ratio of the intervals of each with half of the misses that are allowed. Open where the divisor
    may be 0 or less.
    """

    @property
    def value(self) -> float:
        return self.first.value / self.second.value

    @property
    def span(self) -> Span:
        return (0.0 if self._is_not_negative else -math.inf), math.inf

    @property
    def method(self) -> str:
        return self._method("mover" if self._recovers_variance else "bonferroni")

    def interval(self, confidence: float) -> Interval:
        both = self._intervals(confidence if self._recovers_variance else (1 + confidence) / 2)
        if both is None:
            return None
        if not self._recovers_variance:
            return clip_to_span(*widest_ratio(*both), self.span)
        return clip_to_span(*mover_ratio(self.first.value, self.second.value, *both), self.span)

    @property
    def _is_not_negative(self) -> bool:
        return min(self.first.span[0], self.second.span[0]) >= 0

    @property
    def _recovers_variance(self) -> bool:
        return self._is_not_negative and not isinstance(self.first, OrderStatistic)


def mover_difference(one: float, two: float, ends_of_one: Ends, ends_of_two: Ends) -> Ends:
    """The interval of one number less another, from the interval of each, of different rows; open where one is.

    The method of variance estimates recovery: Zou and Donner, Stat. Med. 27, 2008.
    """
    (low_1, high_1), (low_2, high_2) = ends_of_one, ends_of_two
    value = one - two
    return value - math.hypot(one - low_1, high_2 - two), value + math.hypot(high_1 - one, two - low_2)


def mover_ratio(one: float, two: float, ends_of_one: Ends, ends_of_two: Ends) -> Ends:
    """The same of one number by another, neither below 0; without an end above where the divisor may be 0.

    Donner and Zou, Stat. Methods Med. Res. 21, 2012.
    """
    (low_1, high_1), (low_2, high_2) = ends_of_one, ends_of_two
    if math.isinf(high_1) or math.isinf(high_2):
        return widest_ratio(ends_of_one, ends_of_two)
    product = one * two
    dividend, divisor = low_1 * (2 * one - low_1), high_2 * (2 * two - high_2)
    low = dividend / (product + math.sqrt(max(0.0, product**2 - dividend * divisor))) if dividend else 0.0
    dividend, divisor = high_1 * (2 * one - high_1), low_2 * (2 * two - low_2)
    rest = math.sqrt(max(0.0, product**2 - dividend * divisor))
    return low, (product + rest) / divisor if low_2 > 0 else math.inf


def widest_ratio(ends_of_one: Ends, ends_of_two: Ends) -> Ends:
    """The widest ratio that both intervals allow, open on both sides where the divisor may be 0 or less."""
    (low_1, high_1), (low_2, high_2) = ends_of_one, ends_of_two
    if low_2 <= 0:
        return -math.inf, math.inf
    return low_1 / (high_2 if low_1 > 0 else low_2), high_1 / (low_2 if high_1 > 0 else high_2)


def _undefined_reason(first: Estimate, second: Estimate) -> str | None:
    """The reason of the one that has no value; None where both have one."""
    return next((one.undefined_reason for one in (first, second) if math.isnan(one.value)), None)


def _as_mean(one: Proportion | Mean) -> Mean:
    """A proportion as a mean, to be compared with another mean, whose rows are not only right or wrong."""
    if isinstance(one, Mean):
        return one
    units, effect = (one.design.clusters, one.design.effect) if one.design else (one.rows, 1.0)
    error = math.sqrt(one.value * (1 - one.value) * effect / max(1, one.rows - 1))
    return Mean(one.value, error, units - 1, one.rows, "cluster t" if one.design else "t", one.span)


def _resized(one: Estimate, rows: int) -> Estimate | None:
    if isinstance(one, OrderStatistic):
        return one.resized(rows)
    return one.with_rows(rows) if isinstance(one, BootstrapEstimate | BoundedMean) else None
