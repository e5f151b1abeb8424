"""Claims: a bound on an estimate, shown to hold, shown not to hold, or not settled by the rows at hand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry.judging.estimates import Proportion
from mqa_registry.judging.result import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.judging.estimates import Estimate

MOST_ROWS = 100_000_000  # more than this nobody gathers to settle a check


@dataclass(frozen=True, eq=False)
class Claim:
    """`estimate` is at least `low` and at most `high`; `text` says so, for reports."""

    text: str
    estimate: Estimate
    low: float = -math.inf
    high: float = math.inf

    @property
    def defined(self) -> bool:
        return not math.isnan(self.estimate.value)

    def holds(self, confidence: float) -> bool:
        """Whether the whole interval lies inside; a number without an interval stands for itself."""
        low, high = self._interval(confidence)
        return self.low <= low and high <= self.high

    def fails(self, confidence: float) -> bool:
        """Whether the whole interval lies outside, on one side."""
        low, high = self._interval(confidence)
        return high < self.low or low > self.high

    def holds_at_point(self) -> bool:
        """Whether the bare estimate lies inside."""
        return self.low <= self.estimate.value <= self.high

    def _interval(self, confidence: float) -> tuple[float, float]:
        if self.estimate.method == "none":
            return self.estimate.value, self.estimate.value
        return self.estimate.interval(confidence) or (-math.inf, math.inf)

    def rows_to_settle(self, confidence: float) -> int | None:
        """About how many rows would settle it, were the estimate right; None where no number of rows would."""
        value = self.estimate.value
        distance = min(abs(value - bound) for bound in (self.low, self.high) if math.isfinite(bound))
        interval = self.estimate.interval(confidence)
        if not self.defined or distance == 0 or interval is None or self.estimate.rows == 0:
            return None
        if isinstance(self.estimate, Proportion):
            return self._rows_for_share(confidence)
        toward = interval[1] - value if self._bound_above() else value - interval[0]
        return math.ceil(self.estimate.rows * (max(toward, 0.0) / distance) ** 2)

    def _bound_above(self) -> bool:
        """Whether the interval has to shrink from above: the near bound lies above the estimate."""
        return abs(self.high - self.estimate.value) < abs(self.low - self.estimate.value) or math.isinf(self.low)

    def _rows_for_share(self, confidence: float) -> int | None:
        """Search the number of rows at which the exact interval of the same share clears the bound."""
        share = self.estimate.value
        low, high = 1, 2
        while not self._settled_with(high, share, confidence):
            low, high = high, high * 2
            if high > MOST_ROWS:
                return None
        while high - low > max(1, high // 200):
            middle = (low + high) // 2
            low, high = (low, middle) if self._settled_with(middle, share, confidence) else (middle, high)
        return high

    def _settled_with(self, rows: int, share: float, confidence: float) -> bool:
        claim = Claim("", Proportion(round(share * rows), rows), self.low, self.high)
        return claim.holds(confidence) or claim.fails(confidence)


def verdict_of(claims: Sequence[Claim], confidence: float) -> Verdict:
    """All claims of one check together.

    It passes when every claim holds, without correction, since it says that all of them do (intersection-union); it
    fails when some claim fails after Holm's correction for their number (Scand. J. Stat. 6, 1979).
    """
    if failing(claims, confidence):
        return Verdict.FAIL
    if claims and all(claim.defined and claim.holds(confidence) for claim in claims):
        return Verdict.PASS
    return Verdict.INCONCLUSIVE


def failing(claims: Sequence[Claim], confidence: float) -> list[Claim]:
    """The claims that fail after Holm's correction: as some fall, the rest are held to a milder level."""
    remaining = [claim for claim in claims if claim.defined]
    fallen: list[Claim] = []
    while remaining:
        level = 1 - (1 - confidence) / len(remaining)
        falling = [claim for claim in remaining if claim.fails(level)]
        if not falling:
            break
        fallen += falling
        remaining = [claim for claim in remaining if not claim.fails(level)]
    return fallen


def verdict_at_point(claims: Sequence[Claim]) -> Verdict:
    """The verdict of the bare estimates, for those who ask for it."""
    if any(claim.defined and not claim.holds_at_point() for claim in claims):
        return Verdict.FAIL
    return Verdict.PASS if claims and all(claim.defined for claim in claims) else Verdict.INCONCLUSIVE
