"""Shares: means of rows that are right or wrong, and differences of two of them, with score and exact intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from scipy import special

from mqa_registry.judging.clusters import flaw_of
from mqa_registry.judging.formulas import INTERVALS, mover_difference, mover_ratio, tango, wilson

if TYPE_CHECKING:
    from mqa_registry.judging.clusters import Design
    from mqa_registry.judging.estimates import Interval, Span


@dataclass(frozen=True)
class Proportion:
    """A share of rows, with one of three intervals; in clusters, that of as many rows as would tell as much.

    `exact` is Clopper and Pearson's (Biometrika 26, 1934), `wilson` Wilson's (J. Am. Stat. Assoc. 22, 1927) and
    `jeffreys` that of Jeffreys' prior as Brown, Cai and DasGupta have it (Stat. Sci. 16, 2001).
    """

    successes: int
    rows: int
    kind: str = "exact"
    design: Design | None = None
    span: Span = (0.0, 1.0)

    @property
    def value(self) -> float:
        return self.successes / self.rows if self.rows else math.nan

    @property
    def method(self) -> str:
        return f"cluster {self.kind}" if self.design else self.kind

    @property
    def flaw(self) -> str:
        return flaw_of(self.rows, self.design)

    def interval(self, confidence: float) -> Interval:
        if self.flaw:
            return None
        return INTERVALS[self.kind](self.value, self.effective(confidence), confidence)

    def effective(self, confidence: float) -> float:
        """The rows, or in clusters as many as would tell as much."""
        return self.design.effective(self.rows, confidence) if self.design else self.rows

    def of_rows(self, rows: int) -> Proportion:
        """The same share of another number of rows, as near as they come to it."""
        return replace(self, successes=round(self.value * rows), rows=rows)


@dataclass(frozen=True)
class PairedProportions:
    """The drop of a share between two answers to the same rows, with the score interval of Tango (Stat. Med. 17, 1998).

    `lost` rows were right and are wrong now, `won` rows the other way round.
    """

    lost: float
    won: float
    rows: int
    design: Design | None = None
    span: Span = (-1.0, 1.0)

    @property
    def value(self) -> float:
        return (self.lost - self.won) / self.rows if self.rows else math.nan

    @property
    def method(self) -> str:
        return "cluster tango" if self.design else "tango"

    @property
    def flaw(self) -> str:
        return flaw_of(self.rows, self.design)

    def interval(self, confidence: float) -> Interval:
        if self.flaw:
            return None
        scale = self.design.effective(self.rows, confidence) / self.rows if self.design else 1.0
        return tango(self.lost * scale, self.won * scale, self.rows * scale, confidence)

    def of_rows(self, rows: int) -> PairedProportions:
        """The same shares of another number of rows; the counts need not be whole."""
        share = rows / self.rows
        return replace(self, lost=self.lost * share, won=self.won * share, rows=rows)

    @property
    def mcnemar(self) -> float:
        """The p-value of McNemar's exact test of no difference (Psychometrika 12, 1947), of rows drawn one by one."""
        return min(1.0, 2 * float(special.bdtr(min(self.lost, self.won), self.lost + self.won, 0.5)))


@dataclass(frozen=True)
class _TwoShares:
    """Two shares of different rows."""

    first: Proportion
    second: Proportion

    def of_rows(self, rows: int) -> Self:
        """The same of another number of rows together, divided as these are."""
        first, second = (one.of_rows(max(1, round(one.rows * rows / self.rows))) for one in (self.first, self.second))
        return replace(self, first=first, second=second)

    @property
    def rows(self) -> int:
        return self.first.rows + self.second.rows

    @property
    def flaw(self) -> str:
        return self.first.flaw or self.second.flaw

    def _wilsons(self, confidence: float) -> tuple[tuple[float, float], tuple[float, float]]:
        one, two = (wilson(each.value, each.effective(confidence), confidence) for each in (self.first, self.second))
        return one, two


@dataclass(frozen=True)
class UnpairedProportions(_TwoShares):
    """The difference of two shares of different rows, with Newcombe's hybrid score interval (Stat. Med. 17, 1998).

    Two groups that have rows of the same clusters are taken as drawn apart, which errs on the side of too wide.
    """

    span: Span = (-1.0, 1.0)

    @property
    def value(self) -> float:
        return self.first.value - self.second.value

    @property
    def method(self) -> str:
        return "cluster newcombe" if self.first.design or self.second.design else "newcombe"

    def interval(self, confidence: float) -> Interval:
        if self.flaw:
            return None
        return mover_difference(self.first.value, self.second.value, *self._wilsons(confidence))


@dataclass(frozen=True)
class UnpairedRatio(_TwoShares):
    """One share by another, of different rows, by the method of variance estimates recovery from Wilson's intervals.

    Donner and Zou, Stat. Methods Med. Res. 21, 2012; without an end above where the divisor may be 0.
    """

    span: Span = (0.0, math.inf)

    @property
    def value(self) -> float:
        return self.first.value / self.second.value

    @property
    def method(self) -> str:
        return "cluster mover" if self.first.design or self.second.design else "mover"

    def interval(self, confidence: float) -> Interval:
        if self.flaw:
            return None
        return mover_ratio(self.first.value, self.second.value, *self._wilsons(confidence))
