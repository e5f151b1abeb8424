"""Metrics of ranking, the order that probabilities put rows in: the area under the ROC curve."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mqa_metrics.confusion_matrix import divide
from mqa_metrics.probability import require_probabilities
from mqa_registry import Statistic, positive_class

if TYPE_CHECKING:
    from mqa_metrics.confusion_matrix import Bools, Floats, Ints
    from mqa_registry import Predictions, Targets


def auroc(predictions: Predictions, targets: Targets, *, positive: str | None = None) -> Statistic:
    """The area under the ROC curve.

    From 0 to 1, 0.5 for guessing. It is the chance that a positive row has a higher probability of being so than
    another row, a tie being half of one. `positive` is the class it is about, the second of two unless it is named;
    with more classes and none named, and of rows with several labels, it is the mean over them of each against the rest.
    Undefined where a class has no rows, or all; the interval holds from about 50 rows of the rarer class on.
    """
    probabilities = require_probabilities(predictions)
    counted = np.flatnonzero(~np.isnan(probabilities).any(axis=1))
    if predictions.schema == "labels":
        return _auroc_of_labels(predictions, targets, counted, positive)
    codes, classes = targets.codes[counted], predictions.classes
    if positive is not None or len(classes) == 2:
        code = positive_class(classes, positive)
        statistic = _one_vs_rest(probabilities[counted, code], codes == code, counted, len(probabilities))
        rest = classes[1 - code] if len(classes) == 2 else f"not {classes[code]}"
        sides = {True: classes[code], False: rest}
        absent = [name for is_positive, name in sides.items() if not ((codes == code) == is_positive).any()]
    else:
        membership = codes[:, None] == np.arange(len(classes))
        statistic = _mean_over_classes(probabilities[counted], membership, counted, len(probabilities))
        present = set(codes.tolist())
        absent = [name for code, name in enumerate(classes) if code not in present]
    if not len(counted):
        return statistic
    return replace(statistic, absent=absent, undefined=f"no row is `{absent[0]}`" if absent else "")


def _auroc_of_labels(predictions: Predictions, targets: Targets, counted: Ints, positive: str | None) -> Statistic:
    """The area for one label, or the mean over all, of rows with several labels."""
    probabilities, has_label = require_probabilities(predictions)[counted], targets.indicator[counted]
    n_rows, classes = len(predictions), predictions.classes
    if positive is not None:
        code = positive_class(classes, positive)
        statistic = _one_vs_rest(probabilities[:, code], has_label[:, code], counted, n_rows)
        codes = [code]
    else:
        statistic = _mean_over_classes(probabilities, has_label, counted, n_rows)
        codes = list(range(len(classes)))
    if not len(counted):
        return statistic
    absent = [classes[code] for code in codes if not has_label[:, code].any()]
    in_all = [classes[code] for code in codes if has_label[:, code].all()]
    undefined = f"no row is `{absent[0]}`" if absent else f"every row is `{in_all[0]}`" if in_all else ""
    return replace(statistic, absent=absent, undefined=undefined)


def _one_vs_rest(scores: Floats, is_positive: Bools, counted: Ints, n_rows: int) -> Statistic:
    """The area for one class: rows that no row of the other kind stands between share a bin.

    There are also bins for a row of either kind that is below all others, and above them.
    """
    low, high = scores.min(initial=0.0) - 1, scores.max(initial=0.0) + 1
    ends = [low - 1, low, high, high + 1]
    order = _RankedBins.of(np.append(scores, ends), np.append(is_positive, [True, False, True, False]))
    bins = np.full(n_rows, -1, np.int64)
    bins[counted] = order.bins[: len(counted)]
    return Statistic(order.area, bins, order.n_bins)


def _mean_over_classes(probabilities: Floats, membership: Bools, counted: Ints, n_rows: int) -> Statistic:
    """The mean area over all classes: every row is one bin, and each class ranks the rows.

    `membership` says which classes a row has, shape (rows, classes).

    After the rows come two for each class that could have been: one of the class that has its lowest score and the
    highest of all others, and one the other way round.
    """
    own = np.eye(probabilities.shape[1], dtype=bool)
    low, high = probabilities.min(initial=0.0) - 1, probabilities.max(initial=0.0) + 1
    probabilities = np.concatenate([probabilities, np.where(own, low, high), np.where(own, high, low)])
    membership = np.concatenate([membership, own, own])
    orders = [_RankedBins.of(*pair) for pair in zip(probabilities.T, membership.T, strict=True)]
    bins = np.full(n_rows, -1, np.int64)
    bins[counted] = np.arange(len(counted))

    def mean_area(counts: Floats) -> Floats:
        return np.asarray(np.mean([order.area(order.sum_rows(counts)) for order in orders], axis=0))

    return Statistic(mean_area, bins, len(probabilities))


@dataclass(frozen=True)
class _RankedBins:
    """Rows ranked by their scores. Positives with the same negatives below them share a bin, and so do negatives.

    `bins` has the bin of each row: first come `n_negative` bins of negatives, then those of positives, both in the
    order of their scores. Per bin of positives `n_below` says how many bins of negatives lie below it. `tied` are the
    pairs of bins of equal score: the index among the bins of positives, and that of the negatives.
    """

    bins: Ints
    n_negative: int
    n_below: Ints
    tied: tuple[Ints, Ints]

    @classmethod
    def of(cls, scores: Floats, is_positive: Bools) -> _RankedBins:
        levels, level = np.unique(scores, return_inverse=True)
        has_positive, has_negative = (
            np.bincount(level[rows], minlength=len(levels)) > 0 for rows in (is_positive, ~is_positive)
        )
        has_both = has_positive & has_negative
        # A run goes on over levels that have nothing but positives, or nothing but negatives.
        starts = np.ones(len(levels), dtype=bool)
        starts[1:] = has_both[1:] | has_both[:-1] | (has_positive[1:] != has_positive[:-1])
        positives, negatives = has_positive & starts, has_negative & starts
        negative_rank, positive_rank = np.cumsum(negatives), np.cumsum(positives)
        bins = np.where(is_positive, negative_rank[-1:].sum() + positive_rank[level], negative_rank[level]) - 1
        is_tied = has_both[positives]
        n_below: Ints = negative_rank[positives] - is_tied
        return cls(bins, int(np.count_nonzero(negatives)), n_below, (np.flatnonzero(is_tied), n_below[is_tied]))

    @property
    def n_bins(self) -> int:
        """How many bins there are."""
        return self.n_negative + len(self.n_below)

    @cached_property
    def _sorted(self) -> tuple[Ints, Ints]:
        order = np.argsort(self.bins, kind="stable")
        return order, np.searchsorted(self.bins[order], np.arange(self.n_bins))

    def sum_rows(self, counts: Floats) -> Floats:
        """Counts of rows, shape (..., rows), as counts of bins, shape (..., bins)."""
        order, starts = self._sorted
        ordered = np.take(counts, order, axis=-1)
        return ordered if len(starts) == len(order) else np.add.reduceat(ordered, starts, axis=-1)

    def area(self, counts: Floats) -> Floats:
        """The area from counts of bins, shape (..., bins)."""
        negatives, positives = counts[..., : self.n_negative], counts[..., self.n_negative :]
        first = int(np.searchsorted(self.n_below, 1))  # positives before it have no negative below them
        lower = np.take(np.cumsum(negatives, axis=-1), self.n_below[first:] - 1, axis=-1)
        concordant = np.einsum("...i,...i->...", positives[..., first:], lower)
        ties = np.einsum("...i,...i->...", positives[..., self.tied[0]], negatives[..., self.tied[1]])
        return divide(concordant + ties / 2, positives.sum(axis=-1) * negatives.sum(axis=-1))
