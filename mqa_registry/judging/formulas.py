"""Formulas: intervals of a share and of a drop from counts, which need not be whole numbers, and of two numbers."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from scipy import special

if TYPE_CHECKING:
    from collections.abc import Callable

    Ends = tuple[float, float]


@lru_cache(maxsize=100_000)
def exact(share: float, rows: float, confidence: float) -> tuple[float, float]:
    """Clopper and Pearson's interval; the rows need not be a whole number."""
    tail = (1 - confidence) / 2
    won, lost = share * rows, (1 - share) * rows
    low = float(special.betaincinv(won, lost + 1, tail)) if share > 0 else 0.0
    high = float(special.betainccinv(won + 1, lost, tail)) if share < 1 else 1.0
    return low, high


@lru_cache(maxsize=100_000)
def jeffreys(share: float, rows: float, confidence: float) -> tuple[float, float]:
    """The equal-tailed interval of Jeffreys' prior, from 0 where no row is right and to 1 where all are."""
    tail = (1 - confidence) / 2
    won, lost = share * rows + 0.5, (1 - share) * rows + 0.5
    low = float(special.betaincinv(won, lost, tail)) if share > 0 else 0.0
    high = float(special.betainccinv(won, lost, tail)) if share < 1 else 1.0
    return low, high


@lru_cache(maxsize=100_000)
def wilson(share: float, rows: float, confidence: float) -> tuple[float, float]:
    """Wilson's score interval."""
    reach = float(special.ndtri((1 + confidence) / 2)) ** 2 / rows
    middle = (share + reach / 2) / (1 + reach)
    half = math.sqrt(share * (1 - share) * reach + reach**2 / 4) / (1 + reach)
    return max(0.0, middle - half), min(1.0, middle + half)


INTERVALS: dict[str, Callable[[float, float, float], tuple[float, float]]] = {
    "exact": exact,
    "wilson": wilson,
    "jeffreys": jeffreys,
}


@lru_cache(maxsize=100_000)
def tango(lost: float, won: float, rows: float, confidence: float) -> tuple[float, float]:
    """Tango's score interval of a drop; the counts need not be whole numbers."""
    reach = float(special.ndtri((1 + confidence) / 2))

    def score(drop: float) -> float:
        return _score(lost, won, rows, drop)

    return _root(lambda drop: score(drop) - reach), _root(lambda drop: score(drop) + reach)


def _score(lost: float, won: float, rows: float, drop: float) -> float:
    """How many standard errors the observed drop lies above `drop`; falls as `drop` rises."""
    linear = -lost - won + (2 * rows - lost + won) * drop
    constant = -won * drop * (1 - drop)
    share = (math.sqrt(max(0.0, linear**2 - 8 * rows * constant)) - linear) / (4 * rows)
    variance = rows * (2 * share + drop * (1 - drop))
    distance = lost - won - rows * drop
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def _root(function: Callable[[float], float]) -> float:
    """Where a falling function of a difference of shares crosses zero, between -1 and 1."""
    low, high = -1.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return (low + high) / 2


def mover_difference(one: float, two: float, ends_of_one: Ends, ends_of_two: Ends) -> Ends:
    """The interval of one number less another, from the interval of each, of different rows; open where one is.

    The method of variance estimates recovery: Zou and Donner, Stat. Med. 27, 2008.
    """
    (low_1, high_1), (low_2, high_2) = ends_of_one, ends_of_two
    value = one - two
    return value - math.hypot(one - low_1, high_2 - two), value + math.hypot(high_1 - one, two - low_2)


def mover_ratio(one: float, two: float, ends_of_one: Ends, ends_of_two: Ends) -> Ends:
    """The same of one number by another, neither below 0; without an end above where the divisor may be 0.

    Donner and Zou, Stat. Methods Med. Res. 21, 2012.
    """
    (low_1, high_1), (low_2, high_2) = ends_of_one, ends_of_two
    if math.isinf(high_1) or math.isinf(high_2):
        return widest_ratio(ends_of_one, ends_of_two)
    product = one * two
    dividend, divisor = low_1 * (2 * one - low_1), high_2 * (2 * two - high_2)
    low = dividend / (product + math.sqrt(max(0.0, product**2 - dividend * divisor))) if dividend else 0.0
    dividend, divisor = high_1 * (2 * one - high_1), low_2 * (2 * two - low_2)
    rest = math.sqrt(max(0.0, product**2 - dividend * divisor))
    return low, (product + rest) / divisor if low_2 > 0 else math.inf


def widest_ratio(ends_of_one: Ends, ends_of_two: Ends) -> Ends:
    """The widest ratio that both intervals allow, open on both sides where the divisor may be 0 or less."""
    (low_1, high_1), (low_2, high_2) = ends_of_one, ends_of_two
    if low_2 <= 0:
        return -math.inf, math.inf
    return low_1 / (high_2 if low_1 > 0 else low_2), high_1 / (low_2 if high_1 > 0 else high_2)
