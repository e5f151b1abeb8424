"""The bootstrap: a number with what it came to on resampled rows, and the interval that follows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mqa_registry.stats.estimates import UNBOUNDED, clip_to_span, explain_one_unit, explain_undefined
from mqa_registry.stats.unseen_rows import FEW_DEGREES_OF_FREEDOM, TAIL_REPLICATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.stats.estimates import Ends, Floats, Interval, Span
    from mqa_registry.stats.unseen_rows import UnseenRowReplicates

MIN_DEFINED_SHARE = 0.9  # of the resamples in which a number has to be defined, to say how it would differ
NEGLIGIBLE_BIAS = 0.25  # standard errors of bias that need no more than BCa's own correction
# Times the bias of the replicates that the number may be biased itself. Where a sum of distances is nothing but noise,
# as of a calibration error of few rows, resampling doubles the variance, and the sum grows by the root of two alone.
NUMBER_BIAS = 1 + math.sqrt(2)
SPAN_TOLERANCE = 1e-9  # of the end of a span, within which an interval reaches it
ROUNDING = 1e-12  # of a number, within which its replicates are the same
MAX_TAIL_DEVIATE = 10.0  # standard deviations that a tail is continued beyond the outermost replicates


def snap_to_value(value: float, replicates: Floats) -> Floats:
    """The replicates, those that differ from a value by rounding alone as that value."""
    same = np.abs(replicates - value) <= ROUNDING * max(1.0, abs(value))
    return np.where(same, value, replicates)


@dataclass(frozen=True)
class BootstrapEstimate:
    """A number with its bootstrap replicates, and Efron's BCa interval (J. Am. Stat. Assoc. 82, 1987).

    `squares` and `cubes` are the sums over units, which are rows or clusters, of the second and third power of the
    jackknife influences, from which the acceleration follows. The interval is made wider for few units by Student's t,
    as Hesterberg does (Am. Stat. 69, 2015, section 5), on `degrees_of_freedom`. Where the bias is more than a quarter
    of the standard error, and so not to be ignored (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
    section 10.3), the interval reaches from the lower to the higher end of this and three others: the one that ignores
    the bias, the one that mirrors it, and the one moved by as much bias as there may be. The first is left out where
    all replicates lie on one side of the number. It reaches from there to the ends that `unseen` has, which allow for
    rows unlike those seen and are all there is where the replicates agree; where there is no `unseen` either, there is
    no interval. It is clipped to the `span` of the number.
    """

    value: float
    rows: int
    replicates: Floats
    squares: float = 0.0
    cubes: float = 0.0
    method: str = "bca"
    units: int | None = None  # the rows, if left out
    degrees_of_freedom: float | None = None  # one less than the units, if left out
    span: Span = UNBOUNDED
    unseen: UnseenRowReplicates | None = None
    expected_undefined_share: float | None = None  # of resamples; if left out, what it is of the replicates

    @cached_property
    def defined_replicates(self) -> Floats:
        """The replicates in which the number is defined, in order."""
        return np.sort(self.replicates[np.isfinite(self.replicates)])

    @property
    def undefined_reason(self) -> str:
        if not math.isfinite(self.value):
            return explain_undefined(self.rows)
        if self._units < 2:
            return explain_one_unit("cluster" if "cluster" in self.method else "row")
        if self.undefined_share > 1 - MIN_DEFINED_SHARE:
            return f"is undefined in {self.undefined_share:.0%} of the resamples"
        if self.is_constant and self.unseen is None:
            return f"is {self.value:.3g} in every resample, which shows nothing of how others would differ"
        return ""

    @property
    def never_settles(self) -> bool:
        return self.unseen is not None and self.unseen.jumps

    @property
    def is_constant(self) -> bool:
        """Whether all replicates are the same."""
        return len(self.defined_replicates) == 0 or np.ptp(self.defined_replicates) == 0

    @property
    def undefined_share(self) -> float:
        """The share of resamples that have no number, as those do that miss all of a few rows that it takes."""
        if self.expected_undefined_share is not None:
            return self.expected_undefined_share
        return 1 - len(self.defined_replicates) / len(self.replicates)

    @property
    def rows_to_be_defined(self) -> int | None:
        """About how many rows like these leave few resamples without a number; None where no rows would.

        The chance to miss a few rows of their kind falls as a power of how many times the rows there are.
        """
        if not 0 < self.undefined_share < 1:
            return None
        return math.ceil(self.rows * max(1.0, math.log(1 - MIN_DEFINED_SHARE) / math.log(self.undefined_share)))

    def interval(self, confidence: float) -> Interval:
        if self.undefined_reason:
            return None
        ends = [] if self.is_constant else list(self._bootstrap_intervals(confidence))
        if self.unseen is not None:
            ends.append(self.unseen.interval((1 - confidence) / 2))
        lows, highs = zip(*ends, strict=True)
        low, high = clip_to_span(min(self.value, *lows), max(self.value, *highs), self.span)
        least, most = self.span  # which no rounding shall keep an end from
        return least if low - least <= SPAN_TOLERANCE else low, most if most - high <= SPAN_TOLERANCE else high

    def with_rows(self, rows: int) -> BootstrapEstimate:
        """About the same of another number of rows like these."""
        share = rows / self.rows
        replicates = self.value + (self.replicates - self.value) / math.sqrt(share)
        return BootstrapEstimate(
            self.value,
            rows,
            replicates,
            self.squares / share,
            self.cubes / share**2,
            self.method,
            max(2, round(self._units * share)),
            None if self.degrees_of_freedom is None else self.degrees_of_freedom * share,
            self.span,
            None if self.unseen is None else self.unseen.with_rows(share, self.replicates, replicates),
            self.undefined_share**share,
        )

    def _bootstrap_intervals(self, confidence: float) -> Iterator[Ends]:
        """The BCa interval, and where the bias matters the others."""
        deviate = self._end_deviate(confidence)
        if 0 < self._share_below < 1:
            low, high = (self._bca_end(side * deviate) for side in (-1, 1))
            yield low, high
            if not self._is_biased:
                return
        least, most = (self._quantile(side * deviate) for side in (-1, 1))
        moved = (1 + NUMBER_BIAS) * self._bias  # once to the number, and by what may be its own bias
        yield least, most
        yield 2 * self.value - most, 2 * self.value - least
        yield least - moved, most - moved

    @property
    def _units(self) -> int:
        return self.rows if self.units is None else self.units

    @property
    def _share_below(self) -> float:
        defined = self.defined_replicates
        return float((defined < self.value).mean() + (defined == self.value).mean() / 2)

    @property
    def _is_biased(self) -> bool:
        return abs(self._bias) > NEGLIGIBLE_BIAS * float(self.defined_replicates.std())

    @property
    def _bias(self) -> float:
        """How far the replicates lie from the number, as the number does from the truth, or less so."""
        return float(self.defined_replicates.mean()) - self.value

    def _end_deviate(self, confidence: float) -> float:
        """The normal quantile of an end, as much further out as so few units need."""
        freedom = self._units - 1 if self.degrees_of_freedom is None else self.degrees_of_freedom
        if self.unseen is not None:  # of fewer rows that carry the spread, it tells more than a t with a longer tail
            freedom = min(max(freedom, FEW_DEGREES_OF_FREEDOM), self._units - 1)
        wider = math.sqrt(1 + 1 / freedom)
        return wider * float(special.stdtrit(freedom, (1 + confidence) / 2))

    def _bca_end(self, deviate: float) -> float:
        """One end of the BCa interval: the replicates' quantile at a normal deviate, moved by bias and acceleration."""
        bias = float(special.ndtri(self._share_below))
        acceleration = self.cubes / (6 * self.squares**1.5) if self.squares > 0 else 0.0
        slack = 1 - acceleration * (bias + deviate)
        moved = bias + (bias + deviate) / slack if slack > 0 else math.copysign(math.inf, deviate)
        return self._quantile(moved)

    def _quantile(self, deviate: float) -> float:
        """A quantile of the replicates by its normal deviate; beyond the outermost few it goes on as a normal tail."""
        defined = self.defined_replicates
        edge = -float(special.ndtri(TAIL_REPLICATES / len(defined))) if len(defined) > 2 * TAIL_REPLICATES else 0.0
        inner = min(max(deviate, -edge), edge)
        beyond = min(max(deviate - inner, -MAX_TAIL_DEVIATE), MAX_TAIL_DEVIATE) * float(defined.std())
        return float(np.quantile(defined, special.ndtr(inner))) + beyond
