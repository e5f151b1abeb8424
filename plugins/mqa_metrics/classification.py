"""Accuracy, balanced accuracy, Matthews' correlation, and how often the positive class is predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_metrics.confusion_counts import absent_classes, divide, entities, label_bins
from mqa_registry import Statistic, positive_class

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_metrics.confusion_counts import ConfusionCounts
    from mqa_registry import Predictions, Targets


def accuracy(predictions: Predictions, targets: Targets) -> npt.NDArray[np.bool_]:
    """The share of rows whose prediction equals the target.

    From 0 to 1. Of a row all labels, or all spans, have to be equal, and of a text every character. Labels and spans are
    sets: their order, repetitions and scores do not matter.
    """
    if predictions.schema == "label":
        return np.asarray(predictions.codes == targets.codes)
    if predictions.schema == "labels":
        return np.asarray((predictions.indicator == targets.indicator).all(axis=1))
    if predictions.schema == "spans":
        pairs = zip(entities(predictions), entities(targets), strict=True)
        return np.array([predicted == actual for predicted, actual in pairs], bool)
    texts = zip(predictions.answers(), targets.answers(), strict=True)
    return np.array([predicted == actual for predicted, actual in texts], bool)


def balanced_accuracy(predictions: Predictions, targets: Targets) -> Statistic:
    """The mean of the recalls of all classes.

    From 0 to 1. Classes without rows are left out, as in scikit-learn.
    """
    confusion = label_bins(predictions, targets)

    def mean_recall(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        true_positives, _, actual = confusion.count(counts)
        recalls = np.nan_to_num(divide(true_positives, actual))
        return divide(recalls.sum(axis=-1), (actual > 0).sum(axis=-1).astype(np.float64))

    return Statistic(mean_recall, confusion.bins, confusion.n_bins, absent=absent_classes(targets))


def mcc(predictions: Predictions, targets: Targets) -> Statistic:
    """Matthews' correlation of predictions and targets.

    For any number of classes; from -1 to 1, 0 for guessing. Gorodkin 2004,
    https://doi.org/10.1016/j.compbiolchem.2004.09.006. Undefined where all predictions, or all targets, are
    of one class.
    """
    confusion = label_bins(predictions, targets)
    is_constant = any(len(np.unique(side.codes)) == 1 for side in (predictions, targets))
    return Statistic(
        lambda counts: _correlation(confusion.count(counts)),
        confusion.bins,
        confusion.n_bins,
        "all predictions, or all targets, are of one class" if is_constant else "",
        absent=absent_classes(targets),
    )


def _correlation(counts: ConfusionCounts) -> npt.NDArray[np.float64]:
    true_positives, predicted, actual = counts
    n_rows = actual.sum(axis=-1)
    covariance = true_positives.sum(axis=-1) * n_rows - (predicted * actual).sum(axis=-1)
    variance_predicted = n_rows**2 - (predicted**2).sum(axis=-1)
    variance_actual = n_rows**2 - (actual**2).sum(axis=-1)
    return divide(covariance, np.sqrt(variance_predicted) * np.sqrt(variance_actual))


def selection_rate(predictions: Predictions, targets: Targets, *, positive: str | None = None) -> npt.NDArray[np.bool_]:
    """The share of rows that are predicted as positive.

    From 0 to 1, whatever their targets. `positive` is the second of two classes unless it is named.
    """
    return np.asarray(predictions.codes == positive_class(predictions.classes, positive))


def true_positive_rate(
    predictions: Predictions, targets: Targets, *, positive: str | None = None
) -> npt.NDArray[np.float64]:
    """The share of positive rows that are predicted as positive.

    From 0 to 1; also recall, sensitivity. `positive` is the second of two classes unless it is named. Undefined without
    positive rows.
    """
    code = positive_class(predictions.classes, positive)
    return np.where(targets.codes == code, predictions.codes == code, np.nan)


def false_positive_rate(
    predictions: Predictions, targets: Targets, *, positive: str | None = None
) -> npt.NDArray[np.float64]:
    """The share of negative rows that are predicted as positive.

    From 0 to 1; also fall-out, 1 - specificity. `positive` is the second of two classes unless it is named. Undefined
    where every row is positive.
    """
    code = positive_class(predictions.classes, positive)
    return np.where(targets.codes == code, np.nan, predictions.codes == code)
