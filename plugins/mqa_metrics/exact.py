"""Answers that are right as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_metrics.spans import entities

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions, Targets


def accuracy(predictions: Predictions, targets: Targets) -> npt.NDArray[np.bool_]:
    """The share of rows whose answer is right as a whole.

    From 0 to 1. Right are the label, all labels, all spans, the text to the letter. Labels and spans are sets: their
    order, repetitions and scores do not matter.
    """
    if predictions.schema == "label":
        return np.asarray(predictions.codes == targets.codes)
    if predictions.schema == "labels":
        return np.asarray((predictions.indicator == targets.indicator).all(axis=1))
    if predictions.schema == "spans":
        pairs = zip(entities(predictions), entities(targets), strict=True)
        return np.array([found == true for found, true in pairs], dtype=bool)
    return np.array([found == true for found, true in zip(predictions.answers(), targets.answers(), strict=True)], bool)
