"""Confirmation: whether slices that looked weak are weak on rows that had no part in finding them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mqa_registry import holm

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SliceResult:
    """A slice on the rows held back: its number of rows, and the accuracy in it and elsewhere.

    `low` and `high` are the interval of the gap between the two. `p` is the p-value of the slice alone, `corrected` that
    after Holm's correction.
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


def confirm_slices(
    names: Sequence[str], inside: Sequence[Bools], correct: Bools, confidence: float
) -> list[SliceResult]:
    """Each slice on the rows held back.

    `inside` says of each slice which rows are in it, `correct` which rows are predicted right.

    The test is Fisher's, exact and one-sided: how likely so few correct predictions in the slice are, given their number
    in all. Holm's correction is for all slices that are tested here.
    """
    from scipy.stats import hypergeom

    ps = [float(hypergeom.cdf((correct & rows).sum(), len(correct), correct.sum(), rows.sum())) for rows in inside]
    tests = zip(names, inside, ps, holm(ps), strict=True)
    return [SliceResult(name, *_compare(rows, correct, confidence), p, corrected) for name, rows, p, corrected in tests]


def newcombe_interval(hits: tuple[int, int], rows: tuple[int, int], confidence: float) -> tuple[float, float]:
    """The interval of the first share less the second, of independent samples.

    Method 10 of Newcombe 1998 (Statistics in Medicine 17, 873-890): the Wilson intervals of both, put together.
    """
    from scipy.stats import norm

    z = float(norm.isf((1 - confidence) / 2))
    shares = [hit / row for hit, row in zip(hits, rows, strict=True)]
    (low1, high1), (low2, high2) = (_wilson_interval(share, row, z) for share, row in zip(shares, rows, strict=True))
    difference = shares[0] - shares[1]
    down = math.hypot(shares[0] - low1, high2 - shares[1])
    up = math.hypot(high1 - shares[0], shares[1] - low2)
    return difference - down, difference + up


def _wilson_interval(share: float, rows: int, z: float) -> tuple[float, float]:
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    reach = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return middle - reach, middle + reach


def _compare(inside: Bools, correct: Bools, confidence: float) -> tuple[int, float, float, float, float]:
    """The number of rows of a slice, the accuracy in it and elsewhere, and the interval of the gap."""
    rows = int(inside.sum()), int((~inside).sum())
    hits = int(correct[inside].sum()), int(correct[~inside].sum())
    return rows[0], hits[0] / rows[0], hits[1] / rows[1], *newcombe_interval(hits[::-1], rows[::-1], confidence)
