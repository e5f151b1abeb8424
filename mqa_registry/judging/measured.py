"""What a measure gives, as estimates: of one view, of the drop between two, of the difference between two groups."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.contributions import Quantile, Scores, Statistic
from mqa_registry.judging.bootstrap import ROUNDING
from mqa_registry.judging.bounded import BoundedMean
from mqa_registry.judging.clusters import design_of, robust_error
from mqa_registry.judging.counting import counted
from mqa_registry.judging.estimates import ANYWHERE, Estimate, Mean, Undefined, Whole, span_of_difference
from mqa_registry.judging.quantiles import checked, order_statistic
from mqa_registry.judging.resampling import Resampling, resampled
from mqa_registry.judging.shares import PairedProportions, Proportion, UnpairedProportions, UnpairedRatio
from mqa_registry.judging.units import FEW_CELLS
from mqa_registry.judging.unpaired import NumberDifference, NumberRatio
from mqa_registry.naming import counted as number_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry.judging.estimates import Span

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]
    Ints: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """A measure's answer for some rows: a score a row (NaN where a row has no say), a statistic, or one number.

    `span` is the range that the number cannot leave.
    """

    answer: Floats | Bools | Scores | Statistic | Quantile | float
    span: Span = ANYWHERE

    @classmethod
    def of(cls, answer: Any, span: Span = ANYWHERE) -> Measured:
        """Whatever a measure's function gave, in one of these forms."""
        if isinstance(answer, Statistic):
            return cls(answer, span)
        if isinstance(answer, Quantile):
            return cls(checked(answer), span)
        if isinstance(answer, Scores):
            return cls(replace(answer, values=np.asarray(answer.values, dtype=np.float64)), (answer.low, answer.high))
        array = np.asarray(answer)
        if array.dtype != bool:
            array = array.astype(np.float64, copy=False)
        return cls(float(array) if array.ndim == 0 else array, span)

    @classmethod
    def of_metric(cls, answer: Any, span: Span = ANYWHERE) -> Measured:
        """The same of a metric, whose scores a row can be anything within its range."""
        measured = cls.of(answer, span)
        answer = measured.answer
        if not isinstance(answer, np.ndarray) or answer.dtype == bool or not all(map(math.isfinite, span)):
            return measured
        return cls(Scores(answer, *span), span)

    def at(self, positions: Ints) -> Measured | None:
        """The same of some of the rows; None where the measure has to be asked again."""
        if isinstance(self.answer, np.ndarray):
            return replace(self, answer=self.answer[positions])
        if isinstance(self.answer, Quantile | Scores):
            return replace(self, answer=replace(self.answer, values=self.answer.values[positions]))
        if isinstance(self.answer, Statistic) and self.answer.cells is not None and self.answer.size <= FEW_CELLS:
            return replace(self, answer=Statistic(self.answer.of, self.answer.cells[positions], self.answer.size))
        return None


def estimate(measured: Measured, rows: int, how: Resampling) -> Estimate:
    """The estimate of a measure on some rows."""
    answer, span = measured.answer, measured.span
    if isinstance(answer, Statistic):
        if answer.undefined:
            return Undefined(rows, f"is undefined, since {answer.undefined}", never=answer.never)
        statistic = [counted(answer, rows)]
        return resampled(statistic, lambda values: values[0], how, span=span) if rows else _without_rows()
    if isinstance(answer, Quantile):
        return order_statistic(answer, how.clusters, span)
    if isinstance(answer, float):
        nothing = Undefined(rows, f"is undefined on {number_of(rows, 'row')}")
        return nothing if math.isnan(answer) else Whole(answer, rows, span=span)
    scores, clusters = _speaking(_values(answer), how.clusters)
    if _is_share(measured, scores):
        design = design_of(_floats(scores), clusters) if clusters is not None else None
        return Proportion(int(np.count_nonzero(scores)), len(scores), how.share, design)
    return _mean(_floats(scores), clusters, span, bounded=isinstance(answer, Scores))


def drop(reference: Measured, candidate: Measured, rows: int, how: Resampling) -> Estimate:
    """The reference less the candidate, both on the same rows in the same order."""
    span = span_of_difference(reference.span, candidate.span)
    answers = reference.answer, candidate.answer
    if any(isinstance(answer, float) for answer in answers):
        value = bare(reference, rows) - bare(candidate, rows)
        nothing = Undefined(rows, f"is undefined on {number_of(rows, 'row')}")
        return nothing if math.isnan(value) else Whole(value, rows, span=span)
    scores = [_values(answer) for answer in answers if isinstance(answer, np.ndarray | Scores)]
    if len(scores) < 2 or (_silent(scores[0]) != _silent(scores[1])).any():
        pair = [counted(answer, rows) for answer in answers]
        made = resampled(pair, lambda values: values[0] - values[1], how, "paired bca", span) if rows else None
        return made or _without_rows()
    (one, clusters), (two, _) = (_speaking(each, how.clusters) for each in scores)
    if _is_share(reference, one) and _is_share(candidate, two):
        lost, won = int(np.count_nonzero(one > two)), int(np.count_nonzero(two > one))
        design = design_of(_floats(one) - two, clusters) if clusters is not None else None
        return PairedProportions(lost, won, len(one), design)
    bounded = all(isinstance(answer, Scores) for answer in answers)
    with np.errstate(invalid="ignore"):  # infinity less infinity is refused as what it is
        return _mean(_floats(one) - two, clusters, span, "paired ", bounded=bounded)


