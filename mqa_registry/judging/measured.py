"""What a measure gives, as estimates: of one view, of the drop between two, of the difference between two groups."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.contributions import Quantile, Statistic
from mqa_registry.judging.bootstrap import Resampled
from mqa_registry.judging.clusters import design_of, robust_error
from mqa_registry.judging.counting import counted
from mqa_registry.judging.estimates import Estimate, Mean, Undefined, Whole
from mqa_registry.judging.quantiles import OrderStatistic, checked, order_statistic
from mqa_registry.judging.resampling import Resampling, resampled
from mqa_registry.judging.shares import PairedProportions, Proportion, UnpairedProportions, UnpairedRatio
from mqa_registry.judging.units import FEW_CELLS
from mqa_registry.judging.unpaired import QuantileDifference, QuantileRatio

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]
    Ints: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """A measure's answer for some rows: a score a row (NaN where a row has no say), a statistic, or one number."""

    answer: Floats | Bools | Statistic | Quantile | float

    @classmethod
    def of(cls, answer: Any) -> Measured:
        """Whatever a measure's function gave, in one of these forms."""
        if isinstance(answer, Statistic):
            return cls(answer)
        if isinstance(answer, Quantile):
            return cls(checked(answer))
        array = np.asarray(answer)
        if array.dtype != bool:
            array = array.astype(np.float64, copy=False)
        return cls(float(array) if array.ndim == 0 else array)

    def at(self, positions: Ints) -> Measured | None:
        """The same of some of the rows; None where the measure has to be asked again."""
        if isinstance(self.answer, np.ndarray):
            return Measured(self.answer[positions])
        if isinstance(self.answer, Quantile):
            return Measured(replace(self.answer, values=self.answer.values[positions]))
        if isinstance(self.answer, Statistic) and self.answer.cells is not None and self.answer.size <= FEW_CELLS:
            return Measured(Statistic(self.answer.of, self.answer.cells[positions], self.answer.size))
        return None


def estimate(measured: Measured, rows: int, how: Resampling) -> Estimate:
    """The estimate of a measure on some rows."""
    answer = measured.answer
    if isinstance(answer, Statistic):
        if answer.undefined:
            return Undefined(rows, f"is undefined, since {answer.undefined}", never=answer.never)
        return resampled([counted(answer, rows)], lambda values: values[0], how) if rows else _without_rows()
    if isinstance(answer, Quantile):
        return order_statistic(answer, how.clusters)
    if isinstance(answer, float):
        return Undefined(rows, f"is undefined on {rows:,} rows") if math.isnan(answer) else Whole(answer, rows)
    scores, clusters = _speaking(answer, how.clusters)
    if _is_share(scores):
        design = design_of(_floats(scores), clusters) if clusters is not None else None
        return Proportion(int(np.count_nonzero(scores)), len(scores), how.share, design)
    return _mean(_floats(scores), clusters)


def drop(reference: Measured, candidate: Measured, rows: int, how: Resampling) -> Estimate:
    """The reference less the candidate, both on the same rows in the same order."""
    one, two = reference.answer, candidate.answer
    if isinstance(one, float) or isinstance(two, float):
        value = bare(reference, rows) - bare(candidate, rows)
        return Undefined(rows, f"is undefined on {rows:,} rows") if math.isnan(value) else Whole(value, rows)
    if (
        isinstance(one, Statistic | Quantile)
        or isinstance(two, Statistic | Quantile)
        or (_silent(one) != _silent(two)).any()
    ):
        pair = [counted(answer, rows) for answer in (one, two)]
        return resampled(pair, lambda values: values[0] - values[1], how, "paired bca") if rows else _without_rows()
    (one, clusters), (two, _) = (_speaking(answer, how.clusters) for answer in (one, two))
    if _is_share(one) and _is_share(two):
        lost, won = int(np.count_nonzero(one > two)), int(np.count_nonzero(two > one))
        design = design_of(_floats(one) - two, clusters) if clusters is not None else None
        return PairedProportions(lost, won, len(one), design)
    with np.errstate(invalid="ignore"):  # infinity less infinity is refused as what it is
        return _mean(_floats(one) - two, clusters, "paired t")


def difference(first: Estimate, second: Estimate) -> Estimate:
    """One estimate less another, of different rows."""
    rows = first.rows + second.rows
    for one in (first, second):
        if math.isnan(one.value):
            return Undefined(rows, one.flaw)
    if isinstance(first, Proportion) and isinstance(second, Proportion):
        return UnpairedProportions(first, second)
    if isinstance(first, Resampled) and isinstance(second, Resampled):
        return _apart(first, second)
    if isinstance(first, OrderStatistic) and isinstance(second, OrderStatistic):
        return QuantileDifference(first, second)
    if isinstance(first, Proportion | Mean) and isinstance(second, Proportion | Mean):
        return _welch(_as_mean(first), _as_mean(second))
    return Whole(first.value - second.value, rows)


