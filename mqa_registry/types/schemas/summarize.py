"""Summaries of predictions and their targets: a confusion matrix and calibration, counts by label, distributions of numbers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.summaries import (
    CalibrationBin,
    ConfusionMatrix,
    Distribution,
    LabelCounts,
    PredictionSummary,
    ValueSummary,
)
from mqa_registry.types.masks import count_pixels, list_labels

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from mqa_registry.types.predictions import Predictions, Targets

    Counts = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

MAX_CLASSES = 30  # with a row and a column of their own
CHUNK_ROWS = 1 << 15  # that are read at a time
CALIBRATION_BINS = 15  # of equal width, as usual for the calibration error
DECIMALS = 6


def summarize_classes(predictions: Predictions, targets: Targets) -> PredictionSummary:
    """The confusion matrix and the calibration of one label a row."""
    n_classes = len(predictions.classes)
    counts = np.zeros(n_classes**2, dtype=np.int64)
    totals = np.zeros((3, CALIBRATION_BINS))
    for start in range(0, len(predictions), CHUNK_ROWS):  # a matrix of all rows and classes may not fit
        stop = min(start + CHUNK_ROWS, len(predictions))
        some, codes = predictions.slice(start, stop), targets.small_codes[start:stop].astype(np.int64)
        counts += np.bincount(codes * n_classes + predictions.small_codes[start:stop], minlength=n_classes**2)
        if some.probabilities is not None:
            totals += bin_rows(some.probabilities, codes)
    matrix = make_confusion_matrix(predictions.classes, counts.reshape(n_classes, n_classes))
    return PredictionSummary(confusion=matrix, calibration=make_bins(totals))


def summarize_label_sets(predictions: Predictions, targets: Targets) -> PredictionSummary:
    """The counts of every label that occurs, in the order of the classes, of any number of labels a row."""
    totals = np.zeros((3, len(predictions.classes)), np.int64)
    for start in range(0, len(predictions), CHUNK_ROWS):
        predicted, actual = (side.slice(start, start + CHUNK_ROWS).indicator for side in (predictions, targets))
        totals += np.stack([side.sum(axis=0) for side in (actual, predicted, actual & predicted)])
    return PredictionSummary(
        labels=tuple(
            LabelCounts(label, *counts)
            for label, counts in zip(predictions.classes, totals.T.tolist(), strict=True)
            if any(counts)
        )
    )


def summarize_spans(predictions: Predictions, targets: Targets) -> PredictionSummary:
    """The counts of every type of span, in the order of the alphabet: right is one with the start, end and label of a target."""
    actual, predicted, right = Counter[str](), Counter[str](), Counter[str]()
    for start in range(0, len(predictions), CHUNK_ROWS):
        pairs = zip(
            *(_iter_spans(side.slice(start, start + CHUNK_ROWS)) for side in (predictions, targets)), strict=True
        )
        for found, wanted in pairs:
            for counter, spans in ((predicted, found), (actual, wanted), (right, found & wanted)):
                counter.update(label for _, _, label in spans)
    return PredictionSummary(
        labels=tuple(
            LabelCounts(label, actual[label], predicted[label], right[label]) for label in sorted(actual | predicted)
        )
    )


def summarize_masks(predictions: Predictions, targets: Targets) -> PredictionSummary:
    """The counts of pixels of every label, in the order of the alphabet; pixels that a target ignores do not count."""
    totals: dict[str, Counts] = {}
    for start in range(0, len(predictions), CHUNK_ROWS):
        sides = (side.slice(start, start + CHUNK_ROWS).to_pylist() for side in (predictions, targets))
        for found, wanted in zip(*sides, strict=True):
            names = list_labels((found, wanted))
            for name, counts in zip(names, count_pixels(found, wanted, names).T, strict=True):
                totals[name] = totals.get(name, 0) + counts
    by_name = ((name, totals[name].tolist()) for name in sorted(totals))
    return PredictionSummary(
        labels=tuple(LabelCounts(name, actual, predicted, right) for name, (right, predicted, actual) in by_name)
    )


def summarize_values(predictions: Predictions, targets: Targets) -> PredictionSummary:
    """The distributions of what was predicted, of the targets, and of the errors."""
    predicted, actual = predictions.values, targets.values
    return PredictionSummary(
        values=ValueSummary(*(_describe(values) for values in (predicted, actual, predicted - actual)))
    )


def _iter_spans(side: Predictions) -> Iterable[set[tuple[int, int, str]]]:
    return ({(span["start"], span["end"], span["label"]) for span in row} for row in side.to_pylist())


def _describe(values: Floats) -> Distribution:
    quartiles = np.quantile(values, [0.0, 0.25, 0.5, 0.75, 1.0])
    return Distribution(*(round(float(number), DECIMALS) for number in (*quartiles, values.mean(), values.std())))


def make_confusion_matrix(classes: tuple[str, ...], counts: Counts) -> ConfusionMatrix:
    """The confusion matrix of counts, shape (classes, classes), targets by predictions; rarely confused classes joined."""
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
            low=round(number / CALIBRATION_BINS, DECIMALS),
            high=round((number + 1) / CALIBRATION_BINS, DECIMALS),
            rows=int(rows),
            confidence=round(float(confidence / rows), DECIMALS),
            accuracy=round(float(right / rows), DECIMALS),
        )
        for number, (rows, confidence, right) in enumerate(totals.T)
        if rows
    )


def _to_tuples(counts: Counts) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, counts.tolist()))
