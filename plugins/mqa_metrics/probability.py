"""Metrics of probabilities: log loss, Brier score, top-k accuracy, and the expected calibration error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge

from mqa_metrics.confusion_matrix import divide
from mqa_registry import DataError, Scores, Statistic

if TYPE_CHECKING:
    from mqa_metrics.confusion_matrix import Floats
    from mqa_registry import Predictions, Targets

EPSILON = float(np.finfo(np.float64).eps)  # probabilities are clipped to so much from 0 and 1, as in scikit-learn
MAX_LOG_LOSS = -math.log(EPSILON)  # of a certain and wrong prediction


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


def top_k_accuracy(predictions: Predictions, targets: Targets, *, k: Annotated[int, Ge(1)] = 5) -> Floats:
    """The share of rows whose target is among the `k` likeliest classes.

    From 0 to 1; with `k = 1` accuracy, and 1 where `k` is the number of classes. Of classes that are equally likely the
    first ones count as likelier, as for the label itself; scikit-learn takes the last ones.
    """
    probabilities, codes = require_probabilities(predictions), targets.codes[:, None]
    of_target = np.take_along_axis(probabilities, codes, axis=1)
    comes_first = np.arange(probabilities.shape[1]) < codes
    n_likelier = ((probabilities > of_target) | ((probabilities == of_target) & comes_first)).sum(axis=1)
    return np.where(np.isnan(probabilities).any(axis=1), np.nan, n_likelier < k)


def ece(predictions: Predictions, targets: Targets, *, n_bins: Annotated[int, Ge(1)] = 15) -> Statistic:
    """Expected calibration error: how far confidence and accuracy lie apart.

    From 0 to 1. Rows are put into bins by the probability of their likeliest class; in each the distance is between the
    mean of that probability and how often that class is correct, and the bins weigh as much as they have rows. `n_bins` is
    how many there are, of equal width, open below and closed above. Guo et al. 2017, https://arxiv.org/abs/1706.04599,
    equations 2, 3 and 5. Estimates from few rows are too high; the interval holds from about 200 rows on.
    """
    probabilities = require_probabilities(predictions)
    counted = np.flatnonzero(~np.isnan(probabilities).any(axis=1))
    confidence = probabilities[counted].max(axis=1)
    surplus = (probabilities[counted].argmax(axis=1) == targets.codes[counted]) - confidence
    bin_of_row = np.clip(np.ceil(confidence * n_bins) - 1, 0, n_bins - 1)
    # After the rows come rows that could have been: in each bin a wrong and a correct one, as confident as a row in it.
    used_bins, first_row = np.unique(bin_of_row, return_index=True)
    surplus = np.concatenate([surplus, -confidence[first_row], 1 - confidence[first_row]])
    calibration_bin = np.concatenate([bin_of_row, used_bins, used_bins])
    order = np.argsort(calibration_bin, kind="stable")
    starts = np.unique(calibration_bin[order], return_index=True)[1]
    surplus = surplus[order]
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    row_bins = np.full(len(probabilities), -1, np.int64)
    row_bins[counted] = rank[: len(counted)]

    def compute(counts: Floats) -> Floats:
        distances = np.abs(np.add.reduceat(counts * surplus, starts, axis=-1))
        return divide(distances.sum(axis=-1), counts.sum(axis=-1))

    return Statistic(compute, row_bins, len(surplus))


def require_probabilities(predictions: Predictions) -> Floats:
    """Probabilities, shape (rows, classes), NaN in a row that has none; a DataError where no row has any."""
    if predictions.probabilities is None:
        raise DataError(
            "the predictions are labels alone, and this metric needs probabilities",
            hint="a file of predictions has them as one column per class",
        )
    return predictions.probabilities
