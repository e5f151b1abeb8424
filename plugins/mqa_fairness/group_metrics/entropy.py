"""Generalized entropy indices: how unequally the benefits of predictions are distributed over rows.

Speicher et al. 2018, "A Unified Approach to Quantifying Algorithmic Unfairness", https://arxiv.org/abs/1807.00787: the
benefit of a row is 1, 0 for a false negative of the favourable class and 2 for a false positive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_fairness.group_metrics.confusion import GroupedConfusion, divide_or_nan
from mqa_registry import Statistic, positive_class

if TYPE_CHECKING:
    from mqa_fairness.group_metrics.confusion import Floats, Groups, Ints
    from mqa_registry import Predictions, Targets

BENEFITS = np.arange(3.0)  # of a false negative, a correct prediction, a false positive


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
