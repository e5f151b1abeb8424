"""How far groups lie apart in their rates, with the definitions of Fairlearn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from mqa_fairness.rates import ODDS, SELECTION, TRUE_POSITIVE, Rate, quotient, shown
from mqa_fairness.tables import Tables
from mqa_registry import Statistic, UsageError, positive_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_fairness.tables import Floats, Groups
    from mqa_registry import Predictions, Targets

    Comparing: TypeAlias = Callable[[Floats, Floats], Floats]

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

    From 0 to 1, 0 for equal ones. The selection rate is the share of a group's rows with the positive class for an
    answer, whatever is right. `method` is `between_groups` for the largest rate less the smallest, `to_overall` for the
    largest distance from the rate of all rows that are in some group. `positive` is the second of two classes unless it
    is named. `average` is for more classes: each against all others, of which the number is the worst or the mean.
    """
    return _apart(predictions, targets, groups, (SELECTION,), DIFFERENCES[method], positive=positive, average=average)


def demographic_parity_ratio(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    method: Method = "between_groups",
    positive: str | None = None,
    average: Aggregation | None = None,
) -> Statistic:
    """The smallest selection rate of a group by the largest, as Fairlearn defines it.

    From 0 to 1, 1 for equal ones. `method`, `positive` and `average` are as for
    `fairness/demographic-parity-difference`; with `to_overall` it is the smallest ratio, either way round, of a group's
    rate and that of all rows that are in some group. Undefined where no row is answered so.
    """
    return _apart(predictions, targets, groups, (SELECTION,), RATIOS[method], positive=positive, average=average)


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
    return _apart(predictions, targets, groups, ODDS, DIFFERENCES[method], positive=positive, average=average, agg=agg)


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
    """The smallest true or false positive rate by the largest, as Fairlearn defines it.

    From 0 to 1, 1 for equal ones. `agg` is `worst_case` for the smaller ratio of the two rates, `mean` for their mean.
    A rate that is 0 in every group is left out. `method`, `positive` and `average` are as for
    `fairness/demographic-parity-difference`. Undefined where a group has no row that is positive, or none that is not,
    or where both rates are 0 in every group.
    """
    return _apart(predictions, targets, groups, ODDS, RATIOS[method], positive=positive, average=average, agg=agg)


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
    return _apart(
        predictions, targets, groups, (TRUE_POSITIVE,), DIFFERENCES[method], positive=positive, average=average
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
    """The smallest true positive rate of a group by the largest, as Fairlearn defines it.

    From 0 to 1, 1 for equal ones. `method`, `positive` and `average` are as for
    `fairness/demographic-parity-difference`. Undefined where a group has no row that is positive, or none was found.
    """
    return _apart(predictions, targets, groups, (TRUE_POSITIVE,), RATIOS[method], positive=positive, average=average)


def _widest(rates: Floats, overall: Floats) -> Floats:
    return np.asarray(rates.max(axis=-1) - rates.min(axis=-1))


def _farthest(rates: Floats, overall: Floats) -> Floats:
    return np.asarray(np.abs(rates - overall).max(axis=-1))


def _least_by_most(rates: Floats, overall: Floats) -> Floats:
    return quotient(rates.min(axis=-1), rates.max(axis=-1))


def _least_by_overall(rates: Floats, overall: Floats) -> Floats:
    low, high = np.minimum(rates, overall), np.maximum(rates, overall)
    return np.asarray(quotient(low, high).min(axis=-1))


DIFFERENCES: dict[Method, Comparing] = {"between_groups": _widest, "to_overall": _farthest}
RATIOS: dict[Method, Comparing] = {"between_groups": _least_by_most, "to_overall": _least_by_overall}

# What a distance between two groups says of the number at least: one of two has to lie half as far from any third.
BOUNDS: dict[Comparing, Callable[[Floats], Floats]] = {
    _widest: np.asarray,
    _farthest: lambda distances: distances / 2,
    _least_by_most: np.asarray,
    _least_by_overall: np.sqrt,
}


def _apart(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    rates: tuple[Rate, ...],
    comparing: Comparing,
    *,
    positive: str | None,
    average: Aggregation | None,
    agg: Aggregation | None = None,
) -> Statistic:
    """The rates of all groups compared, for one class or for each of several."""
    ratio = comparing in RATIOS.values()
    classes = _classes(predictions.classes, positive, average)
    tables = Tables.of(predictions, targets, groups, list(classes))

    def of(counts: Floats) -> Floats:
        numbers = []
        for each, whole in zip(tables.by_group(counts), tables.overall(counts), strict=True):
            found = [rate.of(each) for rate in rates]
            compared = [comparing(one, rate.of(whole)) for one, rate in zip(found, rates, strict=True)]
            numbers.append(_of_rates(compared, found, agg, ratio=ratio))
        return _together(numbers, average, ratio=ratio)

    def spread(distances: Floats) -> Floats:
        bounds = BOUNDS[comparing](distances).reshape(len(classes), len(rates))
        return _together([_together(list(each), agg, ratio=ratio) for each in bounds], average, ratio=ratio)

    return Statistic(
        of,
        tables.cells,
        tables.size,
        _undefined(tables, rates, of),
        shown(predictions, targets, classes, rates),
        spread,
        ratio,
    )


def _classes(names: tuple[str, ...], positive: str | None, average: Aggregation | None) -> dict[int, str]:
    """The classes that are each held against all others."""
    if average is None:
        code = positive_class(names, positive)
        return {code: names[code]}
    if positive is not None:
        raise UsageError(f'`positive` names one class, and `average = "{average}"` is over all', hint="leave one out")
    return dict(enumerate(names))


def _of_rates(compared: list[Floats], found: list[Floats], how: Aggregation | None, *, ratio: bool) -> Floats:
    """Several rates compared, as one number; of ratios without those of a rate that is 0 in every group."""
    if not ratio or len(compared) == 1:
        return _together(compared, how, ratio=ratio)
    stacked, nowhere = np.stack(compared), np.stack([(rates == 0).all(axis=-1) for rates in found])
    rest = np.where(nowhere, 0.0 if how == "mean" else math.inf, stacked)
    left = (~nowhere).sum(axis=0)
    number = rest.sum(axis=0) / np.maximum(left, 1) if how == "mean" else rest.min(axis=0)
    return np.where(left > 0, number, np.nan)


def _together(numbers: list[Floats], how: Aggregation | None, *, ratio: bool) -> Floats:
    stacked = np.stack(numbers)
    if how == "mean":
        return np.asarray(stacked.mean(axis=0))
    return np.asarray(stacked.min(axis=0) if ratio else stacked.max(axis=0))


def _undefined(tables: Tables, rates: tuple[Rate, ...], of: Callable[[Floats], Floats]) -> str:
    """Why the number has no value on these rows, where it has none."""
    if not np.isnan(of(tables.counts)):
        return ""
    for each in tables.by_group(tables.counts):
        for rate in rates:
            lacking = np.flatnonzero(np.isnan(rate.of(each)))
            if len(lacking):
                return rate.without.format(tables.groups[lacking[0]])
    return "the rates are 0 in every group" if len(rates) > 1 else "the rate is 0 in every group"
