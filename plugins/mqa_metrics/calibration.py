"""Whether probabilities mean what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge

from mqa_metrics.division import quotient
from mqa_metrics.probability import probabilities
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
    chances = probabilities(predictions)
    given = np.flatnonzero(~np.isnan(chances).any(axis=1))
    confidence = chances[given].max(axis=1)
    surplus = (chances[given].argmax(axis=1) == targets.codes[given]) - confidence
    binned = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1)
    # Behind the rows come those that might have been: in each bin a wrong one and a right one, as sure as a row is there.
    there, first = np.unique(binned, return_index=True)
    surplus = np.concatenate([surplus, -confidence[first], 1 - confidence[first]])
    order = np.argsort(np.concatenate([binned, there, there]), kind="stable")
    starts = np.unique(np.concatenate([binned, there, there])[order], return_index=True)[1]
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    surplus = surplus[order]
    cells = np.full(len(chances), -1, np.int64)
    cells[given] = place[: len(given)]

    def of(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        distances = np.abs(np.add.reduceat(counts * surplus, starts, axis=-1))
        return quotient(distances.sum(axis=-1), counts.sum(axis=-1))

    return Statistic(of, cells, len(surplus))
