"""Flips of labels: how much more probable the predicted class was than the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_parity.margins import Margins

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]


def measure_labels(reference: Predictions, candidate: Predictions) -> Margins | None:
    """The highest probability of the reference minus the second; None without probabilities on both sides.

    A margin is known where both sides predict the most probable class: a prediction by another threshold was not decided by
    it. It moves by the largest change of the gap between two probabilities.
    """
    classes = tuple(dict.fromkeys((*reference.classes, *candidate.classes)))
    one, other = (side.with_classes(classes) for side in (reference, candidate))
    p, q = one.probabilities, other.probabilities
    if p is None or q is None or len(classes) < 2:
        return None
    margins = np.where(_is_most_probable(one, p) & _is_most_probable(other, q), _compute_top_margins(p), np.nan)
    return Margins(margins, (p - q).max(axis=1) - (p - q).min(axis=1))


def _compute_top_margins(p: Floats) -> Floats:
    """Per row the highest probability minus the second; NaN where there are none."""
    highest = np.partition(p, -2, axis=1)
    return np.asarray(highest[:, -1] - highest[:, -2])


def _is_most_probable(predictions: Predictions, p: Floats) -> Bools:
    """Whether the prediction of a row is the class of the highest probability."""
    predicted = np.take_along_axis(p, predictions.codes[:, None], axis=1)[:, 0]
    return np.asarray(predicted >= p.max(axis=1))
