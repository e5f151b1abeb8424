"""Calibration: whether a prediction of probability p is right in a share p of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge

from mqa_metrics.confusion_counts import divide
from mqa_metrics.probability import require_probabilities
from mqa_registry import Statistic

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions, Targets


def ece(predictions: Predictions, targets: Targets, *, bins: Annotated[int, Ge(1)] = 15) -> Statistic:
    """Expected calibration error: how far confidence and accuracy lie apart.

    From 0 to 1. Rows are put into bins by the probability of their likeliest class; in each the distance is between the
    mean of that probability and how often that class is right, and the bins weigh as much as they have rows. `bins` is
    how many there are, of equal width, open below and closed above. Guo et al. 2017, https://arxiv.org/abs/1706.04599,
    equations 2, 3 and 5. Estimates from few rows are too high; the interval holds from about 200 rows on.
    """
    probabilities = require_probabilities(predictions)
    counted = np.flatnonzero(~np.isnan(probabilities).any(axis=1))
    confidence = probabilities[counted].max(axis=1)
    surplus = (probabilities[counted].argmax(axis=1) == targets.codes[counted]) - confidence
    bin_of_row = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1)
    # After the rows come rows that could have been: in each bin a wrong and a right one, as confident as a row in it.
    used_bins, first_row = np.unique(bin_of_row, return_index=True)
    surplus = np.concatenate([surplus, -confidence[first_row], 1 - confidence[first_row]])
    bin_of_cell = np.concatenate([bin_of_row, used_bins, used_bins])
    order = np.argsort(bin_of_cell, kind="stable")
    starts = np.unique(bin_of_cell[order], return_index=True)[1]
    surplus = surplus[order]
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    cells = np.full(len(probabilities), -1, np.int64)
    cells[counted] = rank[: len(counted)]

    def compute(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        distances = np.abs(np.add.reduceat(counts * surplus, starts, axis=-1))
        return divide(distances.sum(axis=-1), counts.sum(axis=-1))

    return Statistic(compute, cells, len(surplus))
