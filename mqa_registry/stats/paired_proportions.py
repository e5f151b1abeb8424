"""Paired proportions: two predictions of the same rows, with McNemar's test and Tango's interval of the drop."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from scipy import special

from mqa_registry.stats.clusters import explain_no_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_registry.stats.clusters import ClusterDesign
    from mqa_registry.stats.estimates import Ends, Interval, Span

BISECTIONS = 60  # of the interval from -1 to 1: to the last bit


@dataclass(frozen=True)
class PairedProportions:
    """The drop of a share between two predictions of the same rows, with the score interval of Tango (Stat. Med. 17, 1998).

    `negative_flips` rows were right and are wrong now, `positive_flips` rows the other way round.
    """

    negative_flips: float
    positive_flips: float
    rows: int
    design: ClusterDesign | None = None
    span: Span = (-1.0, 1.0)
    never_settles = False

    @property
    def value(self) -> float:
        return (self.negative_flips - self.positive_flips) / self.rows if self.rows else math.nan

    @property
    def method(self) -> str:
        return "cluster tango" if self.design else "tango"

    @property
    def undefined_reason(self) -> str:
        return explain_no_interval(self.rows, self.design)

    @property
    def mcnemar_p_value(self) -> float:
        """The p-value of McNemar's exact test of no difference (Psychometrika 12, 1947), of rows drawn one by one."""
        fewer, flips = min(self.negative_flips, self.positive_flips), self.negative_flips + self.positive_flips
        return min(1.0, 2 * float(special.bdtr(fewer, flips, 0.5)))

    def interval(self, confidence: float) -> Interval:
        if self.undefined_reason:
            return None
        scale = self.design.effective_rows(self.rows, confidence) / self.rows if self.design else 1.0
        return tango_interval(self.negative_flips * scale, self.positive_flips * scale, self.rows * scale, confidence)

    def with_rows(self, rows: int) -> PairedProportions | None:
        """The same shares of another number of rows; the counts need not be whole."""
        if self.design is not None:
            return None
        share = rows / self.rows
        return replace(
            self, negative_flips=self.negative_flips * share, positive_flips=self.positive_flips * share, rows=rows
        )


@lru_cache(maxsize=100_000)
def tango_interval(negative_flips: float, positive_flips: float, rows: float, confidence: float) -> Ends:
    """Tango's score interval of a drop; the counts need not be whole numbers."""
    reach = float(special.ndtri((1 + confidence) / 2))

    def score(drop: float) -> float:
        return _tango_score(negative_flips, positive_flips, rows, drop)

    return _find_root(lambda drop: score(drop) - reach), _find_root(lambda drop: score(drop) + reach)


def _tango_score(negative_flips: float, positive_flips: float, rows: float, drop: float) -> float:
    """How many standard errors the observed drop lies above `drop`; falls as `drop` rises."""
    linear = -negative_flips - positive_flips + (2 * rows - negative_flips + positive_flips) * drop
    constant = -positive_flips * drop * (1 - drop)
    share = (math.sqrt(max(0.0, linear**2 - 8 * rows * constant)) - linear) / (4 * rows)
    variance = rows * (2 * share + drop * (1 - drop))
    distance = negative_flips - positive_flips - rows * drop
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def _find_root(function: Callable[[float], float]) -> float:
    """Where a falling function of a difference of shares crosses zero, between -1 and 1."""
    low, high = -1.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return (low + high) / 2
