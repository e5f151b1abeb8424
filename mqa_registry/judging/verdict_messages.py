"""Messages of verdicts: why a check fails or is inconclusive, as the `note` of a result says it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mqa_registry.naming import counted

if TYPE_CHECKING:
    from mqa_registry.judging.verdicts import DecisionRule
    from mqa_registry.stats.estimates import Claim, Interval

TOO_FEW_GROUPS = "too few groups have enough rows to be judged"
NO_ROWS_SETTLE = "one unlike any of these could move it as far, so more {unit} like these do not settle it"
TOO_CLOSE = "it is too close to {bound} for more {unit} to settle on which side it is"
HUGE = 1e9  # from here on, a number is written in powers of ten
SMALLEST = 0.0005  # below, a number is written in powers of ten, too


def describe_claim(claim: Claim, group: str, rule: DecisionRule) -> str:
    """Why a claim fails, or is not shown to hold: where the interval lies, and where the bound; `group` may be empty."""
    number = f"{claim.text} in `{group}`" if group else claim.text
    if claim.estimate.undefined_reason:
        return f"{number} {claim.estimate.undefined_reason}"
    interval = claim.estimate.interval(rule.confidence)
    value = claim.estimate.value
    text = _format_estimate(value, interval)
    has_failed = claim.fails(rule.confidence) and not claim.holds(rule.confidence)
    ends = claim.failing_ends if has_failed else (claim.low, claim.high)
    bound = min((bound for bound in ends if math.isfinite(bound)), key=lambda one: abs(one - value))
    if has_failed and claim.failing is not None:  # the shortfall of what was claimed
        return f"{number} is {text}, {'worse' if value > bound else 'better'} than claimed"
    if has_failed:
        return f"{number} is {text}, {'above' if value > bound else 'below'} {bound:g}"
    if interval is not None and math.isinf(interval[claim.nearest_bound_is_above]):
        open_end = "above" if claim.nearest_bound_is_above else "below"
        return f"{number} is {text}, left open {open_end} by {claim.estimate.rows:,} {rule.unit}"
    return f"{number} is {text}, on both sides of {bound:g}"


def describe_unsettled_claim(claim: Claim, group: str, rule: DecisionRule, rows: int | None) -> str:
    """Why a claim is not shown to hold, and how many rows would settle all that are not; None for no number of rows."""
    reason = describe_claim(claim, group, rule)
    if claim.estimate.never_settles:
        return reason if claim.estimate.undefined_reason else f"{reason}; {NO_ROWS_SETTLE.format(unit=rule.unit)}"
    return f"{reason}; about {rows:,} {rule.unit} would settle it" if rows else reason


def describe_close_claim(claim: Claim, group: str, rule: DecisionRule) -> str:
    """Why a claim is not shown to hold whose value is next to its bound."""
    value = claim.estimate.value
    bound = min((end for end in (claim.low, claim.high) if math.isfinite(end)), key=lambda end: abs(end - value))
    return f"{describe_claim(claim, group, rule)}; {TOO_CLOSE.format(bound=f'{bound:g}', unit=rule.unit)}"


def describe_small_group(rows: int) -> str:
    """Why a group of so many rows is not judged."""
    return f"{counted(rows, 'row is', 'rows are')} too few"


def _format_estimate(value: float, interval: Interval) -> str:
    """An estimate with its interval; without decimals where all of it is whole, as counts are."""
    ends = interval or ()
    is_whole = all(one.is_integer() for one in map(float, (value, *ends)) if math.isfinite(one))
    to_text = _format_whole if is_whole else _format_decimal
    return to_text(value) + (
        f" [{', '.join('…' if math.isinf(end) else to_text(end) for end in ends)}]" if ends else ""
    )


def _format_whole(value: float) -> str:
    return f"{value:,.0f}" if abs(value) < HUGE else _format_decimal(value)


def _format_decimal(value: float) -> str:
    return f"{value:.1e}" if value and not SMALLEST <= abs(value) < HUGE else f"{value:.3f}"