def difference(first: Estimate, second: Estimate) -> Estimate:
    """One estimate less another, of different rows."""
    rows = first.rows + second.rows
    for one in (first, second):
        if math.isnan(one.value):
            return Undefined(rows, one.flaw)
    if isinstance(first, Proportion) and isinstance(second, Proportion):
        return UnpairedProportions(first, second)
    if isinstance(first, Whole) or isinstance(second, Whole):
        return Whole(first.value - second.value, rows, span=span_of_difference(first.span, second.span))
    if isinstance(first, Mean | Proportion) and isinstance(second, Mean | Proportion):
        return _welch(_as_mean(first), _as_mean(second))
    return NumberDifference(first, second)


def ratio(first: Estimate, second: Estimate) -> Estimate:
    """One estimate by another, of different rows."""
    rows = first.rows + second.rows
    for one in (first, second):
        if math.isnan(one.value):
            return Undefined(rows, one.flaw)
    if not second.value:
        return Undefined(rows, "is undefined, since the larger of the two is 0")
    if isinstance(first, Proportion) and isinstance(second, Proportion):
        return UnpairedRatio(first, second)
    if isinstance(first, Whole) or isinstance(second, Whole):
        return Whole(first.value / second.value, rows)
    return NumberRatio(first, second)


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
    if isinstance(answer, float):
        return answer
    scores, _ = _speaking(_values(answer), None)
    return float(scores.mean()) if len(scores) else math.nan


def _values(answer: Floats | Bools | Scores) -> Floats | Bools:
    return answer.values if isinstance(answer, Scores) else answer


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


def _is_share(measured: Measured, scores: Floats | Bools) -> bool:
    """Whether rows score 0 or 1, and could score nothing beyond as far as anybody says."""
    if scores.dtype == bool:
        return True
    return measured.span in (ANYWHERE, (0.0, 1.0)) and bool(((scores == 0) | (scores == 1)).all())


def _mean(scores: Floats, clusters: Ints | None, span: Span, kind: str = "", *, bounded: bool) -> Estimate:
    """The mean of scores, by Gaffke where they are `bounded` by their span, or all equal in one that ends; else by t."""
    broken = int(np.count_nonzero(~np.isfinite(scores)))
    if broken:
        return Undefined(
            len(scores),
            f"is undefined: {broken:,} of {number_of(len(scores), 'row')} {'scores' if broken == 1 else 'score'} infinity",
        )
    if len(scores) == 0:
        return _without_rows()
    alike = np.ptp(scores) <= ROUNDING * max(1.0, abs(float(scores[0])))  # of which no rounding shall make other rows
    ends = all(map(math.isfinite, span)) and span[0] <= scores.min() and scores.max() <= span[1]
    if ends and (bounded or alike):
        return BoundedMean.of(scores, *span, clusters, f"{kind}gaffke")
    if clusters is not None:
        error, count = robust_error(scores, clusters)
        return Mean(float(scores.mean()), 0.0 if alike else error, count - 1, len(scores), f"cluster {kind}t", span)
    spread = 0.0 if alike or len(scores) < 2 else float(scores.std(ddof=1))
    return Mean(float(scores.mean()), spread / math.sqrt(len(scores)), len(scores) - 1, len(scores), f"{kind}t", span)


def _as_mean(one: Proportion | Mean) -> Mean:
    """A share in a place where its counterpart is a mean, so that rows are no longer only right or wrong."""
    if isinstance(one, Mean):
        return one
    units, effect = (one.design.clusters, one.design.effect) if one.design else (one.rows, 1.0)
    error = math.sqrt(one.value * (1 - one.value) * effect / max(1, one.rows - 1))
    return Mean(one.value, error, units - 1, one.rows, "cluster t" if one.design else "t", one.span)


def _welch(first: Mean, second: Mean) -> Mean:
    """Welch's t (Biometrika 34, 1947)."""
    one, two = first.error**2, second.error**2
    denominator = one**2 / first.freedom + two**2 / second.freedom if first.freedom > 0 < second.freedom else 0.0
    freedom = (one + two) ** 2 / denominator if denominator else 0.0
    method = "cluster welch" if "cluster" in first.method + second.method else "welch"
    span = span_of_difference(first.span, second.span)
    return Mean(first.value - second.value, math.sqrt(one + two), freedom, first.rows + second.rows, method, span)


def _without_rows() -> Undefined:
    return Undefined(0, "is undefined, since no row has a say")
