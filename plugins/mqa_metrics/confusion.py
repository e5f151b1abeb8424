"""Scores of the whole confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_metrics.division import quotient
from mqa_metrics.tally import absent_classes, tallying_labels
from mqa_registry import Statistic

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_metrics.tally import Tally
    from mqa_registry import Predictions, Targets


def balanced_accuracy(predictions: Predictions, targets: Targets) -> Statistic:
    """The mean over classes of the share of their rows answered rightly.

    From 0 to 1. Classes without rows are left out, as in scikit-learn.
    """
    tallying = tallying_labels(predictions, targets)

    def of(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        tally = tallying.of(counts)
        there = tally.right > 0
        recalls = np.nan_to_num(quotient(tally.hits, tally.right))
        return quotient(recalls.sum(axis=-1), there.sum(axis=-1).astype(np.float64))

    return Statistic(of, tallying.cells, tallying.size, absent=absent_classes(targets))


def mcc(predictions: Predictions, targets: Targets) -> Statistic:
    """Matthews' correlation of answers and right answers.

    For any number of classes; from -1 to 1, 0 for guessing. Gorodkin 2004,
    https://doi.org/10.1016/j.compbiolchem.2004.09.006. Undefined where all answers, or all right answers, are one
    class.
    """
    tallying = tallying_labels(predictions, targets)
    constant = any(len(np.unique(side.codes)) == 1 for side in (predictions, targets))
    undefined = "all answers, or all right answers, are of one class" if constant else ""
    return Statistic(
        lambda counts: _correlation(tallying.of(counts)),
        tallying.cells,
        tallying.size,
        undefined,
        absent=absent_classes(targets),
    )


def _correlation(tally: Tally) -> npt.NDArray[np.float64]:
    rows = tally.right.sum(axis=-1)
    together = tally.hits.sum(axis=-1) * rows - (tally.answered * tally.right).sum(axis=-1)
    of_answers = rows**2 - (tally.answered**2).sum(axis=-1)
    of_right = rows**2 - (tally.right**2).sum(axis=-1)
    return quotient(together, np.sqrt(of_answers) * np.sqrt(of_right))
