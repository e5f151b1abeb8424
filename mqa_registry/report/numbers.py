"""Numbers as people read them: `0.813 [0.801, 0.825]`, `3.1e-06`, `12,345`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mqa_registry.judging.result import Number

UNDEFINED = "undefined"

_TINY, _HUGE = 1e-3, 1e9  # below the one and from the other on, a number is written in powers of ten
_MOST_DECIMALS = 5


def spelled(number: Number, limits: Sequence[float] = ()) -> tuple[str, str]:
    """The estimate and its interval, as `0.813` and `[0.801, 0.825]`; the interval is empty where there is none.

    Where all of them are whole, as counts are, they have no decimals.
    `limits` are the bounds it is held against: a number is never rounded onto a bound that it does not lie on.
    """
    estimate, low, high = (_finite(value) for value in (number.estimate, number.low, number.high))
    if estimate is None:
        return UNDEFINED, ""
    if low is None and high is None:
        return plain(estimate, limits), ""
    values = [value for value in (estimate, low, high) if value is not None]
    spell = plain if all(map(_is_whole, values)) else _spelling(estimate, [low, high], limits)
    ends = ("…" if end is None else spell(end) for end in (low, high))
    return spell(estimate), f"[{', '.join(ends)}]"


def plain(value: float, limits: Sequence[float] = ()) -> str:
    """One number that stands alone; whole ones without decimals."""
    if not math.isfinite(value):
        return UNDEFINED
    return count(int(value)) if _is_whole(value) else _spelling(value, [], limits)(value)


def count(number: int) -> str:
    """A whole number: `12,345`."""
    return f"{number:,}"


def level(value: float) -> str:
    """A bound, as a suite would write it: `0.78`, `0.995`, `20`; shares have two decimals at least."""
    if 0 < abs(value) < _TINY:
        digits, _, power = f"{value:e}".partition("e")
        return f"{digits.rstrip('0').rstrip('.')}e{power}"
    text = f"{value:.10g}"
    return f"{value:.2f}" if abs(value) < 1 and len(text) < len(f"{value:.2f}") and value else text


def duration(seconds: float) -> str:
    """A stretch of time: `0.4 s`, `12.3 s`, `2 min 5 s`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s"


def _is_whole(value: float) -> bool:
    return float(value).is_integer() and abs(value) < _HUGE


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _spelling(estimate: float, ends: Sequence[float | None], limits: Sequence[float]) -> Callable[[float], str]:
    """One way to write an estimate and the ends of its interval, so that they can be compared by eye."""
    values = [estimate, *(end for end in ends if end is not None)]
    scale = max(abs(value) for value in values)
    tiny = _TINY / 10 if ends else _TINY  # an interval around nothing reads better in decimals
    if 0 < scale < tiny or scale >= _HUGE:
        return lambda value: f"{value:.1e}" if value else "0"
    if scale >= 1000:
        return lambda value: f"{value:z,.0f}"
    least = 4 if 0 < scale < _TINY else 3 if scale < 10 else 2 if scale < 100 else 1
    decimals = _decimals(estimate, values, limits, least)
    return lambda value: f"{value:z.{decimals}f}"


def _decimals(estimate: float, values: Sequence[float], limits: Sequence[float], least: int) -> int:
    """As few decimals as keep every value off a bound it does not lie on, and the estimate off a false 0 or 1."""
    for decimals in range(least, _MOST_DECIMALS):
        lies_on_bound = any(_merge(value, limit, decimals) for value in values for limit in limits)
        if not lies_on_bound and not _looks_perfect(estimate, values, decimals):
            return decimals
    return _MOST_DECIMALS


def _looks_perfect(estimate: float, values: Sequence[float], decimals: int) -> bool:
    """Whether it would be written as 0 or 1 though even its interval says otherwise."""
    return any(_merge(estimate, whole, decimals) and not min(values) <= whole <= max(values) for whole in (0.0, 1.0))


def _merge(value: float, other: float, decimals: int) -> bool:
    """Whether two different numbers would be written alike."""
    differ = not math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-9)
    return differ and f"{value:z.{decimals}f}" == f"{other:z.{decimals}f}"