def ratio(first: Estimate, second: Estimate, how: Resampling) -> Estimate:
    """One estimate by another, of different rows; bootstrapped from both, where they are no shares."""
    rows = first.rows + second.rows
    for one in (first, second):
        if math.isnan(one.value):
            return Undefined(rows, one.flaw)
    if not second.value:
        return Undefined(rows, "is undefined, since the larger of the two is 0")
    if isinstance(first, Proportion) and isinstance(second, Proportion):
        return UnpairedRatio(first, second)
    if isinstance(first, OrderStatistic) and isinstance(second, OrderStatistic):
        return QuantileRatio(first, second)
    rng = how.rng()
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = first.draws(rng, how.count) / second.draws(rng, how.count)
    return Resampled(first.value / second.value, rows, replicates, method="bootstrap")


def bare(measured: Measured, rows: int) -> float:
    """The number alone, without what it takes to know how sure it is; NaN of no rows."""
    answer = measured.answer
    if isinstance(answer, Quantile):
        return order_statistic(answer, None).value
    if isinstance(answer, Statistic):
        sized = counted(answer, rows)
        assert sized.cells is not None
        counts = np.bincount(sized.cells[sized.cells >= 0], minlength=sized.size).astype(np.float64)
        return float(sized.of(counts))
    if not isinstance(answer, np.ndarray):
        return answer
    scores, _ = _speaking(answer, None)
    return float(scores.mean()) if len(scores) else math.nan


def _apart(first: Resampled, second: Resampled) -> Resampled:
    """The difference of two numbers, each resampled by itself."""
    clustered = "cluster" in first.method + second.method
    return Resampled(
        first.value - second.value,
        first.rows + second.rows,
        first.replicates - second.replicates,
        first.squares + second.squares,
        first.cubes - second.cubes,
        "cluster unpaired bca" if clustered else "unpaired bca",
        min(each.rows if each.units is None else each.units for each in (first, second)),
        _satterthwaite(first, second),
    )


def _satterthwaite(first: Resampled, second: Resampled) -> float | None:
    """The degrees of freedom of the sum of two variances, as for Welch's t."""
    if not first.freedom or not second.freedom or not first.squares + second.squares:
        return None
    return (first.squares + second.squares) ** 2 / (
        first.squares**2 / first.freedom + second.squares**2 / second.freedom
    )


def _speaking(scores: Floats | Bools, clusters: Ints | None) -> tuple[Floats | Bools, Ints | None]:
    """The scores of the rows that have a say, and their clusters."""
    silent = _silent(scores)
    if not silent.any():
        return scores, clusters
    return scores[~silent], clusters[~silent] if clusters is not None else None


def _floats(scores: Floats | Bools) -> Floats:
    return scores.astype(np.float64, copy=False)


def _silent(scores: Floats | Bools) -> Bools:
    return np.zeros(len(scores), dtype=bool) if scores.dtype == bool else np.isnan(scores)


def _is_share(scores: Floats | Bools) -> bool:
    return scores.dtype == bool or bool(((scores == 0) | (scores == 1)).all())


def _mean(scores: Floats, clusters: Ints | None, method: str = "t") -> Estimate:
    broken = int(np.count_nonzero(~np.isfinite(scores)))
    if broken:
        return Undefined(len(scores), f"is undefined: {broken:,} of {len(scores):,} rows score infinity")
    if len(scores) == 0:
        return _without_rows()
    if clusters is not None:
        error, count = robust_error(scores, clusters)
        error = 0.0 if np.ptp(scores) == 0 else error  # no rounding shall make rows differ that do not
        return Mean(float(scores.mean()), error, count - 1, len(scores), f"cluster {method}")
    spread = float(scores.std(ddof=1)) if len(scores) > 1 and np.ptp(scores) > 0 else 0.0
    return Mean(float(scores.mean()), spread / math.sqrt(len(scores)), len(scores) - 1, len(scores), method)


def _as_mean(one: Proportion | Mean) -> Mean:
    """A share in a place where its counterpart is a mean, so that rows are no longer only right or wrong."""
    if isinstance(one, Mean):
        return one
    units, effect = (one.design.clusters, one.design.effect) if one.design else (one.rows, 1.0)
    error = math.sqrt(one.value * (1 - one.value) * effect / max(1, one.rows - 1))
    return Mean(one.value, error, units - 1, one.rows, "cluster t" if one.design else "t")


def _welch(first: Mean, second: Mean) -> Mean:
    """Welch's t (Biometrika 34, 1947)."""
    one, two = first.error**2, second.error**2
    denominator = one**2 / first.freedom + two**2 / second.freedom if first.freedom > 0 < second.freedom else 0.0
    freedom = (one + two) ** 2 / denominator if denominator else 0.0
    method = "cluster welch" if "cluster" in first.method + second.method else "welch"
    return Mean(first.value - second.value, math.sqrt(one + two), freedom, first.rows + second.rows, method)


def _without_rows() -> Undefined:
    return Undefined(0, "is undefined, since no row has a say")
