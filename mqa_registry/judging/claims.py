"""Claims: a bound on an estimate, shown to hold, shown not to hold, or not settled by the rows at hand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry.judging.bootstrap import Resampled
from mqa_registry.judging.bounded import BoundedMean
from mqa_registry.judging.estimates import Undefined
from mqa_registry.judging.quantiles import OrderStatistic
from mqa_registry.judging.result import Verdict
from mqa_registry.judging.shares import PairedProportions, Proportion, UnpairedProportions, UnpairedRatio
from mqa_registry.judging.unpaired import NumberDifference, NumberRatio
from mqa_registry.judging.widest import Widest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judging.estimates import Estimate

MOST_ROWS = 100_000_000  # more than this nobody gathers to settle a check


@dataclass(frozen=True, eq=False)
class Claim:
    """`estimate` is at least `low` and at most `high`; `text` says so, for reports.

    `of` names the number of the check that it is about, where `text` does not.
    """

    text: str
    estimate: Estimate
    low: float = -math.inf
    high: float = math.inf
    of: str = ""

    @property
    def number(self) -> str:
        """Which of the check's numbers it is about."""
        return self.of or self.text

    @property
    def defined(self) -> bool:
        return not math.isnan(self.estimate.value)

    @property
    def beyond_rows(self) -> bool:
        """Whether no rows whatever would settle it."""
        return _leaps(self.estimate) or (isinstance(self.estimate, Undefined) and self.estimate.never)

    def holds(self, confidence: float) -> bool:
        """Whether the whole interval lies inside; a number without an interval stands for itself."""
        low, high = self._interval(confidence)
        return self.low <= low and high <= self.high

    def fails(self, confidence: float) -> bool:
        """Whether the whole interval lies outside, on one side."""
        low, high = self._interval(confidence)
        return high < self.low or low > self.high

    @property
    def bound_above(self) -> bool:
        """Whether the near bound lies above the estimate, so that the interval has to shrink from above to clear it."""
        value = self.estimate.value
        near = min(self.low, self.high, key=lambda bound: abs(bound - value))
        return near > value or near == value == self.high

    def holds_at_point(self) -> bool:
        """Whether the bare estimate lies inside."""
        return self.low <= self.estimate.value <= self.high

    def _interval(self, confidence: float) -> tuple[float, float]:
        if self.estimate.method == "none":
            return self.estimate.value, self.estimate.value
        return self.estimate.interval(confidence) or (-math.inf, math.inf)

    def rows_to_settle(self, confidence: float, to_fail: float | None = None) -> int | None:
        """How many rows would settle it, were the estimate right; None where no number of rows would.

        It holds at `confidence` and fails at `to_fail`, the same if left out.
        """
        rough = None if self.beyond_rows else self.roughly_to_settle(confidence, to_fail)
        if rough is not None and self._of_rows(self.estimate.rows) is not None:
            return self._rows_by_search(confidence, to_fail)
        return rough if rough is None or rough <= MOST_ROWS else None

    def roughly_to_settle(self, confidence: float, to_fail: float | None = None) -> int | None:
        """The same from how the interval at hand would shrink, by the root of the rows; at least so many that it ends."""
        value = self.estimate.value
        if not self.defined or value in (self.low, self.high) or self.estimate.rows == 0:
            return None
        if isinstance(self.estimate, Resampled) and self.estimate.flaw:
            return self.estimate.rows_to_be_defined
        interval = self.estimate.interval(confidence if self.holds_at_point() or to_fail is None else to_fail)
        if interval is None:
            return None
        reached = [abs(interval[bound > value] - value) / abs(bound - value) for bound in self._to_clear]
        if any(map(math.isinf, reached)):
            return self._rows_for_an_end(confidence)
        farthest = min(max(reached, default=0.0), float(MOST_ROWS))  # the square of more may be no number
        return math.ceil(self.estimate.rows * farthest**2) or None

    @property
    def _to_clear(self) -> list[float]:
        """The bounds that the interval has to clear: the one that the estimate violates, or all there are."""
        value = self.estimate.value
        if self.holds_at_point():
            return [bound for bound in (self.low, self.high) if math.isfinite(bound)]
        return [self.low if value < self.low else self.high]

    def _rows_for_an_end(self, confidence: float) -> int | None:
        estimate = self.estimate
        if not isinstance(estimate, OrderStatistic) or estimate.design is not None:
            return None
        return estimate.least_rows(confidence, above=self.bound_above)

    def _rows_by_search(self, confidence: float, to_fail: float | None) -> int | None:
        """Search the number of rows like those at hand at which the interval clears the bound.

        It is more than those at hand where they do not settle it, whatever the search makes of so many.
        """
        low = 1 if self.settled(confidence, to_fail) else self.estimate.rows
        high = 2 * low
        while not self._settled_with(high, confidence, to_fail):
            low, high = high, high * 2
            if high > MOST_ROWS:
                return None
        while high - low > max(1, high // 200):
            middle = (low + high) // 2
            low, high = (low, middle) if self._settled_with(middle, confidence, to_fail) else (middle, high)
        return high

    def _settled_with(self, rows: int, confidence: float, to_fail: float | None) -> bool:
        estimate = self._of_rows(rows)
        assert estimate is not None
        return Claim("", estimate, self.low, self.high).settled(confidence, to_fail)

    def settled(self, confidence: float, to_fail: float | None) -> bool:
        """Whether it holds at `confidence`, or fails at `to_fail`, the same if left out."""
        return self.holds(confidence) or self.fails(confidence if to_fail is None else to_fail)

    def _of_rows(self, rows: int) -> Estimate | None:
        """The estimate of another number of rows like those at hand; None where it is not known how it would be."""
        if isinstance(self.estimate, Proportion | PairedProportions | OrderStatistic):
            return self.estimate.of_rows(rows) if self.estimate.design is None else None
        if isinstance(self.estimate, NumberDifference | NumberRatio | UnpairedProportions | UnpairedRatio):
            return self.estimate.of_rows(rows)
        return self.estimate.of_rows(rows) if isinstance(self.estimate, Resampled | BoundedMean) else None


def _leaps(estimate: Estimate) -> bool:
    """Whether a row of a kind that was never seen would move it far, however many others there are."""
    if isinstance(estimate, NumberDifference | NumberRatio):
        return _leaps(estimate.first) or _leaps(estimate.second)
    if isinstance(estimate, Widest):
        return _leaps(estimate.base)
    return isinstance(estimate, Resampled) and estimate.edges is not None and estimate.edges.leaps


def verdict_of(claims: Sequence[Claim], confidence: float) -> Verdict:
    """All claims of one check together.

    It passes when every claim holds, without correction, since it says that all of them do (intersection-union); it
    fails when some claim fails after Holm's correction for their number.
    """
    if failing(claims, confidence):
        return Verdict.FAIL
    if claims and all(claim.defined and claim.holds(confidence) for claim in claims):
        return Verdict.PASS
    return Verdict.INCONCLUSIVE


def failing(claims: Sequence[Claim], confidence: float) -> list[Claim]:
    """The claims that fail after Holm's correction for the number of all."""
    levels = holm(claims, confidence)
    return [claim for claim in claims if claim.fails(levels[id(claim)])]


def holm(claims: Sequence[Claim], confidence: float) -> Mapping[int, float]:
    """Per claim, by its `id`, the confidence at which it has to fail, by Holm's procedure (Scand. J. Stat. 6, 1979).

    As claims fall, the rest are held to a milder level. A claim that is undefined counts among them: that there is no
    number for it makes the others no surer.
    """
    levels: dict[int, float] = {}
    remaining = list(claims)
    may_fall = [claim for claim in claims if claim.fails(confidence)]
    while True:
        level = 1 - (1 - confidence) / max(1, len(remaining))
        falling = {id(claim) for claim in may_fall if claim.fails(level)}
        levels |= {id(claim): level for claim in remaining if not falling or id(claim) in falling}
        if not falling:
            return levels
        may_fall = [claim for claim in may_fall if id(claim) not in falling]
        remaining = [claim for claim in remaining if id(claim) not in falling]


def verdict_at_point(claims: Sequence[Claim]) -> Verdict:
    """The verdict of the bare estimates, for those who ask for it."""
    if any(claim.defined and not claim.holds_at_point() for claim in claims):
        return Verdict.FAIL
    return Verdict.PASS if claims and all(claim.defined for claim in claims) else Verdict.INCONCLUSIVE
