"""Means of scores: by Student's t, and of scores that cannot leave a range by Gaffke."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mqa_registry.stats.bootstrap import ROUNDING
from mqa_registry.stats.clusters import clustered_standard_error
from mqa_registry.stats.estimates import (
    NO_ROWS,
    UNBOUNDED,
    Undefined,
    clip_to_span,
    difference_span,
    explain_one_unit,
    format_rows,
)

if TYPE_CHECKING:
    from mqa_registry.stats.estimates import Estimate, Floats, Interval, Ints, Span

XTOL = 1e-12  # how exactly an end is found; a mean as near as this to where scores end is there
NEGLIGIBLE = 1e-100  # of the largest value: the square of a smaller one may be none
MAX_DISTINCT_SCORES = 4096  # from which on scores within such a part of their range count as alike


@dataclass(frozen=True)
class Mean:
    """A mean of rows, with its standard error and Student's t, clipped to its `span`."""

    value: float
    standard_error: float
    degrees_of_freedom: float
    rows: int
    method: str = "t"
    span: Span = UNBOUNDED
    never_settles = False

    @property
    def undefined_reason(self) -> str:
        if not self.degrees_of_freedom > 0:
            return explain_one_unit("cluster" if self.method.startswith("cluster") else "row")
        if self.standard_error == 0:
            return "is the same in every row, which shows nothing of how others would differ"
        return ""

    def interval(self, confidence: float) -> Interval:
        if self.undefined_reason:
            return None
        reach = self.standard_error * float(special.stdtrit(self.degrees_of_freedom, (1 + confidence) / 2))
        return clip_to_span(self.value - reach, self.value + reach, self.span)

    def with_rows(self, rows: int) -> Estimate | None:
        return None


@dataclass(frozen=True)
class BoundedMean:
    """A mean of scores from `low` to `high`, with the interval of Gaffke.

    The upper end is the quantile of the mean of the scores and of one more that is `high`, with weights drawn from
    Dirichlet(1, ..., 1); the lower end likewise with `low`. Gaffke (Three test statistics for a nonparametric one-sided
    hypothesis on the mean of a nonnegative variable, 2005); Phan, Thomas and Learned-Miller (Towards practical mean
    bounds for small samples, ICML 2021) prove the coverage of bounds of this kind. Of scores of 0 and 1 it is the
    interval of Clopper and Pearson, and of equal scores the rule of three.

    Units are rows, or clusters: `totals` are sums of their scores and `sizes` their rows, `counts` says how many units
    are alike in both, each of shape (distinct units,). A unit that was not seen has the mean size.
    """

    totals: Floats
    sizes: Floats
    counts: Floats
    low: float
    high: float
    rows: int
    method: str = "gaffke"
    never_settles = False

    @classmethod
    def from_scores(
        cls, scores: Floats, low: float, high: float, clusters: Ints | None = None, method: str = "gaffke"
    ) -> BoundedMean:
        """The mean of scores, each a row; in clusters, of those that the rows were drawn in."""
        if clusters is None:
            distinct, counts = _distinct_scores(scores)
            return cls(distinct, np.ones(len(distinct)), counts, low, high, len(scores), method)
        _, codes = np.unique(clusters, return_inverse=True)
        totals = np.bincount(codes, weights=scores).astype(np.float64)
        sizes = np.bincount(codes).astype(np.float64)
        return cls(totals, sizes, np.ones(len(totals)), low, high, len(scores), f"cluster {method}")

    @cached_property
    def value(self) -> float:
        mean = float(self.counts @ self.totals) / float(self.counts @ self.sizes)
        return min(max(mean, self.low), self.high)

    @property
    def span(self) -> Span:
        return self.low, self.high

    @property
    def undefined_reason(self) -> str:
        if self.method.startswith("cluster") and self.counts.sum() < 2:
            return explain_one_unit("cluster")
        return ""

    def interval(self, confidence: float) -> Interval:
        if self.undefined_reason:
            return None
        if confidence not in self._intervals:
            tail = (1 - confidence) / 2
            self._intervals[confidence] = self._end(self.low, tail), self._end(self.high, tail)
        return self._intervals[confidence]

    def with_rows(self, rows: int) -> BoundedMean:
        """The same of another number of rows with scores like these."""
        return replace(self, counts=self.counts * (rows / self.rows), rows=rows)

    @cached_property
    def _intervals(self) -> dict[float, tuple[float, float]]:
        return {}

    def _end(self, extreme: float, tail: float) -> float:
        """The end of the interval on the side of `extreme`, where scores end."""
        value = self.value
        sign = math.copysign(1.0, extreme - value)
        if abs(extreme - value) <= XTOL:
            return extreme
        from scipy.optimize import brentq  # a fifth of a second to import, which few measures need

        unit = float(self.counts @ self.sizes) / float(self.counts.sum())
        shapes = np.append(self.counts, 1.0)

        def excess(end: float) -> float:
            beyond = np.append(self.totals - end * self.sizes, unit * (extreme - end))
            return probability_above_zero(sign * beyond, shapes) - tail

        return float(brentq(excess, value, extreme, xtol=XTOL, rtol=1e-9))


