"""Bounded means: means of scores that cannot leave a range, with an interval that allows for rows unlike those seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import special

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry.judging.estimates import Interval

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]


KINDS = 4096  # different scores, from which on those that lie within such a part of their range count as alike


@dataclass(frozen=True)
class BoundedMean:
    """A mean of scores from `low` to `high`, with the interval of Gaffke.

    The upper end is the quantile of the mean of the scores and of one more that is `high`, with weights drawn from
    Dirichlet(1, ..., 1); the lower end likewise with `low`. Gaffke (Three test statistics for a nonparametric one-sided
    hypothesis on the mean of a nonnegative variable, 2005); Phan, Thomas and Learned-Miller (Towards practical mean
    bounds for small samples, ICML 2021) prove the coverage of bounds of this kind. Of scores of 0 and 1 it is the
    interval of Clopper and Pearson, and of equal scores the rule of three.

    Units are rows, or clusters: `totals` are sums of their scores and `sizes` their rows, `counts` says how many units
    are alike in both. The number of a unit that was not seen has the mean size.
    """

    totals: Floats
    sizes: Floats
    counts: Floats
    low: float
    high: float
    rows: int
    method: str = "gaffke"

    @classmethod
    def of(cls, scores: Floats, low: float, high: float, clusters: Ints | None, method: str = "gaffke") -> BoundedMean:
        """The mean of scores, each a row; in clusters, of those that the rows were drawn in."""
        if clusters is None:
            kinds, counts = _kinds(scores)
            return cls(kinds, np.ones(len(kinds)), counts, low, high, len(scores), method)
        _, codes = np.unique(clusters, return_inverse=True)
        totals = np.bincount(codes, weights=scores).astype(np.float64)
        sizes = np.bincount(codes).astype(np.float64)
        return cls(totals, sizes, np.ones(len(totals)), low, high, len(scores), f"cluster {method}")

    @cached_property
    def value(self) -> float:
        mean = float(self.counts @ self.totals) / float(self.counts @ self.sizes)
        return min(max(mean, self.low), self.high)

    @property
    def span(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def flaw(self) -> str:
        if self.method.startswith("cluster") and self.counts.sum() < 2:
            return "rests on one cluster, which shows nothing of how others would differ"
        return ""

    def interval(self, confidence: float) -> Interval:
        if self.flaw:
            return None
        if confidence not in self._intervals:
            tail = (1 - confidence) / 2
            self._intervals[confidence] = self._end(self.low, tail), self._end(self.high, tail)
        return self._intervals[confidence]

    def of_rows(self, rows: int) -> BoundedMean:
        """The same of another number of rows with scores like these."""
        return replace(self, counts=self.counts * (rows / self.rows), rows=rows)

    @cached_property
    def _intervals(self) -> dict[float, tuple[float, float]]:
        return {}

    def _end(self, edge: float, tail: float) -> float:
        """The end of the interval on the side of `edge`, where scores end."""
        value = self.value
        sign = math.copysign(1.0, edge - value)
        if edge == value:
            return edge
        from scipy.optimize import brentq  # a fifth of a second to import, which means of few measures need

        unit = float(self.counts @ self.sizes) / float(self.counts.sum())
        shapes = np.append(self.counts, 1.0)

        def excess(end: float) -> float:
            beyond = np.append(self.totals - end * self.sizes, unit * (edge - end))
            return chance_above(sign * beyond, shapes) - tail

        return float(brentq(excess, value, edge, xtol=1e-12, rtol=1e-9))


def _kinds(scores: Floats) -> tuple[Floats, Floats]:
    """The different scores and how many rows have each; of very many, the means of those next to each other."""
    kinds, counts = np.unique(scores, return_counts=True)
    if len(kinds) <= KINDS:
        return kinds, counts.astype(np.float64)
    bins = np.minimum((kinds - kinds[0]) / (kinds[-1] - kinds[0]) * KINDS, KINDS - 1).astype(np.int64)
    rows = np.bincount(bins, weights=counts).astype(np.float64)
    sums = np.bincount(bins, weights=counts * kinds)
    there = rows > 0
    return sums[there] / rows[there], rows[there]


def chance_above(values: Floats, shapes: Floats) -> float:
    """The chance that a sum of `values`, each times a gamma variable of its own shape, is above 0.

    The saddlepoint approximation of Lugannani and Rice (Adv. Appl. Probab. 12, 1980).
    """
    speaking = values != 0
    values, shapes = values[speaking], shapes[speaking]
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
