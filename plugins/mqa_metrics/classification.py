"""Metrics of classification: accuracy, precision, recall, F1, Matthews' correlation, and rates of the positive class.

Precision, recall and F1 are of one class, averaged over classes, or of spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from mqa_metrics.confusion_matrix import (
    absent_classes,
    binary_bins,
    divide,
    entities,
    label_bins,
    multilabel_bins,
    span_bins,
)
from mqa_metrics.multi_label import sample_scores
from mqa_registry import Statistic, UsageError, positive_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mqa_metrics.confusion_matrix import Bools, ConfusionBins, ConfusionCounts, Floats
    from mqa_registry import Predictions, Targets

    ClassScore: TypeAlias = Callable[[ConfusionCounts], Floats]
    Measured: TypeAlias = Statistic | Floats | Bools

Average: TypeAlias = Literal["binary", "macro", "micro", "weighted", "samples"]
BINS = {"label": label_bins, "labels": multilabel_bins, "spans": span_bins}  # by prediction schema


def accuracy(predictions: Predictions, targets: Targets) -> Bools:
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
    texts = zip(predictions.to_pylist(), targets.to_pylist(), strict=True)
    return np.array([predicted == actual for predicted, actual in texts], bool)


def balanced_accuracy(predictions: Predictions, targets: Targets) -> Statistic:
    """The mean of the recalls of all classes.

    From 0 to 1. Classes without rows are left out, as in scikit-learn.
    """
    confusion = label_bins(predictions, targets)

    def mean_recall(counts: Floats) -> Floats:
        true_positives, _, actual = confusion.count(counts)
        recalls = np.nan_to_num(divide(true_positives, actual))
        return divide(recalls.sum(axis=-1), (actual > 0).sum(axis=-1).astype(np.float64))

    return Statistic(mean_recall, confusion.bins, confusion.n_bins, absent=absent_classes(targets))


def precision(
    predictions: Predictions, targets: Targets, *, average: Average | None = None, positive: str | None = None
) -> Measured:
    """The share of predictions of a class that are correct.

    From 0 to 1. `average` is `binary` for one class alone, `micro` for all as one, `macro` for the mean over those that
    occur, `weighted` for the same by their rows, and `samples`, of rows with several labels, for the mean over rows that
    have a label or are given one; left out it is `binary`, and `micro` for spans, which have no other.
    `positive` is that one class, the second of two unless it is named. A class that is never predicted makes `binary`
    undefined, and counts as 0 in `macro` and `weighted`, as in scikit-learn.
    """
    average = _resolve_average(predictions, average, positive)
    if average == "binary":
        predicted, actual = _binarize(predictions, targets, positive)
        return np.where(predicted, actual, np.nan)
    if average == "micro" and predictions.schema == "label":
        return np.asarray(predictions.codes == targets.codes)
    if average == "samples":
        return sample_scores("precision", predictions.indicator, targets.indicator)
    return _average_over_classes(_precision, average, predictions, targets)


def recall(
    predictions: Predictions, targets: Targets, *, average: Average | None = None, positive: str | None = None
) -> Measured:
    """The share of rows of a class that are predicted so.

    From 0 to 1. `average` is as for `metrics/precision`. `positive` is the one class, the second of two unless it is
    named. A class without rows makes `binary` undefined, and where it is predicted, counts as 0 in `macro`, as in
    scikit-learn; `metrics/balanced-accuracy` leaves it out.
    """
    average = _resolve_average(predictions, average, positive)
    if average == "binary":
        predicted, actual = _binarize(predictions, targets, positive)
        return np.where(actual, predicted, np.nan)
    if average in ("micro", "weighted") and predictions.schema == "label":
        return np.asarray(predictions.codes == targets.codes)
    if average == "samples":
        return sample_scores("recall", predictions.indicator, targets.indicator)
    return _average_over_classes(_recall, average, predictions, targets)


def f1(
    predictions: Predictions, targets: Targets, *, average: Average | None = None, positive: str | None = None
) -> Measured:
    """The harmonic mean of precision and recall.

    From 0 to 1: 2 · true positives / (predictions + rows) of a class. `average` is as for `metrics/precision`.
    `positive` is the one class, the second of two unless it is named. A class that neither occurs nor is predicted
    makes `binary` undefined, and is left out of `macro`.
    """
    average = _resolve_average(predictions, average, positive)
    if average == "binary":
        predicted, actual = _binarize(predictions, targets, positive)
        absent = [] if actual.any() else [predictions.classes[positive_class(predictions.classes, positive)]]
        undefined = "" if predicted.any() or actual.any() else f"no row is `{absent[0]}`, and none is predicted so"
        return _make_statistic(_f1, "micro", binary_bins(predicted, actual), absent, undefined)
    if average == "micro" and predictions.schema == "label":
        return np.asarray(predictions.codes == targets.codes)
    if average == "samples":
        return sample_scores("f1", predictions.indicator, targets.indicator)
    return _average_over_classes(_f1, average, predictions, targets)


def mcc(predictions: Predictions, targets: Targets) -> Statistic:
    """Matthews' correlation of predictions and targets.

    For any number of classes; from -1 to 1, 0 for guessing. Gorodkin 2004,
    https://doi.org/10.1016/j.compbiolchem.2004.09.006. Undefined where all predictions, or all targets, are
    of one class.
    """
    confusion = label_bins(predictions, targets)
    is_constant = any(len(np.unique(side.small_codes)) == 1 for side in (predictions, targets))
    return Statistic(
        lambda counts: _correlate(confusion.count(counts)),
        confusion.bins,
        confusion.n_bins,
        "all predictions, or all targets, are of one class" if is_constant else "",
        absent=absent_classes(targets),
    )


def selection_rate(predictions: Predictions, targets: Targets, *, positive: str | None = None) -> Bools:
    """The share of rows that are predicted as positive.

    From 0 to 1, whatever their targets. `positive` is the second of two classes unless it is named.
    """
    return np.asarray(predictions.codes == positive_class(predictions.classes, positive))


def true_positive_rate(predictions: Predictions, targets: Targets, *, positive: str | None = None) -> Floats:
    """The share of positive rows that are predicted as positive.

    From 0 to 1; also recall, sensitivity. `positive` is the second of two classes unless it is named. Undefined without
    positive rows.
    """
    code = positive_class(predictions.classes, positive)
    return np.where(targets.codes == code, predictions.codes == code, np.nan)


def false_positive_rate(predictions: Predictions, targets: Targets, *, positive: str | None = None) -> Floats:
    """The share of negative rows that are predicted as positive.

    From 0 to 1; also fall-out, 1 - specificity. `positive` is the second of two classes unless it is named. Undefined
    where every row is positive.
    """
    code = positive_class(predictions.classes, positive)
    return np.where(targets.codes == code, np.nan, predictions.codes == code)


def _resolve_average(predictions: Predictions, average: Average | None, positive: str | None) -> Average:
    """The average that the options mean; a UsageError where they contradict each other or the schema."""
    if predictions.schema == "spans":
        if average not in (None, "micro") or positive is not None:
            raise UsageError(
                "spans are counted over all their labels at once", hint='say `average = "micro"`, or nothing'
            )
        return "micro"
    if positive is not None and average not in (None, "binary"):
        raise UsageError(f'`positive` names one class, and `average = "{average}"` is over all', hint="leave one out")
    if average == "samples" and predictions.schema != "labels":
        raise UsageError(
            '`average = "samples"` is a mean over the labels of each row, and a row has one here',
            hint='say `average = "macro"` or another',
        )
    if predictions.schema == "labels" and positive is None and average in (None, "binary"):
        raise UsageError(
            "rows with several labels have no positive class of their own",
            hint='say `average = "macro"` or another, or name one class: `positive = "..."`',
        )
    return average or "binary"


def _binarize(predictions: Predictions, targets: Targets, positive: str | None) -> tuple[Bools, Bools]:
    """Per row, whether the positive class was predicted, and whether it is the target."""
    code = positive_class(predictions.classes, positive)
    if predictions.schema == "labels":
        return predictions.indicator[:, code], targets.indicator[:, code]
    return predictions.codes == code, targets.codes == code


def _average_over_classes(score: ClassScore, average: Average, predictions: Predictions, targets: Targets) -> Statistic:
    """The average over classes of each one's score."""
    absent = [] if predictions.schema == "spans" else absent_classes(targets)
    return _make_statistic(score, average, BINS[predictions.schema](predictions, targets), absent)


