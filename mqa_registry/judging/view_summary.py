"""What the predictions of a data set by one backend look like as a whole: its confusion matrix and its calibration.

No verdict depends on it: it is what a person looks at after one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import numpy.typing as npt

    from mqa_registry.observations import Observations, ObservedView
    from mqa_registry.plan import View
    from mqa_registry.types import Predictions, Rows, Targets

    Counts = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

MAX_CLASSES = 30  # with a row and a column of their own
CHUNK_ROWS = 1 << 15  # whose probabilities are read at a time
CALIBRATION_BINS = 15  # of equal width, as usual for the calibration error


@dataclass(frozen=True)
class ConfusionMatrix:
    """How often rows of one class were predicted as another: `counts` has a row a target and a column a prediction.

    Of many classes, those that are confused most are in `classes`, and the last row and column of `counts` stand for the
    `joined` others together.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    joined: int = 0


@dataclass(frozen=True)
class CalibrationBin:
    """The rows whose highest probability is above `low` and at most `high`.

    `confidence` is the mean of that probability, `accuracy` the share of the rows whose prediction is right.
    """

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class ViewSummary:
    """The unperturbed rows of a data set as one backend predicts them.

    `rows` are those with a prediction and a target; `lost` rows have no prediction. `calibration` has the bins that have rows; it is empty where there
    are no probabilities.
    """

    data: str
    backend: str
    schema: str
    rows: int
    confusion: ConfusionMatrix | None = None
    calibration: tuple[CalibrationBin, ...] = ()
    lost: int = 0


def summarize_views(observations: Observations) -> tuple[ViewSummary, ...]:
    """A summary of every view of unperturbed rows whose schema has one, and whose rows have targets.

    A data set that could not be read has none.
    """
    summaries = (
        _summarize_view(view, observed, observations.rows[view.rows.data])
        for view, observed in observations.views.items()
        if view.backend and not view.rows.perturb and view.rows.data in observations.rows
    )
    return tuple(summary for summary in summaries if summary is not None)


def _summarize_view(view: View, observed: ObservedView, rows: Rows) -> ViewSummary | None:
    import pyarrow as pa

    from mqa_registry.errors import DataError
    from mqa_registry.judging.samples import make_sample

    predictions = observed.predictions
    if predictions is None or observed.perturbed is None or predictions.schema not in _SUMMARIZERS:
        return None
    try:
        sample = make_sample(observed, rows, view.rows.data, "required")
    except (DataError, pa.ArrowException):  # a check that needs the targets says so
        return None
    if sample.targets is None or not len(sample):
        return None
    confusion, calibration = _SUMMARIZERS[predictions.schema](sample.predictions, sample.targets)
    return ViewSummary(
        view.rows.data, view.backend, predictions.schema, len(sample), confusion, calibration, observed.lost.count
    )


def _summarize_labels(
    predictions: Predictions, targets: Targets
) -> tuple[ConfusionMatrix | None, tuple[CalibrationBin, ...]]:
    """The confusion matrix and the calibration of one label a row."""
    import numpy as np

    n_classes = len(predictions.classes)
    counts = np.zeros(n_classes**2, dtype=np.int64)
    totals = np.zeros((3, CALIBRATION_BINS))
    for start in range(0, len(predictions), CHUNK_ROWS):  # a matrix of all rows and classes may not fit
        stop = min(start + CHUNK_ROWS, len(predictions))
        some, codes = predictions.slice(start, stop), targets.small_codes[start:stop].astype(np.int64)
        counts += np.bincount(codes * n_classes + predictions.small_codes[start:stop], minlength=n_classes**2)
        if some.probabilities is not None:
            totals += bin_rows(some.probabilities, codes)
    return make_confusion_matrix(predictions.classes, counts.reshape(n_classes, n_classes)), make_bins(totals)


# By schema; one that is not here has no summary.
_SUMMARIZERS: Mapping[
    str, Callable[[Predictions, Targets], tuple[ConfusionMatrix | None, tuple[CalibrationBin, ...]]]
] = {"label": _summarize_labels}


def make_confusion_matrix(classes: tuple[str, ...], counts: Counts) -> ConfusionMatrix:
    """The confusion matrix of counts, shape (classes, classes), targets by predictions; rarely confused classes joined."""
    import numpy as np

    if len(classes) <= MAX_CLASSES:
        return ConfusionMatrix(classes, _to_tuples(counts))
    mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    shown = np.sort(np.argsort(-mistakes, kind="stable")[:MAX_CLASSES])
    position = np.full(len(classes), MAX_CLASSES)
    position[shown] = np.arange(MAX_CLASSES)
    joined = np.zeros((MAX_CLASSES + 1, MAX_CLASSES + 1), np.int64)
    np.add.at(joined, (position[:, None], position[None, :]), counts)
    return ConfusionMatrix(tuple(classes[code] for code in shown), _to_tuples(joined), len(classes) - MAX_CLASSES)


def bin_rows(probabilities: Floats, targets: Counts) -> Floats:
    """The rows, their total confidence and how many are right, by the bins of a reliability diagram: shape (3, bins).

    `probabilities` have shape (rows, classes), NaN in a row that is ignored; `targets` are the positions of the right
    classes.
    """
    import numpy as np

    is_known = ~np.isnan(probabilities).any(axis=1)
    probabilities, targets = probabilities[is_known], targets[is_known]
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == targets
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS) - 1, 0, CALIBRATION_BINS - 1).astype(np.int64)
    return np.stack([np.bincount(bins, weights, CALIBRATION_BINS) for weights in (None, confidence, is_right)])


def make_bins(totals: Floats) -> tuple[CalibrationBin, ...]:
    """The bins that have rows, of the totals of `bin_rows`."""
    return tuple(
        CalibrationBin(
            low=round(number / CALIBRATION_BINS, 6),
            high=round((number + 1) / CALIBRATION_BINS, 6),
            rows=int(rows),
            confidence=round(float(confidence / rows), 6),
            accuracy=round(float(right / rows), 6),
        )
        for number, (rows, confidence, right) in enumerate(totals.T)
        if rows
    )


def _to_tuples(counts: Counts) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, counts.tolist()))
