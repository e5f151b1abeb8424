"""Numbers as people read them: `0.813 [0.801, 0.825]`, `3.1e-06`, `12,345`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mqa_registry.judging.result import Number

UNDEFINED = "undefined"

# Below the one and from the other on, a number is written in powers of ten.
_MIN_DECIMAL, _MAX_DECIMAL = 1e-3, 1e9
_MAX_PLACES = 5  # decimals
_MIN_P_VALUE = 1e-300


def format_estimate(number: Number, limits: Sequence[float] = ()) -> tuple[str, str]:
    """The estimate and its interval, as `0.813` and `[0.801, 0.825]`; the interval is empty where there is none.

    Where all of them are whole, as counts are, they have no decimals.
    `limits` are the bounds it is held against: a number is never rounded onto a bound that it does not lie on.
    """
    estimate, low, high = (_finite_or_none(value) for value in (number.estimate, number.low, number.high))
    if estimate is None:
        return UNDEFINED, ""
    if low is None and high is None:
        return format_number(estimate, limits), ""
    values = [value for value in (estimate, low, high) if value is not None]
    format_one = format_number if all(map(_is_whole, values)) else _choose_format(estimate, [low, high], limits)
    ends = ("…" if end is None else format_one(end) for end in (low, high))
    return format_one(estimate), f"[{', '.join(ends)}]"


def format_with_interval(number: Number, limits: Sequence[float] = ()) -> str:
    """The estimate with its interval behind it, as `0.813 [0.801, 0.825]`. `limits` as in `format_estimate`."""
    return " ".join(filter(None, format_estimate(number, limits)))


def format_number(value: float, limits: Sequence[float] = ()) -> str:
    """A number without an interval; whole ones without decimals. `limits` as in `format_estimate`."""
    if not math.isfinite(value):
        return UNDEFINED
    return format_count(int(value)) if _is_whole(value) else _choose_format(value, [], limits)(value)


def format_count(number: int) -> str:
    """A whole number: `12,345`."""
    return f"{number:,}"


def format_p_value(value: float) -> str:
    """A p-value: `p = 0.031`; what is too small for a number is no zero, but `p < 1e-300`."""
    return f"p = {value:.2g}" if value >= _MIN_P_VALUE else f"p < {_MIN_P_VALUE:g}"


def format_as_in_suite(value: float) -> str:
    """A bound or a severity, as a suite file has it: `0.78`, `0.995`, `20`; shares have two decimals at least."""
    if 0 < abs(value) < _MIN_DECIMAL:
        digits, _, power = f"{value:e}".partition("e")
        return f"{digits.rstrip('0').rstrip('.')}e{power}"
    text = f"{value:.10g}"
    return f"{value:.2f}" if abs(value) < 1 and len(text) < len(f"{value:.2f}") and value else text


def format_bytes(size: int) -> str:
    """A number of bytes, with a unit of powers of 1000: `512 B`, `21.4 kB`."""
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"


def format_duration(seconds: float) -> str:
    """A time: `0.4 s`, `12.3 s`, `2 min 5 s`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s"


def _is_whole(value: float) -> bool:
    return float(value).is_integer() and abs(value) < _MAX_DECIMAL


def _finite_or_none(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _choose_format(estimate: float, ends: Sequence[float | None], limits: Sequence[float]) -> Callable[[float], str]:
    """One format for an estimate and the ends of its interval, so that they have the same number of decimals."""
    values = [estimate, *(end for end in ends if end is not None)]
    scale = max(abs(value) for value in values)
    tiny = _MIN_DECIMAL / 10 if ends else _MIN_DECIMAL  # an interval around zero reads better in decimals
    if 0 < scale < tiny or scale >= _MAX_DECIMAL:
        return lambda value: f"{value:.1e}" if value else "0"
    if scale >= 1000:
        return lambda value: f"{value:z,.0f}"
    least = 4 if 0 < scale < _MIN_DECIMAL else 3 if scale < 10 else 2 if scale < 100 else 1
    decimals = _count_places(estimate, values, limits, least)
    return lambda value: f"{value:z.{decimals}f}"


def _count_places(estimate: float, values: Sequence[float], limits: Sequence[float], least: int) -> int:
    """The fewest decimals with which no value is rounded onto a bound, nor the estimate onto a false 0 or 1."""
    for decimals in range(least, _MAX_PLACES):
        lies_on_bound = any(_are_written_alike(value, limit, decimals) for value in values for limit in limits)
        if not lies_on_bound and not _looks_perfect(estimate, values, decimals):
            return decimals
    return _MAX_PLACES


def _looks_perfect(estimate: float, values: Sequence[float], decimals: int) -> bool:
    """Whether it would be written as 0 or 1, though its interval leaves that out."""
    return any(
        _are_written_alike(estimate, whole, decimals) and not min(values) <= whole <= max(values)
        for whole in (0.0, 1.0)
    )


def _are_written_alike(value: float, other: float, decimals: int) -> bool:
    """Whether two different numbers would be written alike."""
    if abs(value - other) > 2 * 10.0**-decimals:  # no rounding brings these together
        return False
    differ = not math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-9)
    return differ and f"{value:z.{decimals}f}" == f"{other:z.{decimals}f}"
