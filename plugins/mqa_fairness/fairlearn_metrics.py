"""Disparity metrics as Fairlearn defines them: how far the rates of groups lie apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from mqa_fairness.confusion_matrix import (
    ODDS,
    SELECTION_RATE,
    TRUE_POSITIVE_RATE,
    GroupedConfusion,
    divide_or_nan,
    explain_undefined,
    score_rates,
)
from mqa_registry import Statistic, UsageError, positive_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mqa_fairness.confusion_matrix import Floats, Groups, Rate
    from mqa_registry import Predictions, Targets

Method: TypeAlias = Literal["between_groups", "to_overall"]
Aggregation: TypeAlias = Literal["worst_case", "mean"]


def demographic_parity_difference(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    method: Method = "between_groups",
    positive: str | None = None,
    average: Aggregation | None = None,
) -> Statistic:
    """How far selection rates of groups lie apart, as Fairlearn defines it.

    From 0 to 1, 0 for equal ones. The selection rate is the share of a group's rows that are predicted as the positive
    class, whatever their targets. `method` is `between_groups` for the largest rate less the smallest, `to_overall` for
    the largest distance from the rate of all rows that are in some group. `positive` is the second of two classes unless
    it is named. `average` is for more classes: each against all others, of which the number is the worst or the mean.
    """
    return _compare_groups(
        predictions, targets, groups, (SELECTION_RATE,), DIFFERENCES[method], positive=positive, average=average
    )


def demographic_parity_ratio(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    method: Method = "between_groups",
    positive: str | None = None,
    average: Aggregation | None = None,
) -> Statistic:
    """The smallest selection rate of a group divided by the largest, as Fairlearn defines it.

    From 0 to 1, 1 for equal ones. `method`, `positive` and `average` are as for
    `fairness/demographic-parity-difference`; with `to_overall` it is the smallest ratio, either way round, of a group's
    rate and that of all rows that are in some group. Undefined where no row is predicted so.
    """
    return _compare_groups(
        predictions, targets, groups, (SELECTION_RATE,), RATIOS[method], positive=positive, average=average
    )


def equalized_odds_difference(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    method: Method = "between_groups",
    agg: Aggregation = "worst_case",
    positive: str | None = None,
    average: Aggregation | None = None,
) -> Statistic:
    """How far true and false positive rates lie apart, as Fairlearn defines it.

    From 0 to 1, 0 for equal ones. `agg` is `worst_case` for the larger difference of the two rates, `mean` for their
    mean. `method`, `positive` and `average` are as for `fairness/demographic-parity-difference`. Undefined where a
    group has no row that is positive, or none that is not.
    """
    return _compare_groups(
        predictions, targets, groups, ODDS, DIFFERENCES[method], positive=positive, average=average, agg=agg
    )


def equalized_odds_ratio(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    method: Method = "between_groups",
    agg: Aggregation = "worst_case",
    positive: str | None = None,
    average: Aggregation | None = None,
) -> Statistic:
    """The smallest true or false positive rate divided by the largest, as Fairlearn defines it.

    From 0 to 1, 1 for equal ones. `agg` is `worst_case` for the smaller ratio of the two rates, `mean` for their mean.
    A rate that is 0 in every group is left out. `method`, `positive` and `average` are as for
    `fairness/demographic-parity-difference`. Undefined where a group has no row that is positive, or none that is not,
    or where both rates are 0 in every group.
    """
    return _compare_groups(
        predictions, targets, groups, ODDS, RATIOS[method], positive=positive, average=average, agg=agg
    )


def equal_opportunity_difference(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    method: Method = "between_groups",
    positive: str | None = None,
    average: Aggregation | None = None,
) -> Statistic:
    """How far true positive rates of groups lie apart, as Fairlearn defines it.

    From 0 to 1, 0 for equal ones; AIF360 has a signed number of this name. `method`, `positive` and `average` are as
    for `fairness/demographic-parity-difference`. Undefined where a group has no row that is positive.
    """
    return _compare_groups(
        predictions, targets, groups, (TRUE_POSITIVE_RATE,), DIFFERENCES[method], positive=positive, average=average
    )


def equal_opportunity_ratio(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    method: Method = "between_groups",
    positive: str | None = None,
    average: Aggregation | None = None,
) -> Statistic:
    """The smallest true positive rate of a group divided by the largest, as Fairlearn defines it.

    From 0 to 1, 1 for equal ones. `method`, `positive` and `average` are as for
    `fairness/demographic-parity-difference`. Undefined where a group has no row that is positive, or none was found.
    """
    return _compare_groups(
        predictions, targets, groups, (TRUE_POSITIVE_RATE,), RATIOS[method], positive=positive, average=average
    )


@dataclass(frozen=True)
class RateComparison:
    """How rates of groups become one number: a difference, or a ratio.

    `compute` makes it of the rates of groups, shape (..., groups), and the rate of all rows, shape (..., 1). `bound` is
    the least that a distance between two groups lets it be: one of two lies at least half as far from any third.
    """

    compute: Callable[[Floats, Floats], Floats]
    bound: Callable[[Floats], Floats]
    is_ratio: bool = False

    def aggregate(self, numbers: Sequence[Floats], how: Aggregation | None) -> Floats:
        """The mean of several numbers, or the worst: the smallest ratio, the largest difference."""
        stacked = np.stack(numbers)
        if how == "mean":
            return np.asarray(stacked.mean(axis=0))
        return np.asarray(stacked.min(axis=0) if self.is_ratio else stacked.max(axis=0))

    def compare(self, pairs: Sequence[tuple[Floats, Floats]], agg: Aggregation | None) -> Floats:
        """Several rates, each of groups and of all rows, as one number; no ratio is of a rate that is 0 in every group."""
        numbers = [self.compute(by_group, overall) for by_group, overall in pairs]
        if not self.is_ratio or len(pairs) == 1:
            return self.aggregate(numbers, agg)
        is_zero = np.stack([(by_group == 0).all(axis=-1) for by_group, _ in pairs])
        rest = np.where(is_zero, 0.0 if agg == "mean" else math.inf, np.stack(numbers))
        left = (~is_zero).sum(axis=0)
        number = rest.sum(axis=0) / np.maximum(left, 1) if agg == "mean" else rest.min(axis=0)
        return np.where(left > 0, number, np.nan)


def _max_difference(rates: Floats, _overall: Floats) -> Floats:
    return np.asarray(rates.max(axis=-1) - rates.min(axis=-1))


def _max_difference_to_overall(rates: Floats, overall: Floats) -> Floats:
    return np.asarray(np.abs(rates - overall).max(axis=-1))


def _min_ratio(rates: Floats, _overall: Floats) -> Floats:
    return divide_or_nan(rates.min(axis=-1), rates.max(axis=-1))


def _min_ratio_to_overall(rates: Floats, overall: Floats) -> Floats:
    low, high = np.minimum(rates, overall), np.maximum(rates, overall)
    return np.asarray(divide_or_nan(low, high).min(axis=-1))


DIFFERENCES: dict[Method, RateComparison] = {
    "between_groups": RateComparison(_max_difference, np.asarray),
    "to_overall": RateComparison(_max_difference_to_overall, lambda distances: distances / 2),
}
RATIOS: dict[Method, RateComparison] = {
    "between_groups": RateComparison(_min_ratio, np.asarray, is_ratio=True),
    "to_overall": RateComparison(_min_ratio_to_overall, np.sqrt, is_ratio=True),
}


def _compare_groups(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    rates: tuple[Rate, ...],
    comparison: RateComparison,
    *,
    positive: str | None,
    average: Aggregation | None,
    agg: Aggregation | None = None,
) -> Statistic:
    """The rates of all groups compared, for one class or for each of several."""
    classes = _select_classes(predictions.classes, positive, average)
    confusion = GroupedConfusion.of(predictions, targets, groups, list(classes))

    def compute(counts: Floats) -> Floats:
        matrices = zip(confusion.by_group(counts), confusion.overall(counts), strict=True)
        numbers = [
            comparison.compare([(rate.compute(by_group), rate.compute(overall)) for rate in rates], agg)
            for by_group, overall in matrices
        ]
        return comparison.aggregate(numbers, average)

    def bound(distances: Floats) -> Floats:
        bounds = comparison.bound(distances).reshape(len(classes), len(rates))
        return comparison.aggregate([comparison.aggregate(list(of_class), agg) for of_class in bounds], average)

    everywhere_zero = "the rates are 0 in every group" if len(rates) > 1 else "the rate is 0 in every group"
    return Statistic(
        compute,
        confusion.bins,
        confusion.n_bins,
        undefined=explain_undefined(confusion, rates, compute, everywhere_zero),
        per_group=score_rates(predictions, targets, classes, rates),
        pairwise=bound,
        ratio=comparison.is_ratio,
    )


def _select_classes(names: tuple[str, ...], positive: str | None, average: Aggregation | None) -> dict[int, str]:
    """The classes that are each compared with all others together."""
    if average is None:
        code = positive_class(names, positive)
        return {code: names[code]}
    if positive is not None:
        raise UsageError(f'`positive` names one class, and `average = "{average}"` is over all', hint="leave one out")
    return dict(enumerate(names))
