"""Metrics of a privileged group against the others, with the signed definitions of AIF360."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_fairness.group_metrics.confusion import (
    ODDS,
    SELECTION_RATE,
    TRUE_POSITIVE_RATE,
    GroupedConfusion,
    divide_or_nan,
    explain_undefined,
    score_rates,
)
from mqa_registry import NotRunError, Statistic, positive_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mqa_fairness.group_metrics.confusion import Floats, Groups, Ints, Rate
    from mqa_registry import Predictions, Targets


def statistical_parity_difference(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    privileged: str,
    unprivileged: str | None = None,
    positive: str | None = None,
) -> Statistic:
    """The selection rate of others less that of the privileged group, as AIF360 defines it.

    From -1 to 1; below 0 the others are worse off. It is of the predictions, not the data. `privileged` is the name of a
    group, as `by` makes it. `unprivileged` is another group; left out, it is all rows of other groups that are not in
    the privileged one. `positive` is the favourable class, the second of two unless it is named.
    """
    pair = _pair_groups(groups, privileged, unprivileged)
    return _compare_pair(predictions, targets, pair, (SELECTION_RATE,), np.subtract, positive=positive)


def disparate_impact(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    privileged: str,
    unprivileged: str | None = None,
    positive: str | None = None,
) -> Statistic:
    """The selection rate of others by that of the privileged group, as AIF360 defines it.

    From 0 up, 1 for equal rates; below 1 the others are worse off. It is of the predictions, not the data. `privileged`,
    `unprivileged` and `positive` are as for `fairness/statistical-parity-difference`. Undefined where no row of the
    privileged group is predicted so.
    """
    pair = _pair_groups(groups, privileged, unprivileged)
    return _compare_pair(predictions, targets, pair, (SELECTION_RATE,), divide_or_nan, positive=positive)


def true_positive_rate_difference(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    privileged: str,
    unprivileged: str | None = None,
    positive: str | None = None,
) -> Statistic:
    """The true positive rate of others less that of the privileged group, as AIF360 defines it.

    From -1 to 1; below 0 the others are worse off. AIF360 calls it equal opportunity difference too. `privileged`,
    `unprivileged` and `positive` are as for `fairness/statistical-parity-difference`.
    """
    pair = _pair_groups(groups, privileged, unprivileged)
    return _compare_pair(predictions, targets, pair, (TRUE_POSITIVE_RATE,), np.subtract, positive=positive)


def average_odds_difference(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    privileged: str,
    unprivileged: str | None = None,
    positive: str | None = None,
) -> Statistic:
    """The signed mean by which others' false and true positive rates exceed the privileged group's (AIF360).

    From -1 to 1; signed, so that the two may cancel. `privileged`, `unprivileged` and `positive`
    are as for `fairness/statistical-parity-difference`.
    """
    pair = _pair_groups(groups, privileged, unprivileged)
    return _compare_pair(predictions, targets, pair, ODDS, np.subtract, positive=positive)


def average_abs_odds_difference(
    predictions: Predictions,
    targets: Targets,
    groups: Groups,
    *,
    privileged: str,
    unprivileged: str | None = None,
    positive: str | None = None,
) -> Statistic:
    """The mean distance of others' false and true positive rates from the privileged group's (AIF360).

    From 0 to 1. `privileged`, `unprivileged` and `positive` are as for
    `fairness/statistical-parity-difference`.
    """
    pair = _pair_groups(groups, privileged, unprivileged)
    return _compare_pair(predictions, targets, pair, ODDS, _abs_difference, positive=positive)


def _abs_difference(others: Floats, privileged: Floats) -> Floats:
    return np.abs(others - privileged)


def _compare_pair(
    predictions: Predictions,
    targets: Targets,
    pair: Groups,
    rates: tuple[Rate, ...],
    compare: Callable[[Floats, Floats], Floats],
    *,
    positive: str | None,
) -> Statistic:
    """The mean over rates of how those of the first group of a pair compare with those of the second."""
    code = positive_class(predictions.classes, positive)
    confusion = GroupedConfusion.of(predictions, targets, pair, [code])

    def compute(counts: Floats) -> Floats:
        (matrices,) = confusion.by_group(counts)
        compared = [compare(*np.moveaxis(rate.compute(matrices), -1, 0)) for rate in rates]
        return np.asarray(np.mean(compared, axis=0))

    nobody = f"no row of `{confusion.groups[1]}` is predicted as positive"
    return Statistic(
        compute,
        confusion.bins,
        confusion.n_bins,
        undefined=explain_undefined(confusion, rates, compute, nobody),
        per_group=score_rates(predictions, targets, {code: predictions.classes[code]}, rates),
    )


def _pair_groups(groups: Groups, privileged: str, unprivileged: str | None) -> dict[str, Ints]:
    """The rows of the others and of the privileged; raises a NotRunError where one is no group with enough rows."""
    for name in (privileged, *([unprivileged] if unprivileged is not None else ())):
        if name not in groups:
            raise NotRunError(
                f"`{name}` is none of the groups with enough rows", hint=f"they are {_list_names([*groups])}"
            )
    if privileged == unprivileged:
        raise NotRunError(f"`{privileged}` cannot be held against itself", hint="name two groups")
    others = [unprivileged] if unprivileged is not None else [name for name in groups if name != privileged]
    rows = np.setdiff1d(np.concatenate([groups[name] for name in others]), groups[privileged])
    if not len(rows):
        raise NotRunError(f"every row of {_list_names(others)} is in `{privileged}` too")
    return {" and ".join(others): rows, privileged: groups[privileged]}


def _list_names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