def estimate_mean(
    scores: Floats, clusters: Ints | None, span: Span, *, bounded: bool = False, paired: bool = False
) -> Estimate:
    """The mean of scores of shape (rows,), by Gaffke where they are `bounded` by a finite span, else by t.

    Scores that are all equal have Gaffke's interval too, where their span is finite. `paired` scores are differences
    of two of the same row, and the method says so.
    """
    infinite = int(np.count_nonzero(~np.isfinite(scores)))
    if infinite:
        verb = "scores" if infinite == 1 else "score"
        return Undefined(len(scores), f"is undefined: {infinite:,} of {format_rows(len(scores))} {verb} infinity")
    if len(scores) == 0:
        return Undefined(0, NO_ROWS)
    kind = "paired " if paired else ""
    equal = np.ptp(scores) <= ROUNDING * max(1.0, abs(float(scores[0])))  # of which no rounding shall make other rows
    ends = all(map(math.isfinite, span)) and span[0] <= scores.min() and scores.max() <= span[1]
    if ends and (bounded or equal):
        return BoundedMean.from_scores(scores, *span, clusters, f"{kind}gaffke")
    mean = float(scores.mean())
    if clusters is not None:
        error, count = clustered_standard_error(scores, clusters)
        return Mean(mean, 0.0 if equal else error, count - 1, len(scores), f"cluster {kind}t", span)
    deviation = 0.0 if equal or len(scores) < 2 else float(scores.std(ddof=1))
    return Mean(mean, deviation / math.sqrt(len(scores)), len(scores) - 1, len(scores), f"{kind}t", span)


def welch_difference(first: Mean, second: Mean) -> Mean:
    """One mean less another of different rows, by Welch's t (Biometrika 34, 1947)."""
    one, two = first.standard_error**2, second.standard_error**2
    freedoms = first.degrees_of_freedom, second.degrees_of_freedom
    denominator = one**2 / freedoms[0] + two**2 / freedoms[1] if min(freedoms) > 0 else 0.0
    freedom = (one + two) ** 2 / denominator if denominator else 0.0
    method = "cluster welch" if "cluster" in first.method + second.method else "welch"
    span = difference_span(first.span, second.span)
    return Mean(first.value - second.value, math.sqrt(one + two), freedom, first.rows + second.rows, method, span)


def probability_above_zero(values: Floats, shapes: Floats) -> float:
    """The probability that a sum of `values`, each times a gamma variable of its own shape, is above 0.

    The saddlepoint approximation of Lugannani and Rice (Adv. Appl. Probab. 12, 1980).
    """
    values = values / (np.abs(values).max(initial=0.0) or 1.0)
    counted = np.abs(values) > NEGLIGIBLE
    values, shapes = values[counted], shapes[counted]
    least, most = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    if most <= 0 or least >= 0:
        return float(most > 0)
    from scipy.optimize import brentq  # as above

    edge = 1 - 1e-12
    point = brentq(lambda s: float(shapes @ (values / (1 - s * values))), edge / least, edge / most)
    terms = values / (1 - point * values)
    curvature = math.sqrt(float(shapes @ terms**2))
    reach = math.copysign(math.sqrt(max(0.0, 2 * float(shapes @ np.log1p(-point * values)))), point)
    if abs(reach) < 1e-4:
        return 0.5 - float(shapes @ terms**3) / (3 * math.sqrt(2 * math.pi) * curvature**3)
    slope = math.exp(-(reach**2) / 2) / math.sqrt(2 * math.pi)
    return float(special.ndtr(-reach)) + slope * (1 / (point * curvature) - 1 / reach)


def _distinct_scores(scores: Floats) -> tuple[Floats, Floats]:
    """The distinct scores and how many rows have each; of very many, the means of those next to each other."""
    distinct, counts = np.unique(scores, return_counts=True)
    if len(distinct) <= MAX_DISTINCT_SCORES:
        return distinct, counts.astype(np.float64)
    part = (distinct - distinct[0]) / (distinct[-1] - distinct[0])
    bins = np.minimum(part * MAX_DISTINCT_SCORES, MAX_DISTINCT_SCORES - 1).astype(np.int64)
    rows = np.bincount(bins, weights=counts).astype(np.float64)
    sums = np.bincount(bins, weights=counts * distinct)
    filled = rows > 0
    return sums[filled] / rows[filled], rows[filled]
