"""Measured bounds: where the intervals of a run end, rounded outward, so that the same rows pass them again."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

from mqa_registry.expect import BY_WORD, MIN_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from mqa_registry.judging.result import Number, Part, Result

DIGITS = 3  # significant digits of a measured bound
NON_NEGATIVE = ("max_drop", "max_rise", "max_gap")  # words whose bound on what never got worse is 0


@dataclass(frozen=True)
class MeasuredBounds:
    """The bounds of one check as a run measured them, and the comment that says so.

    What could not be measured is not among them.
    """

    expect: Mapping[str, Any]
    comment: str = ""
    unmeasured: tuple[str, ...] = field(default=())


def measure_bounds(expect: Mapping[str, Any], results: Sequence[Result], day: date) -> MeasuredBounds:
    """The bounds of a check, each replaced by the end of the worst interval of any backend and group."""
    measured: dict[str, Any] = {}
    comments: list[str] = []
    unmeasured: list[str] = []
    for word, limit in expect.items():
        if isinstance(limit, dict):  # the bounds of a number of a probe, by its name
            inner = {each: _measure(each, word, results) for each in limit}
        else:
            inner = {word: _measure(word, BY_WORD[word].quantity.name, results)} if word in BY_WORD else {}
        found = {each: worst for each, worst in inner.items() if worst is not None}
        bounds = {each: _bound(each, worst) for each, worst in found.items()}
        if isinstance(limit, dict):
            measured[word] = limit | bounds
        else:
            measured[word] = bounds.get(word, limit)
        comments += [_describe(worst, day) for worst in found.values()]
        unmeasured += [each for each in inner if each not in found]
    return MeasuredBounds(measured, "; ".join(comments), tuple(unmeasured))


def _measure(word: str, quantity: str, results: Sequence[Result]) -> Number | None:
    """The number with the worst end for a bound, of all backends, groups and severities; None where one has none."""
    is_low = BY_WORD[word].side == "low"
    numbers = [number for result in results for number in _numbers(result, quantity)]
    ends = [number.low if is_low else number.high for number in numbers]
    if not numbers or any(end is None for end in ends):
        return None
    choose = min if is_low else max
    return choose(numbers, key=lambda number: (number.low if is_low else number.high) or 0.0)


def _numbers(result: Result, quantity: str) -> Iterator[Number]:
    """The numbers of a quantity that a result is judged by: its own, or those of its groups, at every severity."""
    for part in (*result.series, *([] if result.series else [result])):
        grouped = [one for one in part.groups.values() if _has_rows(one)]  # type: ignore[attr-defined]
        own = part.numbers.get(quantity)
        if own is not None and (own.verdict is not None or not grouped):
            yield own
        else:
            yield from (one.numbers[quantity] for one in grouped if quantity in one.numbers)


def _has_rows(group: Part) -> bool:
    """Whether a group has rows enough to be judged."""
    return any(number.rows >= MIN_ROWS for number in group.numbers.values())


def _bound(word: str, worst: Number) -> float:
    """The end of an interval as a bound that it keeps."""
    is_low = BY_WORD[word].side == "low"
    end = worst.low if is_low else worst.high
    assert end is not None
    rounded = round_outward(end, down=is_low)
    return max(rounded, 0.0) if word in NON_NEGATIVE else rounded


def round_outward(value: float, *, down: bool) -> float:
    """A number with three significant digits, not above the value where `down`, else not below it."""
    exact = Decimal(repr(value))
    if not exact:
        return 0.0
    step = Decimal(1).scaleb(exact.adjusted() - DIGITS + 1)
    return float(exact.quantize(step, rounding=ROUND_FLOOR if down else ROUND_CEILING))


def _describe(worst: Number, day: date) -> str:
    low, high, estimate = (_format(value) for value in (worst.low, worst.high, worst.estimate))
    return f"measured {day.isoformat()}, on {worst.rows:,} rows: {estimate} [{low}, {high}]"


def _format(value: float | None) -> str:
    return "?" if value is None else f"{value:.3g}"
