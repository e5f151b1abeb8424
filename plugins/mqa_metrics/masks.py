"""Metrics of masks: intersection over union, accuracy and Dice of pixels, and how well borders are met.

A row is an image. Pixels of all images are counted together, so that a label counts as much in a large image as its pixels are, and
resampling keeps the pixels of an image together. Pixels without a label in the target do not count.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar

import numpy as np
import pyarrow.compute as pc
from annotated_types import Gt

from mqa_metrics.confusion_matrix import ConfusionCounts, divide
from mqa_registry import DataError, Statistic, UsageError, count_pixels, decode_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Predictions, Targets

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]
    Codes: TypeAlias = npt.NDArray[np.int16]
    Masks: TypeAlias = Sequence[Mapping[str, Any]]

Result = TypeVar("Result")

DIAGONAL_SHARE = 0.0075  # of an image: how far a border may be off (Csurka et al. 2013)
BLOCK_ROWS = 1024  # that are Python values at a time
SIZE_HINT = "a mask has the size of the image as it stands, turned as its EXIF orientation says"


def mean_iou(predictions: Predictions, targets: Targets, *, label: str | None = None) -> Statistic:
    """The mean intersection over union of labels: pixels that are rightly predicted, by those predicted or in the target.

    From 0 to 1, over the pixels of all images, as Cityscapes and ADE20K have it. A label that occurs in predictions alone counts
    as 0, and one that does not occur is left out. `label` is the only one that counts.
    """
    return _make_statistic(
        lambda counts: _mean(divide(counts.true_positives, counts.predicted + counts.actual - counts.true_positives)),
        predictions,
        targets,
        label,
    )


def dice(predictions: Predictions, targets: Targets, *, label: str | None = None) -> Statistic:
    """The mean Dice coefficient of labels: twice the pixels that are rightly predicted, by those predicted and in the target.

    From 0 to 1, over the pixels of all images: the F1 of pixels. `label` is as for `metrics/mean-iou`.
    """
    return _make_statistic(
        lambda counts: _mean(divide(2 * counts.true_positives, counts.predicted + counts.actual)),
        predictions,
        targets,
        label,
    )


def pixel_accuracy(
    predictions: Predictions,
    targets: Targets,
    *,
    average: Literal["micro", "macro"] = "micro",
    label: str | None = None,
) -> Statistic:
    """The share of pixels with the right label.

    From 0 to 1. `average` is `micro` over all pixels, `macro` for the mean over labels of the share of their pixels that is
    found, also called mean accuracy. `label` leaves out the pixels of all others.
    """

    def score(counts: ConfusionCounts) -> Floats:
        counted = counts.pooled() if average == "micro" else counts
        return _mean(divide(counted.true_positives, counted.actual))

    return _make_statistic(score, predictions, targets, label)


def boundary_f1(
    predictions: Predictions,
    targets: Targets,
    *,
    tolerance: Annotated[float, Gt(0)] | None = None,
    label: str | None = None,
) -> Floats:
    """How well the borders of labels are met: the mean over images of the F1 of border pixels.

    From 0 to 1. A border pixel has a neighbour, above, below, left or right, of another label. Of a label, precision is the share
    of its predicted border that lies within `tolerance` pixels of its border in the target, and recall the converse; an image has
    the mean of the labels that occur in it. Left out, `tolerance` is 0.75 % of the image's diagonal, at least 1 pixel (Csurka,
    Larlus and Perronnin 2013, "What is a good evaluation measure for semantic segmentation?"). `label` is the only one that counts:
    images without it are left out.
    """
    labels = _find_labels(predictions, targets, label)
    chosen = range(len(labels)) if label is None else [labels.index(label)]
    scores = [
        _mean_border_f1(*pair, chosen, tolerance) for pair in _measure_rows(decode_pair, predictions, targets, labels)
    ]
    return np.array(scores, np.float64)


def _make_statistic(
    score: Callable[[ConfusionCounts], Floats], predictions: Predictions, targets: Targets, label: str | None
) -> Statistic:
    """A statistic of the counts of pixels by label, where every image is a bin.

    There are also bins for an image like the largest of each label, all wrong and all right.
    """
    labels = _find_labels(predictions, targets, label)
    counts = list(_measure_rows(count_pixels, predictions, targets, labels))
    rows = np.array(counts, np.float64).reshape(len(predictions), 3, len(labels))
    most = rows[:, 2].max(axis=0, initial=0.0)
    elsewhere = np.roll(most, 1) if len(labels) > 1 else np.zeros_like(most)
    kinds = np.concatenate([rows, [[np.zeros_like(most), elsewhere, most], [most, most, most]]])
    if label is not None:
        kinds = kinds[:, :, [labels.index(label)]]

    def compute(times: Floats) -> Floats:
        sums = np.tensordot(times, kinds, axes=1)
        return score(ConfusionCounts(sums[..., 0, :], sums[..., 1, :], sums[..., 2, :]))

    counted = rows[:, 2].sum(axis=1) > 0
    absent = [name for name, total in zip(labels, rows[:, 2].sum(axis=0), strict=True) if not total]
    has_none = "no target has a pixel with a label" if label is None else f"no pixel has the label `{label}`"
    return Statistic(
        compute,
        np.where(counted, np.arange(len(rows)), -1),
        len(kinds),
        undefined="" if kinds[: len(rows)].any() else has_none,
        absent=absent if label is None and counted.any() else (),
    )


def _find_labels(predictions: Predictions, targets: Targets, label: str | None) -> list[str]:
    """All classes, and labels that occur besides; a UsageError where `label` is none of them."""
    columns = (pc.struct_field(pc.list_flatten(side.main), "label") for side in (predictions, targets))
    occurring = {name for column in columns for name in pc.unique(column).to_pylist() if name is not None}
    labels = [*predictions.classes, *sorted(occurring - set(predictions.classes))]
    if label is not None and label not in labels:
        raise UsageError(
            f"no mask has the label `{label}`", hint=f"there are {', '.join(f'`{name}`' for name in labels)}"
        )
    return labels


def _measure_rows(
    measure: Callable[[Masks, Masks, Sequence[str]], Result],
    predictions: Predictions,
    targets: Targets,
    labels: Sequence[str],
) -> Iterator[Result]:
    """What a function makes of the masks of each row and of its target; a DataError names a row where these differ in size."""
    for start in range(0, len(predictions), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        columns = (column[block].to_pylist() for column in (predictions.ids, predictions.main, targets.main))
        for row_id, found, actual in zip(*columns, strict=True):
            try:
                yield measure(found, actual, labels)
            except DataError as error:
                raise DataError(f"row `{row_id}` has, as its target, {error.message}", hint=SIZE_HINT) from error


def _mean(values: Floats) -> Floats:
    """The mean over the last axis of what is not NaN; NaN where nothing is left."""
    known = ~np.isnan(values)
    return divide(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))


def _mean_border_f1(predicted: Codes, actual: Codes, codes: Sequence[int], tolerance: float | None) -> float:
    """The mean over labels that occur among the counted pixels of an image of how well their borders are met; NaN without any."""
    counted = actual >= 0
    reach = max(1.0, DIAGONAL_SHARE * math.hypot(*actual.shape)) if tolerance is None else tolerance
    borders = [_find_borders(side, counted) for side in (predicted, actual)]
    scores = []
    for code in codes:
        is_there = [bool((counted & (side == code)).any()) for side in (predicted, actual)]
        if any(is_there):
            found, wanted = (border & (side == code) for border, side in zip(borders, (predicted, actual), strict=True))
            scores.append(_border_f1(found, wanted, reach) if all(is_there) else 0.0)
    return float(np.mean(scores)) if scores else math.nan


def _find_borders(codes: Codes, counted: Bools) -> Bools:
    """Whether each counted pixel has a counted neighbour, above, below, left or right, of another label."""
    borders = np.zeros(codes.shape, bool)
    for one, other in (((slice(1, None),), (slice(-1),)), ((slice(None), slice(1, None)), (slice(None), slice(-1)))):
        differ = (codes[one] != codes[other]) & counted[one] & counted[other]
        borders[one] |= differ
        borders[other] |= differ
    return borders


def _border_f1(predicted: Bools, actual: Bools, reach: float) -> float:
    """The F1 of the border pixels of a label; 1 where it has no border on either side, 0 where it has one on one side alone."""
    from scipy import ndimage

    if not predicted.any() or not actual.any():
        return float(predicted.any() == actual.any())
    precision, recall = (
        float((ndimage.distance_transform_edt(~other)[own] <= reach).mean())
        for own, other in ((predicted, actual), (actual, predicted))
    )
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
