"""Formulas: intervals of a share and of a drop from counts, which need not be whole numbers."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from scipy import special

if TYPE_CHECKING:
    from collections.abc import Callable


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
