"""Proportions: the share of rows that are right, with the intervals of Clopper and Pearson, Wilson and Jeffreys."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

from scipy import special

from mqa_registry.stats.clusters import explain_no_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_registry.stats.clusters import ClusterDesign
    from mqa_registry.stats.estimates import Ends, Interval, Span

ProportionInterval: TypeAlias = Literal["exact", "wilson", "jeffreys"]


@dataclass(frozen=True)
class Proportion:
    """A share of rows, with one of three intervals; in clusters, that of as many rows as would tell as much.

    `exact` is Clopper and Pearson's (Biometrika 26, 1934), `wilson` Wilson's (J. Am. Stat. Assoc. 22, 1927) and
    `jeffreys` that of Jeffreys' prior as Brown, Cai and DasGupta have it (Stat. Sci. 16, 2001).
    """

    successes: int
    rows: int
    kind: ProportionInterval = "exact"
    design: ClusterDesign | None = None
    span: Span = (0.0, 1.0)
    never_settles = False

    @property
    def value(self) -> float:
        return self.successes / self.rows if self.rows else math.nan

    @property
    def method(self) -> str:
        return f"cluster {self.kind}" if self.design else self.kind

    @property
    def undefined_reason(self) -> str:
        return explain_no_interval(self.rows, self.design)

    def interval(self, confidence: float) -> Interval:
        if self.undefined_reason:
            return None
        return INTERVALS[self.kind](self.value, self.effective_rows(confidence), confidence)

    def effective_rows(self, confidence: float) -> float:
        """The rows, or in clusters as many as would tell as much."""
        return self.design.effective_rows(self.rows, confidence) if self.design else self.rows

    def resized(self, rows: int) -> Proportion:
        """The same share of another number of rows, as near as they come to it."""
        return replace(self, successes=round(self.value * rows), rows=rows)

    def with_rows(self, rows: int) -> Proportion | None:
        return self.resized(rows) if self.design is None else None


@lru_cache(maxsize=100_000)
def clopper_pearson_interval(share: float, rows: float, confidence: float) -> Ends:
    """Clopper and Pearson's interval; the rows need not be a whole number."""
    tail = (1 - confidence) / 2
    right, wrong = share * rows, (1 - share) * rows
    low = float(special.betaincinv(right, wrong + 1, tail)) if share > 0 else 0.0
    high = float(special.betainccinv(right + 1, wrong, tail)) if share < 1 else 1.0
    return low, high


@lru_cache(maxsize=100_000)
def jeffreys_interval(share: float, rows: float, confidence: float) -> Ends:
    """The equal-tailed interval of Jeffreys' prior, from 0 where no row is right and to 1 where all are."""
    tail = (1 - confidence) / 2
    right, wrong = share * rows + 0.5, (1 - share) * rows + 0.5
    low = float(special.betaincinv(right, wrong, tail)) if share > 0 else 0.0
    high = float(special.betainccinv(right, wrong, tail)) if share < 1 else 1.0
    return low, high


@lru_cache(maxsize=100_000)
def wilson_interval(share: float, rows: float, confidence: float) -> Ends:
    """Wilson's score interval; the rows need not be a whole number."""
    reach = float(special.ndtri((1 + confidence) / 2)) ** 2 / rows
    middle = (share + reach / 2) / (1 + reach)
    half = math.sqrt(share * (1 - share) * reach + reach**2 / 4) / (1 + reach)
    return max(0.0, middle - half), min(1.0, middle + half)


INTERVALS: dict[ProportionInterval, Callable[[float, float, float], Ends]] = {
    "exact": clopper_pearson_interval,
    "wilson": wilson_interval,
    "jeffreys": jeffreys_interval,
}
