"""Scores of the probabilities themselves, row by row."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry import DataError, Scores

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions, Targets

LEAST = float(np.finfo(np.float64).eps)  # as in scikit-learn: no probability is taken to be nearer to 0 or 1
WORST = -math.log(LEAST)  # the log loss of a certain and wrong answer


def probabilities(predictions: Predictions) -> npt.NDArray[np.float64]:
    """Rows by classes, NaN in a row that has none; a DataError where no row has any."""
    if predictions.probabilities is None:
        raise DataError(
            "the predictions are labels alone, and this metric needs probabilities",
            hint="a file of predictions has them as one column per class",
        )
    return predictions.probabilities


def log_loss(predictions: Predictions, targets: Targets) -> Scores:
    """The mean of -log(probability of the right class).

    Cross-entropy in nats: 0 at best, 36.04 for a certain and wrong answer, as scikit-learn clips them. The interval
    allows for rows that were not seen and are as bad as the surest of all these answers would be if it were wrong.
    """
    chances = np.clip(probabilities(predictions), LEAST, 1 - LEAST)
    losses = -np.log(np.take_along_axis(chances, targets.codes[:, None], axis=1)[:, 0])
    return Scores(losses, 0.0, max(0.0, -math.log(float(np.nanmin(chances)))) if not np.isnan(chances).all() else WORST)


def brier(predictions: Predictions, targets: Targets) -> Scores:
    """The mean squared distance of the probabilities from the right answer.

    The right answer has 1, all others 0. With two classes half of that, from 0 to 1, which is the distance for the
    positive class; with more, from 0 to 2. So scikit-learn with `scale_by_half="auto"`.
    """
    chances = probabilities(predictions)
    wanted = np.zeros_like(chances)
    np.put_along_axis(wanted, targets.codes[:, None], 1.0, axis=1)
    distances = ((chances - wanted) ** 2).sum(axis=1)
    return Scores(distances / 2, 0.0, 1.0) if chances.shape[1] < 3 else Scores(distances, 0.0, 2.0)
