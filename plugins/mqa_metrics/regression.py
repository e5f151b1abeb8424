"""Metrics of numbers: how far predictions are from their targets, and how well the two go together.

Intervals allow for rows that were not observed. Such a row is taken to be off by the distance between the smallest and the
largest target, or by the largest error where that is more: so a model without an error on a few rows is not taken to make
none on others.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mqa_metrics.confusion_matrix import divide
from mqa_registry import Quantile, Scores, Statistic

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_metrics.confusion_matrix import Floats, Ints
    from mqa_registry import Predictions, Targets

CONSTANT_TARGETS = "all targets are the same"
CONSTANT_PREDICTIONS = "all predictions are the same"


def mae(predictions: Predictions, targets: Targets) -> Scores:
    """The mean absolute error: how far a prediction is from its target, on average.

    In the unit of the targets, 0 at best.
    """
    errors = np.abs(predictions.values - targets.values)
    return Scores(errors, 0.0, _largest_error(predictions, targets) or math.inf)


def mse(predictions: Predictions, targets: Targets) -> Scores:
    """The mean squared error.

    In the square of the targets' unit, 0 at best; `metrics/rmse` is its root.
    """
    squares = (predictions.values - targets.values) ** 2
    return Scores(squares, 0.0, _largest_error(predictions, targets) ** 2 or math.inf)


def rmse(predictions: Predictions, targets: Targets) -> Statistic:
    """The root of the mean squared error.

    In the unit of the targets, 0 at best. Large errors count for more than in `metrics/mae`.
    """
    worst = _largest_error(predictions, targets)
    squares = np.append((predictions.values - targets.values) ** 2, [0.0, worst**2])
    return _statistic(predictions, squares, lambda counts: np.sqrt(divide(counts @ squares, counts.sum(axis=-1))))


def median_absolute_error(predictions: Predictions, targets: Targets) -> Quantile:
    """The median of the absolute errors: half of the rows are off by no more.

    In the unit of the targets, 0 at best. A few large errors do not move it. Of an even number of rows it is the lower of the
    two in the middle, where scikit-learn takes their mean.
    """
    return Quantile(np.abs(predictions.values - targets.values), 0.5)


def mean_error(predictions: Predictions, targets: Targets) -> Scores:
    """The bias: the mean of the predictions less the mean of the targets.

    In the unit of the targets; above 0 where predictions are too high on average, and 0 where errors cancel.
    """
    errors = predictions.values - targets.values
    worst = _largest_error(predictions, targets) or math.inf
    return Scores(errors, -worst, worst)


def r2(predictions: Predictions, targets: Targets) -> Statistic:
    """The coefficient of determination: 1 less the squared errors as a share of the targets' squared distances from their mean.

    1 at best, 0 for a model that always predicts the mean of these targets, below 0 for a worse one. Undefined where all
    targets are the same.
    """
    worst, (low, high) = _largest_error(predictions, targets), _ends(targets.values)
    actual = np.append(targets.values, [low, high, low, high])
    squares = np.append((predictions.values - targets.values) ** 2, [0.0, 0.0, worst**2, worst**2])
    centred = actual - _mean(targets.values)

    def compute(counts: Floats) -> Floats:
        return 1 - divide(counts @ squares, _sum_of_squares(counts, centred))

    return _statistic(predictions, squares, compute, CONSTANT_TARGETS if low == high else "")


def explained_variance(predictions: Predictions, targets: Targets) -> Statistic:
    """1 less the variance of the errors as a share of the variance of the targets.

    1 at best. It is `metrics/r2` of predictions without their bias. Undefined where all targets are the same.
    """
    worst, (low, high) = _largest_error(predictions, targets), _ends(targets.values)
    actual = np.append(targets.values, [low, high, low, high]) - _mean(targets.values)
    own = predictions.values - targets.values
    errors = np.append(own, [worst, -worst, -worst, worst]) - _mean(own)

    def compute(counts: Floats) -> Floats:
        return 1 - divide(_sum_of_squares(counts, errors), _sum_of_squares(counts, actual))

    return _statistic(predictions, errors, compute, CONSTANT_TARGETS if low == high else "")


def pearson(predictions: Predictions, targets: Targets) -> Statistic:
    """Pearson's correlation of predictions and targets.

    From -1 to 1, 1 where one is a rising straight line of the other. It says nothing of bias or scale. Undefined where all
    predictions, or all targets, are the same.
    """
    predicted, actual = _with_extremes(predictions, targets)

    def compute(counts: Floats) -> Floats:
        return _correlate(counts, predicted, actual)

    return _statistic(predictions, predicted, compute, _why_uncorrelated(predictions, targets))


def spearman(predictions: Predictions, targets: Targets) -> Statistic:
    """Spearman's rank correlation of predictions and targets.

    From -1 to 1, 1 where a row with a higher target always has a higher prediction; equal numbers share their mean rank.
    Undefined where all predictions, or all targets, are the same.
    """
    predicted, actual = (_Ranking(values) for values in _with_extremes(predictions, targets))

    def compute(counts: Floats) -> Floats:
        return _correlate(counts, predicted.ranks(counts), actual.ranks(counts))

    return _statistic(predictions, predicted.level, compute, _why_uncorrelated(predictions, targets))


class _Ranking:
    """Numbers by their order: `level` is the position of each among the distinct ones."""

    def __init__(self, values: Floats) -> None:
        distinct, self.level = np.unique(values, return_inverse=True)
        self._order = np.argsort(self.level, kind="stable")
        self._starts = np.searchsorted(self.level[self._order], np.arange(len(distinct)))

    def ranks(self, counts: Floats) -> Floats:
        """The mean rank of each number where it is counted so often, both of shape (..., numbers)."""
        of_level = np.add.reduceat(np.take(counts, self._order, axis=-1), self._starts, axis=-1)
        middle = np.cumsum(of_level, axis=-1) - of_level / 2
        return np.take(middle, self.level, axis=-1)


def _statistic(
    predictions: Predictions, values: Floats | Ints, compute: Callable[[Floats], Floats], undefined: str = ""
) -> Statistic:
    """A statistic of which every row is a bin, and those of `values` beyond the rows are rows that could have been."""
    return Statistic(compute, np.arange(len(predictions)), len(values), undefined)


def _largest_error(predictions: Predictions, targets: Targets) -> float:
    """How far a row that was not observed may be off; 0 where neither targets nor errors show any distance."""
    low, high = _ends(targets.values)
    return max(high - low, float(np.abs(predictions.values - targets.values).max(initial=0.0)))


def _with_extremes(predictions: Predictions, targets: Targets) -> tuple[Floats, Floats]:
    """Both numbers of each row, about their means, and of four rows that could have been: all pairs of their extremes."""
    predicted, actual = (side.values - _mean(side.values) for side in (predictions, targets))
    (low, high), (least, most) = _ends(predicted), _ends(actual)
    return np.append(predicted, [low, low, high, high]), np.append(actual, [least, most, least, most])


def _why_uncorrelated(predictions: Predictions, targets: Targets) -> str:
    reasons = ((targets, CONSTANT_TARGETS), (predictions, CONSTANT_PREDICTIONS))
    return next((reason for side, reason in reasons if np.ptp(_ends(side.values)) == 0), "")


def _correlate(counts: Floats, one: Floats, other: Floats) -> Floats:
    """The correlation of two columns of numbers, where each row is counted so often; NaN where one is constant.

    The numbers have shape (rows,) or, one for each resample, that of `counts`, (..., rows).
    """
    one, other = (
        values - divide((counts * values).sum(axis=-1), counts.sum(axis=-1))[..., None] for values in (one, other)
    )
    variances = [(counts * values**2).sum(axis=-1) for values in (one, other)]
    correlation = divide((counts * one * other).sum(axis=-1), np.sqrt(variances[0]) * np.sqrt(variances[1]))
    return np.asarray(np.clip(correlation, -1.0, 1.0))


def _sum_of_squares(counts: Floats, values: Floats) -> Floats:
    """The sum of squared distances from the mean, where each row is counted so often."""
    mean = divide(counts @ values, counts.sum(axis=-1))
    return np.asarray(np.maximum(counts @ values**2 - counts.sum(axis=-1) * mean**2, 0.0))


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan


def _ends(values: Floats) -> tuple[float, float]:
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
