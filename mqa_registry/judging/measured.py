"""What a measure gives, as estimates: of one view, of the drop between two, of the difference between two groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.contributions import Statistic
from mqa_registry.judging.estimates import (
    Estimate,
    Mean,
    PairedProportions,
    Proportion,
    Resampled,
    UnpairedProportions,
    Whole,
)
from mqa_registry.judging.resampling import Resampling, resampled

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """A measure's answer for some rows: a score a row (NaN where a row has no say), a statistic, or one number."""

    answer: Floats | Statistic | float

    @classmethod
    def of(cls, answer: Any) -> Measured:
        """Whatever a measure's function gave, in one of the three forms."""
        if isinstance(answer, Statistic):
            return cls(answer)
        array = np.asarray(answer, dtype=np.float64)
        return cls(float(array) if array.ndim == 0 else array)


def estimate(measured: Measured, rows: int, how: Resampling) -> Estimate:
    """The estimate of a measure on some rows."""
    answer = measured.answer
    if isinstance(answer, Statistic):
        return resampled([_sized(answer, rows)], lambda values: values[0], how)
    if isinstance(answer, float):
        return Whole(answer, rows)
    scores = answer[~np.isnan(answer)]
    if _is_share(scores):
        return Proportion(int(scores.sum()), len(scores))
    return _mean(scores)


def drop(reference: Measured, candidate: Measured, rows: int, how: Resampling) -> Estimate:
    """The reference less the candidate, both on the same rows in the same order."""
    one, two = reference.answer, candidate.answer
    if isinstance(one, float) or isinstance(two, float):
        return Whole(_number(reference, rows) - _number(candidate, rows), rows)
    if isinstance(one, Statistic) or isinstance(two, Statistic) or (np.isnan(one) != np.isnan(two)).any():
        pair = [_sized(_statistic(answer), rows) for answer in (one, two)]
        return resampled(pair, lambda values: values[0] - values[1], how, "paired bca")
    one, two = one[~np.isnan(one)], two[~np.isnan(two)]
    if _is_share(one) and _is_share(two):
        return PairedProportions(int((one > two).sum()), int((one < two).sum()), len(one))
    return _mean(one - two, "paired t")


def difference(first: Estimate, second: Estimate) -> Estimate:
    """One estimate less another, of different rows."""
    if isinstance(first, Proportion) and isinstance(second, Proportion) and first.rows and second.rows:
        return UnpairedProportions(first, second)
    if isinstance(first, Mean) and isinstance(second, Mean):
        return _welch(first, second)
    if isinstance(first, Resampled) and isinstance(second, Resampled):
        squares, cubes = first.squares + second.squares, first.cubes - second.cubes
        replicates = first.replicates - second.replicates
        rows = first.rows + second.rows
        return Resampled(first.value - second.value, rows, replicates, squares, cubes, "unpaired bca")
    return Whole(first.value - second.value, first.rows + second.rows)


def ratio(first: Estimate, second: Estimate, how: Resampling) -> Estimate:
    """One estimate by another, of different rows; bootstrapped from both."""
    rng = how.rng()
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = first.draws(rng, how.count) / second.draws(rng, how.count)
    value = first.value / second.value if second.value else math.nan
    return Resampled(value, first.rows + second.rows, replicates, method="bootstrap")


def _is_share(scores: Floats) -> bool:
    return bool(((scores == 0) | (scores == 1)).all())


def _mean(scores: Floats, method: str = "t") -> Estimate:
    if len(scores) == 0 or not np.isfinite(scores).all():
        return Whole(float(scores.mean()) if len(scores) else math.nan, len(scores))
    spread = float(scores.std(ddof=1)) if len(scores) > 1 else math.nan
    return Mean(float(scores.mean()), spread / math.sqrt(len(scores)), len(scores) - 1, len(scores), method)


def _welch(first: Mean, second: Mean) -> Mean:
    """Welch's t (Biometrika 34, 1947)."""
    one, two = first.error**2, second.error**2
    denominator = one**2 / first.freedom + two**2 / second.freedom if first.freedom > 0 < second.freedom else 0.0
    freedom = (one + two) ** 2 / denominator if denominator else 0.0
    return Mean(first.value - second.value, math.sqrt(one + two), freedom, first.rows + second.rows, "welch")


def _statistic(answer: Floats | Statistic | float) -> Statistic:
    """A mean of rows as a statistic: the sum of the scores by the number of rows that have a say."""
    if isinstance(answer, Statistic):
        return answer
    scores = np.asarray(answer)
    speaking = ~np.isnan(scores)
    values, cells = np.unique(scores[speaking], return_inverse=True)
    places = np.full(len(scores), -1)
    places[speaking] = cells
    return Statistic(lambda counts: _by_rows(counts, values), places, len(values))


def _by_rows(counts: Floats, values: Floats) -> Floats:
    rows = counts.sum(axis=-1)
    mean: Floats = np.divide(counts @ values, rows, out=np.full(rows.shape, np.nan), where=rows > 0)
    return mean


def _sized(statistic: Statistic, rows: int) -> Statistic:
    return statistic if statistic.cells is not None else Statistic(statistic.of, np.arange(rows), rows)


def _number(measured: Measured, rows: int) -> float:
    answer = measured.answer
    if isinstance(answer, Statistic):
        sized = _sized(answer, rows)
        assert sized.cells is not None
        counts = np.bincount(sized.cells[sized.cells >= 0], minlength=sized.size).astype(np.float64)
        return float(sized.of(counts))
    return float(np.nanmean(answer)) if isinstance(answer, np.ndarray) else float(answer)