def _make_statistic(
    score: ClassScore, average: Average, confusion: ConfusionBins, absent: Sequence[str] = (), undefined: str = ""
) -> Statistic:
    def compute(counts: Floats) -> Floats:
        return _average_scores(score, average, confusion.count(counts))

    return Statistic(compute, confusion.bins, confusion.n_bins, undefined, absent=absent)


def _average_scores(score: ClassScore, average: Average, counts: ConfusionCounts) -> Floats:
    """One number of the classes' scores; in a mean over classes an undefined score counts as 0."""
    if average == "micro":
        return score(counts.pooled())[..., 0]
    weights = counts.actual if average == "weighted" else counts.occurs.astype(np.float64)
    return divide((np.nan_to_num(score(counts)) * weights).sum(axis=-1), weights.sum(axis=-1))


def _precision(counts: ConfusionCounts) -> Floats:
    return divide(counts.true_positives, counts.predicted)


def _recall(counts: ConfusionCounts) -> Floats:
    return divide(counts.true_positives, counts.actual)


def _f1(counts: ConfusionCounts) -> Floats:
    return divide(2 * counts.true_positives, counts.predicted + counts.actual)


def _correlate(counts: ConfusionCounts) -> Floats:
    true_positives, predicted, actual = counts
    n_rows = actual.sum(axis=-1)
    covariance = true_positives.sum(axis=-1) * n_rows - (predicted * actual).sum(axis=-1)
    variance_predicted = n_rows**2 - (predicted**2).sum(axis=-1)
    variance_actual = n_rows**2 - (actual**2).sum(axis=-1)
    correlation = divide(covariance, np.sqrt(variance_predicted) * np.sqrt(variance_actual))
    return np.clip(correlation, -1.0, 1.0)  # a product of roots is rounded
