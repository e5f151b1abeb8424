"""Log loss and Brier score: how far each row's probabilities are from its target."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry import DataError, Scores

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions, Targets

EPSILON = float(np.finfo(np.float64).eps)  # probabilities are clipped to so much from 0 and 1, as in scikit-learn
MAX_LOG_LOSS = -math.log(EPSILON)  # of a certain and wrong prediction


def require_probabilities(predictions: Predictions) -> npt.NDArray[np.float64]:
    """Probabilities, shape (rows, classes), NaN in a row that has none; a DataError where no row has any."""
    if predictions.probabilities is None:
        raise DataError(
            "the predictions are labels alone, and this metric needs probabilities",
            hint="a file of predictions has them as one column per class",
        )
    return predictions.probabilities


def log_loss(predictions: Predictions, targets: Targets) -> Scores:
    """The mean of -log(probability of the target class).

    Cross-entropy in nats: 0 at best, 36.04 for a certain and wrong prediction, as scikit-learn clips them. The
    interval allows for unseen rows as bad as the most confident of these predictions would be if it were wrong.
    """
    probabilities = np.clip(require_probabilities(predictions), EPSILON, 1 - EPSILON)
    losses = -np.log(np.take_along_axis(probabilities, targets.codes[:, None], axis=1)[:, 0])
    if np.isnan(probabilities).all():
        return Scores(losses, 0.0, MAX_LOG_LOSS)
    return Scores(losses, 0.0, max(0.0, -math.log(float(np.nanmin(probabilities)))))


def brier(predictions: Predictions, targets: Targets) -> Scores:
    """The mean squared distance of the probabilities from the target.

    The target class has 1, all others 0. With two classes half of that, from 0 to 1, which is the distance for the
    positive class; with more, from 0 to 2. So scikit-learn with `scale_by_half="auto"`.
    """
    probabilities = require_probabilities(predictions)
    one_hot = np.zeros_like(probabilities)
    np.put_along_axis(one_hot, targets.codes[:, None], 1.0, axis=1)
    distances = ((probabilities - one_hot) ** 2).sum(axis=1)
    return Scores(distances / 2, 0.0, 1.0) if probabilities.shape[1] < 3 else Scores(distances, 0.0, 2.0)
