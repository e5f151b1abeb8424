"""Precision, recall and their harmonic mean, F1: of one class, or averaged over classes, or of spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from mqa_metrics.division import quotient
from mqa_metrics.tally import absent_classes, tallying_class, tallying_labels, tallying_sets, tallying_spans
from mqa_registry import Statistic, UsageError, positive_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mqa_metrics.tally import Tally, Tallying
    from mqa_registry import Predictions, Targets

    Floats: TypeAlias = npt.NDArray[np.float64]
    Score: TypeAlias = Callable[[Tally], Floats]
    Scores: TypeAlias = Statistic | npt.NDArray[np.float64] | npt.NDArray[np.bool_]

Average: TypeAlias = Literal["binary", "macro", "micro", "weighted"]

TALLYINGS = {"label": tallying_labels, "labels": tallying_sets, "spans": tallying_spans}


def precision(
    predictions: Predictions, targets: Targets, *, average: Average | None = None, positive: str | None = None
) -> Scores:
    """The share of answers of a class that are right.

    From 0 to 1. `average` is `binary` for one class alone, `micro` for all as one, `macro` for the mean over those that
    occur, `weighted` for the same by their rows; left out it is `binary`, and `micro` for spans, which have no other.
    `positive` is that one class, the second of two unless it is named. A class that was never answered makes `binary`
    undefined, and counts as 0 in `macro` and `weighted`, as in scikit-learn.
    """
    average = _average(predictions, average, positive)
    if average == "binary":
        answered, right = _binary(predictions, targets, positive)
        return np.where(answered, right, np.nan)
    if average == "micro" and predictions.schema == "label":
        return np.asarray(predictions.codes == targets.codes)
    return _over_classes(_precision, average, predictions, targets)


def recall(
    predictions: Predictions, targets: Targets, *, average: Average | None = None, positive: str | None = None
) -> Scores:
    """The share of rows of a class that were answered so.

    From 0 to 1. `average` is as for `metrics/precision`. `positive` is the one class, the second of two unless it is
    named. A class without rows makes `binary` undefined, and where it was answered, counts as 0 in `macro`, as in
    scikit-learn; `metrics/balanced-accuracy` leaves it out.
    """
    average = _average(predictions, average, positive)
    if average == "binary":
        answered, right = _binary(predictions, targets, positive)
        return np.where(right, answered, np.nan)
    if average in ("micro", "weighted") and predictions.schema == "label":
        return np.asarray(predictions.codes == targets.codes)
    return _over_classes(_recall, average, predictions, targets)


def f1(
    predictions: Predictions, targets: Targets, *, average: Average | None = None, positive: str | None = None
) -> Scores:
    """The harmonic mean of precision and recall.

    From 0 to 1: 2 hits / (answers + rows) of a class. `average` is as for `metrics/precision`. `positive` is the one
    class, the second of two unless it is named. A class that neither occurs nor was answered makes `binary` undefined,
    and is left out of `macro`.
    """
    average = _average(predictions, average, positive)
    if average == "binary":
        answered, right = _binary(predictions, targets, positive)
        absent = [] if right.any() else [predictions.classes[positive_class(predictions.classes, positive)]]
        undefined = "" if answered.any() or right.any() else f"no row is `{absent[0]}`, and none is answered so"
        return _statistic(_f1, "micro", tallying_class(answered, right), absent, undefined)
    if average == "micro" and predictions.schema == "label":
        return np.asarray(predictions.codes == targets.codes)
    return _over_classes(_f1, average, predictions, targets)


def _average(predictions: Predictions, average: Average | None, positive: str | None) -> Average:
    """The average that is meant, or a UsageError where there is none such."""
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


def _binary(
    predictions: Predictions, targets: Targets, positive: str | None
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Per row, whether the positive class was answered, and whether that is right."""
    code = positive_class(predictions.classes, positive)
    if predictions.schema == "labels":
        return predictions.indicator[:, code], targets.indicator[:, code]
    return predictions.codes == code, targets.codes == code


def _over_classes(score: Score, average: Average, predictions: Predictions, targets: Targets) -> Statistic:
    absent = [] if predictions.schema == "spans" else absent_classes(targets)
    return _statistic(score, average, TALLYINGS[predictions.schema](predictions, targets), absent)


def _statistic(
    score: Score, average: Average, tallying: Tallying, absent: Sequence[str] = (), undefined: str = ""
) -> Statistic:
    def of(counts: Floats) -> Floats:
        return _averaged(score, average, tallying.of(counts))

    return Statistic(of, tallying.cells, tallying.size, undefined, absent=absent)


def _averaged(score: Score, average: Average, tally: Tally) -> Floats:
    """One number of the classes' scores; in a mean over classes an undefined one counts as 0."""
    if average == "micro":
        return score(tally.pooled())[..., 0]
    weights = tally.right if average == "weighted" else tally.occurs.astype(np.float64)
    return quotient((np.nan_to_num(score(tally)) * weights).sum(axis=-1), weights.sum(axis=-1))


def _precision(tally: Tally) -> Floats:
    return quotient(tally.hits, tally.answered)


def _recall(tally: Tally) -> Floats:
    return quotient(tally.hits, tally.right)


def _f1(tally: Tally) -> Floats:
    return quotient(2 * tally.hits, tally.answered + tally.right)
