"""Flips of rows with several labels: how far a probability was from the threshold that gives or withholds its label."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_parity.margins import MAX_THRESHOLD_TIE_LIMIT, Margins

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

USUAL_THRESHOLD = 0.5


def measure_label_sets(reference: Predictions, candidate: Predictions) -> Margins | None:
    """The distance of probabilities to their thresholds, and how far the probability moved that was nearest to its own.

    The margin of a row is the least distance of a probability of the reference to its threshold, and of a flip the largest
    among the labels that one side gives and the other does not: damage to one label is none the less where another was
    close. It is NaN where a label follows from no threshold. None without probabilities on both sides.
    """
    classes = tuple(dict.fromkeys((*reference.classes, *candidate.classes)))
    one, other = (side.with_classes(classes) for side in (reference, candidate))
    p, q = one.probabilities, other.probabilities
    if p is None or q is None or not classes:
        return None
    thresholds = infer_thresholds(np.concatenate([p, q]), np.concatenate([one.indicator, other.indicator]))
    distances = np.abs(p - thresholds)
    changed = one.indicator != other.indicator
    known = np.where(np.isnan(distances), np.inf, distances)
    least = np.where(np.isinf(known.min(axis=1)), np.nan, known.min(axis=1))
    margins = np.where(changed.any(axis=1), np.where(changed, distances, 0.0).max(axis=1), least)
    nearest = np.take_along_axis(p - q, known.argmin(axis=1)[:, None], axis=1)[:, 0]
    return Margins(margins, np.abs(nearest), MAX_THRESHOLD_TIE_LIMIT)


def infer_thresholds(probabilities: Floats, has_label: Bools) -> Floats:
    """The threshold of each label, shape (labels,), by the rows that have it and those that have it not.

    It is 0.5 where that parts them, else halfway between the highest probability without the label and the lowest with
    it; NaN where no threshold parts them.
    """
    highest = np.where(has_label, 0.0, probabilities).max(axis=0, initial=0.0)
    lowest = np.where(has_label, probabilities, 1.0).min(axis=0, initial=1.0)
    between = np.where(
        (highest < USUAL_THRESHOLD) & (lowest >= USUAL_THRESHOLD), USUAL_THRESHOLD, (highest + lowest) / 2
    )
    return np.where(highest <= lowest, between, np.nan)
