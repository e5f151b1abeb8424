"""Precision, recall and their harmonic mean, F1: of one class, or averaged over classes, or of spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from mqa_metrics.confusion_counts import (
    absent_classes,
    binary_bins,
    divide,
    label_bins,
    multilabel_bins,
    span_bins,
)
from mqa_registry import Statistic, UsageError, positive_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mqa_metrics.confusion_counts import ConfusionBins, ConfusionCounts
    from mqa_registry import Predictions, Targets

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]
    ClassScore: TypeAlias = Callable[[ConfusionCounts], Floats]
    Measured: TypeAlias = Statistic | Floats | Bools

Average: TypeAlias = Literal["binary", "macro", "micro", "weighted"]

BINS = {"label": label_bins, "labels": multilabel_bins, "spans": span_bins}  # by prediction schema


def precision(
    predictions: Predictions, targets: Targets, *, average: Average | None = None, positive: str | None = None
) -> Measured:
    """The share of predictions of a class that are right.

    From 0 to 1. `average` is `binary` for one class alone, `micro` for all as one, `macro` for the mean over those that
    occur, `weighted` for the same by their rows; left out it is `binary`, and `micro` for spans, which have no other.
    `positive` is that one class, the second of two unless it is named. A class that is never predicted makes `binary`
    undefined, and counts as 0 in `macro` and `weighted`, as in scikit-learn.
    """
    average = _resolve_average(predictions, average, positive)
    if average == "binary":
        predicted, actual = _one_class(predictions, targets, positive)
        return np.where(predicted, actual, np.nan)
    if average == "micro" and predictions.schema == "label":
        return np.asarray(predictions.codes == targets.codes)
    return _over_classes(_precision, average, predictions, targets)


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
        predicted, actual = _one_class(predictions, targets, positive)
        return np.where(actual, predicted, np.nan)
    if average in ("micro", "weighted") and predictions.schema == "label":
        return np.asarray(predictions.codes == targets.codes)
    return _over_classes(_recall, average, predictions, targets)


def f1(
    predictions: Predictions, targets: Targets, *, average: Average | None = None, positive: str | None = None
) -> Measured:
    """The harmonic mean of precision and recall.

    From 0 to 1: 2 · true positives / (predictions + rows) of a class. `average` is as for `metrics/precision`. `positive` is the one
    class, the second of two unless it is named. A class that neither occurs nor is predicted makes `binary` undefined,
    and is left out of `macro`.
    """
    average = _resolve_average(predictions, average, positive)
    if average == "binary":
        predicted, actual = _one_class(predictions, targets, positive)
        absent = [] if actual.any() else [predictions.classes[positive_class(predictions.classes, positive)]]
        undefined = "" if predicted.any() or actual.any() else f"no row is `{absent[0]}`, and none is predicted so"
        return _statistic(_f1, "micro", binary_bins(predicted, actual), absent, undefined)
    if average == "micro" and predictions.schema == "label":
        return np.asarray(predictions.codes == targets.codes)
    return _over_classes(_f1, average, predictions, targets)


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
    if predictions.schema == "labels" and positive is None and average in (None, "binary"):
        raise UsageError(
            "rows with several labels have no positive class of their own",
            hint='say `average = "macro"` or another, or name one class: `positive = "..."`',
        )
    return average or "binary"


def _one_class(predictions: Predictions, targets: Targets, positive: str | None) -> tuple[Bools, Bools]:
    """Per row, whether the positive class was predicted, and whether it is the target."""
    code = positive_class(predictions.classes, positive)
    if predictions.schema == "labels":
        return predictions.indicator[:, code], targets.indicator[:, code]
    return predictions.codes == code, targets.codes == code


def _over_classes(score: ClassScore, average: Average, predictions: Predictions, targets: Targets) -> Statistic:
    """The average over classes of each one's score."""
    absent = [] if predictions.schema == "spans" else absent_classes(targets)
    return _statistic(score, average, BINS[predictions.schema](predictions, targets), absent)


def _statistic(
    score: ClassScore, average: Average, confusion: ConfusionBins, absent: Sequence[str] = (), undefined: str = ""
) -> Statistic:
    def compute(counts: Floats) -> Floats:
        return _average_classes(score, average, confusion.count(counts))

    return Statistic(compute, confusion.bins, confusion.n_bins, undefined, absent=absent)


def _average_classes(score: ClassScore, average: Average, counts: ConfusionCounts) -> Floats:
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
