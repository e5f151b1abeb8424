"""Metrics as AIF360 defines them: a privileged group against the others, with a sign, and generalized entropy indices.

The entropy indices say how unequally the benefits of predictions are distributed over rows (Speicher et al. 2018, "A
Unified Approach to Quantifying Algorithmic Unfairness", https://arxiv.org/abs/1807.00787): the benefit of a row is 1, 0
for a false negative of the favourable class and 2 for a false positive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from mqa_registry import NotRunError, Statistic, positive_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mqa_fairness.confusion_matrix import Floats, Groups, Ints, Rate
    from mqa_registry import Predictions, Targets

BENEFITS = np.arange(3.0)  # of a false negative, a correct prediction, a false positive


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
    """The selection rate of others divided by that of the privileged group, as AIF360 defines it.

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


def generalized_entropy(
    predictions: Predictions, targets: Targets, *, alpha: float = 2.0, positive: str | None = None
) -> Statistic:
    """How unequal the benefits of rows are: the generalized entropy index.

    From 0 up, 0 where all are equal. A row's benefit is 1, 0 where the favourable class is its target and not its
    prediction, 2 where it is its prediction and not its target. `alpha` weighs high benefits the more the larger it is;
    2, AIF360's own, is half the squared coefficient of variation, 1 is Theil's index and 0 the mean log deviation.
    `positive` is the favourable class, the second of two unless it is named. Undefined where nobody benefits, and for
    `alpha` at 0 or below where somebody gets nothing. Speicher et al. 2018, https://arxiv.org/abs/1807.00787; AIF360
    0.6.1 divides once more by the mean benefit where `alpha` is 0.
    """
    bins = _assign_benefit_bins(predictions, targets, positive_class(predictions.classes, positive))

    def compute(counts: Floats) -> Floats:
        return _compute_entropy_index(np.broadcast_to(BENEFITS, counts.shape), counts, alpha)

    return Statistic(compute, bins, len(BENEFITS), _explain_undefined(np.bincount(bins, minlength=3), alpha))


def theil(predictions: Predictions, targets: Targets, *, positive: str | None = None) -> Statistic:
    """How unequal the benefits of rows are: Theil's index.

    `fairness/generalized-entropy` with `alpha` 1. `positive` is the favourable class, the second of two unless it is
    named.
    """
    return generalized_entropy(predictions, targets, alpha=1.0, positive=positive)


def between_group_entropy(
    predictions: Predictions, targets: Targets, groups: Groups, *, alpha: float = 2.0, positive: str | None = None
) -> Statistic:
    """How unequal the mean benefits of groups are: the entropy index between groups.

    From 0 up, 0 where all are equal: `fairness/generalized-entropy` as if everybody had the mean benefit of the group.
    A row in several groups counts in each. `alpha` and `positive` are as there. Estimates from many small groups are too
    high.
    """
    code = positive_class(predictions.classes, positive)
    confusion = GroupedConfusion.of(predictions, targets, groups, [code])
    benefit = BENEFITS[[1, 2, 0, 1]]  # of true negatives, false positives, false negatives, true positives

    def compute(counts: Floats) -> Floats:
        (matrices,) = confusion.by_group(counts)
        rows = matrices.sum(axis=-1)
        return _compute_entropy_index(np.nan_to_num(divide_or_nan(matrices @ benefit, rows)), rows, alpha)

    benefits = BENEFITS[_assign_benefit_bins(predictions, targets, code)]
    undefined = "it takes benefits above 0 in every group" if np.isnan(compute(confusion.counts)) else ""
    return Statistic(compute, confusion.bins, confusion.n_bins, undefined, {"benefit": benefits})


def _pair_groups(groups: Groups, privileged: str, unprivileged: str | None) -> dict[str, Ints]:
    """The rows of the others and of the privileged; raises a NotRunError where one is no group with enough rows."""
    for name in (privileged, *([unprivileged] if unprivileged is not None else ())):
        if name not in groups:
            raise NotRunError(
                f"`{name}` is none of the groups with enough rows", hint=f"they are {_list_names([*groups])}"
            )
    if privileged == unprivileged:
        raise NotRunError(f"`{privileged}` cannot be compared with itself", hint="name two groups")
    others = [unprivileged] if unprivileged is not None else [name for name in groups if name != privileged]
    rows = np.setdiff1d(np.concatenate([groups[name] for name in others]), groups[privileged])
    if not len(rows):
        raise NotRunError(f"every row of {_list_names(others)} is in `{privileged}` too")
    return {" and ".join(others): rows, privileged: groups[privileged]}


def _list_names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


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


def _abs_difference(others: Floats, privileged: Floats) -> Floats:
    return np.abs(others - privileged)


def _assign_benefit_bins(predictions: Predictions, targets: Targets, code: int) -> Ints:
    """The index into BENEFITS of every row."""
    return np.asarray(1 + (predictions.codes == code) - (targets.codes == code).astype(np.int64))


def _compute_entropy_index(benefits: Floats, counts: Floats, alpha: float) -> Floats:
    """The entropy index of benefits, each of which `counts` rows have, over the last axis."""
    rows = counts.sum(axis=-1)
    mean = divide_or_nan((benefits * counts).sum(axis=-1), rows)
    share = divide_or_nan(benefits, np.broadcast_to(mean[..., None], benefits.shape))
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(counts > 0, _compute_entropy_terms(share, alpha), 0.0)
    index = divide_or_nan((terms * counts).sum(axis=-1), rows)
    return np.where(np.isfinite(index), index, np.nan)


def _compute_entropy_terms(share: Floats, alpha: float) -> Floats:
    """What one row adds to the index, by its benefit over the mean benefit."""
    if alpha == 0:
        return np.asarray(-np.log(share))
    if alpha == 1:
        return np.where(share > 0, share * np.log(share), share)  # no benefit adds nothing, an undefined one stays so
    return np.asarray((share**alpha - 1) / (alpha * (alpha - 1)))


def _explain_undefined(counts: Ints, alpha: float) -> str:
    if not counts[1:].any():
        return "nobody benefits"
    return f"with `alpha` {alpha:g} nobody may get nothing" if alpha <= 0 and counts[0] else ""
