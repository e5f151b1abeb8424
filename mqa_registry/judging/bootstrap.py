"""The bootstrap: a number with what it came to on resampled rows, and the interval that follows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import special

from mqa_registry.judging.edges import FEW_FREEDOM
from mqa_registry.judging.estimates import ANYWHERE, within
from mqa_registry.naming import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from mqa_registry.judging.edges import Edges
    from mqa_registry.judging.estimates import Interval, Span

    Floats: TypeAlias = npt.NDArray[np.float64]

DEFINED = 0.9  # the least share of resamples in which a number is defined, to say how it would differ
IGNORED = 0.25  # standard errors of bias that need no more than BCa's own correction
# Times the bias of the replicates that the number may be biased itself. Where a sum of distances is nothing but noise,
# as of a calibration error of few rows, resampling doubles the variance, and the sum grows by the root of two alone.
UNSEEN = 1 + math.sqrt(2)
OUTERMOST = 5  # resamples on each side, beyond which a tail is continued as a normal one
NEAR = 1e-9  # of the end of a span, within which an interval reaches it
ROUNDING = 1e-12  # of a number, within which its replicates are the same


def level(value: float, replicates: Floats) -> Floats:
    """The replicates, those that differ from a value by rounding alone as that value."""
    same = np.abs(replicates - value) <= ROUNDING * max(1.0, abs(value))
    return np.where(same, value, replicates)


@dataclass(frozen=True)
class Resampled:
    """A number with its bootstrap replicates, and Efron's BCa interval (J. Am. Stat. Assoc. 82, 1987).

    `squares` and `cubes` are the sums over units, which are rows or clusters, of the second and third power of the
    jackknife influences, from which the acceleration follows. The interval is made wider for few units by Student's t,
    as Hesterberg does (Am. Stat. 69, 2015, section 5), on `freedom` degrees of freedom. Where the bias is more than a
    quarter of the standard error, and so not to be ignored (Efron and Tibshirani, An Introduction to the Bootstrap,
    1993, section 10.3), the interval reaches from the lower to the higher end of this and three others: the one that
    ignores the bias, the one that mirrors it, and the one moved by as much bias as there may be. The first is left out
    where all replicates lie on one side of the number. It reaches from there to the ends that `edges` has, which allow
    for rows unlike those seen and are all there is where the replicates agree; where there are no edges either, there
    is no interval. It is cut off where the `span` of the number ends.
    """

    value: float
    rows: int
    replicates: Floats
    squares: float = 0.0
    cubes: float = 0.0
    method: str = "bca"
    units: int | None = None  # the rows, if left out
    freedom: float | None = None  # one less than the units, if left out
    span: Span = ANYWHERE
    edges: Edges | None = None
    lacking: float | None = None  # the share of resamples without a number, if left out that of the replicates

    @cached_property
    def known(self) -> Floats:
        """The replicates in which the number is defined, in order."""
        return np.sort(self.replicates[np.isfinite(self.replicates)])

    @property
    def flaw(self) -> str:
        if not math.isfinite(self.value):
            return f"is undefined on {counted(self.rows, 'row')}"
        if self._units < 2:
            unit = "cluster" if "cluster" in self.method else "row"
            return f"rests on one {unit}, which shows nothing of how others would differ"
        if self.undefined > 1 - DEFINED:
            return f"is undefined in {self.undefined:.0%} of the resamples"
        if self.alike and self.edges is None:
            return f"is {self.value:.3g} in every resample, which shows nothing of how others would differ"
        return ""

    @property
    def undefined(self) -> float:
        """The share of resamples that have no number, as those do that miss all of a few rows that it takes."""
        return 1 - len(self.known) / len(self.replicates) if self.lacking is None else self.lacking

    @property
    def rows_to_be_defined(self) -> int | None:
        """About how many rows like these leave few resamples without a number; None where no rows would.

        The chance to miss a few rows of their kind falls as a power of how many times the rows there are.
        """
        if not 0 < self.undefined < 1:
            return None
        return math.ceil(self.rows * max(1.0, math.log(1 - DEFINED) / math.log(self.undefined)))

    def interval(self, confidence: float) -> Interval:
        if self.flaw:
            return None
        ends = [] if self.alike else list(self._bootstrapped(confidence))
        if self.edges is not None:
            ends.append(self.edges.interval((1 - confidence) / 2))
        lows, highs = zip(*ends, strict=True)
        low, high = within(min(self.value, *lows), max(self.value, *highs), self.span)
        least, most = self.span  # which no rounding shall keep an end from
        return least if low - least <= NEAR else low, most if most - high <= NEAR else high

    def of_rows(self, rows: int) -> Resampled:
        """About the same of another number of rows like these."""
        share = rows / self.rows
        replicates = self.value + (self.replicates - self.value) / math.sqrt(share)
        edges = self.edges.of_rows(share, self.replicates, replicates) if self.edges is not None else None
        freedom = None if self.freedom is None else self.freedom * share
        units = max(2, round(self._units * share))
        squares, cubes, lacking = self.squares / share, self.cubes / share**2, self.undefined**share
        return Resampled(
            self.value, rows, replicates, squares, cubes, self.method, units, freedom, self.span, edges, lacking
        )

    def _bootstrapped(self, confidence: float) -> Iterator[tuple[float, float]]:
        """The interval by the bootstrap, and where the bias matters the others."""
        reach = self._reach(confidence)
        if 0 < self._below < 1:
            low, high = (self._at(side * reach) for side in (-1, 1))
            yield low, high
            if not self._biased:
                return
        least, most = (self._quantile(side * reach) for side in (-1, 1))
        moved = (1 + UNSEEN) * self._bias  # once to the number, and by what may be its own bias
        yield least, most
        yield 2 * self.value - most, 2 * self.value - least
        yield least - moved, most - moved

    @property
    def alike(self) -> bool:
        """Whether all replicates are the same."""
        return len(self.known) == 0 or np.ptp(self.known) == 0

    @property
    def _units(self) -> int:
        return self.rows if self.units is None else self.units

    @property
    def _below(self) -> float:
        known = self.known
        return float((known < self.value).mean() + (known == self.value).mean() / 2)

    @property
    def _biased(self) -> bool:
        return abs(self._bias) > IGNORED * float(self.known.std())

    @property
    def _bias(self) -> float:
        """How far the replicates lie from the number, as the number does from the truth, or less so."""
        return float(self.known.mean()) - self.value

    def _reach(self, confidence: float) -> float:
        """The normal quantile, as much further out as so few units need."""
        freedom = self._units - 1 if self.freedom is None else self.freedom
        if self.edges is not None:  # of fewer rows that carry the spread, these tell more than a t with a longer tail
            freedom = min(max(freedom, FEW_FREEDOM), max(1.0, self._units - 1))
        wider = math.sqrt(1 + 1 / freedom)
        return wider * float(special.stdtrit(freedom, (1 + confidence) / 2))

    def _at(self, reach: float) -> float:
        """One end of the BCa interval: the replicates' quantile at a normal deviate, moved by bias and acceleration."""
        bias = float(special.ndtri(self._below))
        acceleration = self.cubes / (6 * self.squares**1.5) if self.squares > 0 else 0.0
        slack = 1 - acceleration * (bias + reach)
        deviate = bias + (bias + reach) / slack if slack > 0 else math.copysign(math.inf, reach)
        return self._quantile(deviate)

    def _quantile(self, deviate: float) -> float:
        """A quantile of the replicates by its normal deviate; the outermost few are too few to tell of rarer ones."""
        edge = -float(special.ndtri(OUTERMOST / len(self.known))) if len(self.known) > 2 * OUTERMOST else 0.0
        inner = min(max(deviate, -edge), edge)
        beyond = min(max(deviate - inner, -10.0), 10.0) * float(self.known.std())
        return float(np.quantile(self.known, special.ndtr(inner))) + beyond
