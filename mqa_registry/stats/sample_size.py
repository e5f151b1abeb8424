"""Sample size: how many rows would settle a claim, and the fewest with which one can hold in the best case."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.stats.bootstrap import BootstrapEstimate
from mqa_registry.stats.estimates import Claim
from mqa_registry.stats.means import BoundedMean
from mqa_registry.stats.paired_proportions import PairedProportions
from mqa_registry.stats.proportions import Proportion
from mqa_registry.stats.quantiles import OrderStatistic
from mqa_registry.stats.unpaired_differences import ProportionDifference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mqa_registry.stats.estimates import Span

MAX_ROWS = 100_000_000  # more than this nobody gathers to settle a check
REACHABLE_ROWS = 100_000  # no more are suggested to a person, ...
REACHABLE_TIMES = 100  # ... or no more than so many times the rows at hand, where that is more
MAX_SEARCHED_CLAIMS = 20  # those of many that need the most rows, roughly, are searched


@dataclass(frozen=True)
class HardestClaim:
    """The claim that decides how many rows settle all, and their number; None where its value is too close to the bound."""

    claim: Claim
    rows: int | None


def find_hardest_claim(
    claims: Sequence[Claim], confidence: float, fail_confidences: Mapping[Claim, float]
) -> HardestClaim | None:
    """Of the claims that rows can settle, the one that needs the most rows; None where there is no such claim.

    Where one is too close to its bound for the rows that can be gathered, but another fails with fewer, that one decides.
    `fail_confidences` has the level at which each has to fail, where that is another than `confidence`.
    """
    levels = {claim: fail_confidences.get(claim, confidence) for claim in claims if claim.is_defined}
    rough = {claim: _rough_or_infinite(claim, confidence, level) for claim, level in levels.items()}
    hardest = sorted((claim for claim in levels if rough[claim]), key=lambda claim: -rough[claim])[:MAX_SEARCHED_CLAIMS]
    searched = {claim: rows_to_settle(claim, confidence, levels[claim]) for claim in hardest}
    is_close = {claim: _is_too_close(claim, rows, confidence) for claim, rows in searched.items()}
    needs = [HardestClaim(claim, rows) for claim, rows in searched.items() if rows and not is_close[claim]]
    if any(is_close.values()):
        closest = next(claim for claim in hardest if is_close[claim])
        failing = [need for need in needs if not need.claim.holds_at_point()]
        return min(failing, key=lambda need: need.rows or 0, default=HardestClaim(closest, None))
    return max(needs, key=lambda need: need.rows or 0, default=None)


def rows_to_settle(claim: Claim, confidence: float, fail_confidence: float | None = None) -> int | None:
    """How many rows would settle a claim, were the estimate right; None where no number of rows would.

    It holds at `confidence` and fails at `fail_confidence`, the same if left out.
    """
    fail_at = confidence if fail_confidence is None else fail_confidence
    rough = None if claim.estimate.never_settles else rough_rows_to_settle(claim, confidence, fail_at)
    if rough is not None and claim.estimate.with_rows(claim.estimate.rows) is not None:
        return _search_rows(claim, confidence, fail_at)
    return rough if rough is None or rough <= MAX_ROWS else None


def rough_rows_to_settle(claim: Claim, confidence: float, fail_confidence: float) -> int | None:
    """The same from how the interval at hand would shrink, by the root of the rows; at least so many that it ends."""
    estimate, value = claim.estimate, claim.estimate.value
    if not claim.is_defined or value in (claim.low, claim.high) or estimate.rows == 0:
        return None
    if isinstance(estimate, BootstrapEstimate) and estimate.undefined_reason:
        return estimate.rows_to_be_defined
    interval = estimate.interval(confidence if claim.holds_at_point() else fail_confidence)
    if interval is None:
        return None
    reached = [abs(interval[bound > value] - value) / abs(bound - value) for bound in _bounds_to_clear(claim)]
    if any(map(math.isinf, reached)):
        return _rows_for_an_end(claim, confidence)
    farthest = min(max(reached, default=0.0), float(MAX_ROWS))  # the square of more may be no number
    return math.ceil(estimate.rows * farthest**2) or None


def find_fewest_rows(clears: Callable[[int], bool]) -> int | None:
    """The least number of rows that clears a bound, where more always do as well; None where none does."""
    rows = 1
    while not clears(rows):
        rows *= 2
        if rows > MAX_ROWS:
            return None
    return rows if rows == 1 else _first_that_clears(clears, rows // 2, rows)


def can_hold_proportion(rows: int, low: float, high: float, confidence: float) -> bool:
    """Whether some share of so many rows is shown to lie between the bounds."""

    def clears(successes: int) -> bool:
        return Claim("", Proportion(successes, rows), low).holds(confidence)

    if rows < 1 or not clears(rows):
        return False
    least = 0 if clears(0) else _first_that_clears(clears, 0, rows)
    return Claim("", Proportion(least, rows), low, high).holds(confidence)


def can_hold_equal_groups(first: int, second: int, low: float, high: float, confidence: float) -> bool:
    """Whether the difference of two groups of so many rows, all of them right, is shown to lie between the bounds."""
    pair = ProportionDifference(Proportion(first, first), Proportion(second, second))
    return min(first, second) > 0 and Claim("", pair, low, high).holds(confidence)


def can_hold_drop(rows: int, high: float, confidence: float, *, all_better: bool = False) -> bool:
    """Whether a drop of so many rows that stay as they are, or are all newly right, is shown to be at most `high`."""
    pairs = PairedProportions(0, rows if all_better else 0, rows)
    return rows > 0 and Claim("", pairs, high=high).holds(confidence)


def can_hold_mean(rows: int, score: float, span: Span, *, low: float, high: float, confidence: float) -> bool:
    """Whether the mean of so many rows that all have a score is shown to lie between the bounds."""
    alike = BoundedMean.from_scores(np.array([score]), *span)
    return rows > 0 and Claim("", alike.with_rows(rows), low, high).holds(confidence)


def can_hold_quantile(rows: int, share: float, low: float, high: float, confidence: float) -> bool:
    """Whether the quantile of so many rows that all lie between the bounds has an end wherever there is a bound."""
    inside = np.array([max(low, min(high, 0.0))])
    return rows > 0 and Claim("", OrderStatistic(inside, share, rows), low, high).holds(confidence)


def _is_too_close(claim: Claim, rows: int | None, confidence: float) -> bool:
    """Whether a claim that so many rows settle, or no number, has an interval that more than can be gathered would shrink enough."""
    interval = claim.estimate.interval(confidence)
    if interval is None or not all(map(math.isfinite, interval)):
        return False  # more rows are needed for an interval at all
    return rows is None or rows > max(REACHABLE_ROWS, REACHABLE_TIMES * claim.estimate.rows)


def _rough_or_infinite(claim: Claim, confidence: float, fail_confidence: float) -> float:
    """The rough number of rows, infinite on the bound itself; 0 where it is not known."""
    if claim.estimate.never_settles:
        return 0.0
    if claim.estimate.rows and claim.estimate.value in (claim.low, claim.high):
        return math.inf
    return rough_rows_to_settle(claim, confidence, fail_confidence) or 0


def _bounds_to_clear(claim: Claim) -> list[float]:
    """The bounds that the interval has to clear: the one that the estimate violates, or all there are."""
    if claim.holds_at_point():
        return [bound for bound in (claim.low, claim.high) if math.isfinite(bound)]
    return [claim.failing_ends[claim.estimate.value > claim.high]]


def _rows_for_an_end(claim: Claim, confidence: float) -> int | None:
    estimate = claim.estimate
    if not isinstance(estimate, OrderStatistic) or estimate.design is not None:
        return None
    return estimate.rows_for_an_end(confidence, above=claim.nearest_bound_is_above)


def _search_rows(claim: Claim, confidence: float, fail_confidence: float) -> int | None:
    """Search the number of rows like those at hand at which the interval clears the bound.

    Where the rows at hand do not settle it, it is more than those.
    """

    def settles(rows: int) -> bool:
        estimate = claim.estimate.with_rows(rows)
        assert estimate is not None
        return replace(claim, estimate=estimate).is_settled(confidence, fail_confidence)

    low = 1 if claim.is_settled(confidence, fail_confidence) else claim.estimate.rows
    high = 2 * low
    while not settles(high):
        low, high = high, high * 2
        if high > MAX_ROWS:
            return None
    while high - low > max(1, high // 200):
        middle = (low + high) // 2
        low, high = (low, middle) if settles(middle) else (middle, high)
    return high


def _first_that_clears(clears: Callable[[int], bool], low: int, high: int) -> int:
    """The least number above `low`, which does not clear, up to `high`, which does."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if clears(middle) else (middle, high)
    return high
