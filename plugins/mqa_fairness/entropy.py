"""How unequally a model's answers serve people: generalized entropy indices of what each of them gets.

Speicher et al. 2018, "A Unified Approach to Quantifying Algorithmic Unfairness", https://arxiv.org/abs/1807.00787: the
benefit of a row is 1, one less where it is denied the favourable class that is right, one more where it gets it wrongly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_fairness.rates import quotient
from mqa_fairness.tables import Tables
from mqa_registry import Statistic, positive_class

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_fairness.tables import Floats, Groups
    from mqa_registry import Predictions, Targets

BENEFITS = np.arange(3.0)  # denied, as it should be, given wrongly


def generalized_entropy(
    predictions: Predictions, targets: Targets, *, alpha: float = 2.0, positive: str | None = None
) -> Statistic:
    """How unequal the benefits of rows are: the generalized entropy index.

    From 0 up, 0 where all are equal. A row's benefit is 1, 0 where the favourable class is right and not answered, 2
    where it is answered and not right. `alpha` weighs high benefits the more the larger it is; 2, AIF360's own, is half
    the squared coefficient of variation, 1 is Theil's index and 0 the mean log deviation. `positive` is the favourable
    class, the second of two unless it is named. Undefined where nobody benefits, and for `alpha` at 0 or below where
    somebody gets nothing. Speicher et al. 2018, https://arxiv.org/abs/1807.00787; AIF360 0.6.1 divides once more by the
    mean benefit where `alpha` is 0.
    """
    code = positive_class(predictions.classes, positive)
    cells = 1 + (predictions.codes == code) - (targets.codes == code).astype(np.int64)

    def of(counts: Floats) -> Floats:
        return _index(np.broadcast_to(BENEFITS, counts.shape), counts, alpha)

    return Statistic(of, cells, len(BENEFITS), _undefined(np.bincount(cells, minlength=3), alpha))


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
    tables = Tables.of(predictions, targets, groups, [code])
    benefit = BENEFITS[[1, 2, 0, 1]]

    def of(counts: Floats) -> Floats:
        (each,) = tables.by_group(counts)
        rows = each.sum(axis=-1)
        return _index(np.nan_to_num(quotient(each @ benefit, rows)), rows, alpha)

    benefits = BENEFITS[1 + (predictions.codes == code) - (targets.codes == code).astype(np.int64)]
    undefined = "it takes benefits above 0 in every group" if np.isnan(of(tables.counts)) else ""
    return Statistic(of, tables.cells, tables.size, undefined, {"benefit": benefits})


def _index(benefits: Floats, counts: Floats, alpha: float) -> Floats:
    """The index of benefits that so many have, over the last axis."""
    rows = counts.sum(axis=-1)
    mean = quotient((benefits * counts).sum(axis=-1), rows)
    share = quotient(benefits, np.broadcast_to(mean[..., None], benefits.shape))
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(counts > 0, _term(share, alpha), 0.0)
    index = quotient((terms * counts).sum(axis=-1), rows)
    return np.where(np.isfinite(index), index, np.nan)


def _term(share: Floats, alpha: float) -> Floats:
    """What one row adds, by its share of the mean benefit."""
    if alpha == 0:
        return np.asarray(-np.log(share))
    if alpha == 1:
        return np.where(share > 0, share * np.log(share), share)  # no benefit adds nothing, an undefined one stays so
    return np.asarray((share**alpha - 1) / (alpha * (alpha - 1)))


def _undefined(counts: npt.NDArray[np.int64], alpha: float) -> str:
    if not counts[1:].any():
        return "nobody benefits"
    return f"with `alpha` {alpha:g} nobody may get nothing" if alpha <= 0 and counts[0] else ""
