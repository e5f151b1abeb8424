"""Confirming: whether slices that looked weak are so on rows that had no part in finding them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Finding:
    """A slice on the rows held back: shares of right answers in it and elsewhere, how far the one lies below the other.

    `low` and `high` are the interval of the gap. `p` is that of the slice alone, `corrected` after Holm's correction.
    """

    name: str
    rows: int
    score: float
    elsewhere: float
    low: float
    high: float
    p: float
    corrected: float

    @property
    def gap(self) -> float:
        return self.elsewhere - self.score


def findings(names: Sequence[str], inside: Sequence[Bools], right: Bools, confidence: float) -> list[Finding]:
    """Each slice on the rows held back.

    The test is Fisher's, exact and one-sided: how likely as few right answers are in the slice, given how many there
    are in all. Holm's correction (1979, Scandinavian Journal of Statistics 6) is for all slices that are tried here.
    """
    from scipy.stats import hypergeom

    ps = [float(hypergeom.cdf((right & each).sum(), len(right), right.sum(), each.sum())) for each in inside]
    tested = zip(names, inside, ps, holm(ps), strict=True)
    return [Finding(name, *_gap(each, right, confidence), p, corrected) for name, each, p, corrected in tested]


def holm(ps: Sequence[float]) -> list[float]:
    """The p-values, each corrected for all of them, so that one below alpha is wrong anywhere in alpha of all cases."""
    order = np.argsort(ps, kind="stable")
    stepped = np.minimum(1.0, np.array(ps)[order] * (len(ps) - np.arange(len(ps))))
    corrected = np.empty(len(ps))
    corrected[order] = np.maximum.accumulate(stepped) if len(ps) else stepped
    return [float(one) for one in corrected]


def newcombe(hits: tuple[int, int], rows: tuple[int, int], confidence: float) -> tuple[float, float]:
    """The interval of the first share less the second, of different rows.

    Method 10 of Newcombe 1998 (Statistics in Medicine 17, 873-890): the Wilson intervals of both, put together.
    """
    from scipy.stats import norm

    z = float(norm.isf((1 - confidence) / 2))
    shares = [hit / row for hit, row in zip(hits, rows, strict=True)]
    (low1, high1), (low2, high2) = (_wilson(share, row, z) for share, row in zip(shares, rows, strict=True))
    between = shares[0] - shares[1]
    down = math.hypot(shares[0] - low1, high2 - shares[1])
    up = math.hypot(high1 - shares[0], shares[1] - low2)
    return between - down, between + up


def _wilson(share: float, rows: int, z: float) -> tuple[float, float]:
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    reach = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return middle - reach, middle + reach


def _gap(inside: Bools, right: Bools, confidence: float) -> tuple[int, float, float, float, float]:
    """The rows of a slice, the score in it and elsewhere, and the interval of the gap."""
    rows = int(inside.sum()), int((~inside).sum())
    hits = int(right[inside].sum()), int(right[~inside].sum())
    return rows[0], hits[0] / rows[0], hits[1] / rows[1], *newcombe(hits[::-1], rows[::-1], confidence)
