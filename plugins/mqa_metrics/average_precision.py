"""Average precision and recall of COCO, of objects in images that are boxes or masks.

A row is an image. Which detections are right is found once; how often an image is counted, as in a bootstrap, only changes how
much they weigh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_metrics.object_matching import Image, LabelMatches, Rule, match_label, read_images
from mqa_registry import Statistic, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mqa_registry import Predictions, Targets

    Floats: TypeAlias = npt.NDArray[np.float64]

RECALLS = np.linspace(0.0, 1.0, 101)  # at which COCO reads the precision
CELLS_AT_ONCE = 1 << 21  # resamples by detections


def make_statistic(
    score: Callable[[Floats, LabelMatches], Floats],
    predictions: Predictions,
    targets: Targets,
    rule: Rule,
    label: str | None,
) -> Statistic:
    """How well the objects of images are found, by a score of the matches of each label; that is averaged over labels with objects."""
    images, bins = read_images(predictions, targets)
    labels = _find_labels(images, predictions.classes, label)
    matches = {name: match_label(images, name, rule) for name in labels}
    counted = [one for one in matches.values() if one.objects.any()]
    absent = [name for name, one in matches.items() if not one.objects.any()]

    def compute(times: Floats) -> Floats:
        rows = times.reshape(-1, times.shape[-1])
        parts = [np.full(len(rows), np.nan), *(score(rows, one) for one in counted)]
        scores = np.stack(parts)
        known = np.isfinite(scores)
        sums = np.where(known, scores, 0.0).sum(axis=0)
        n_known = known.sum(axis=0)
        means = np.divide(sums, n_known, out=np.full(len(rows), np.nan), where=n_known > 0)
        return np.asarray(means).reshape(times.shape[:-1])

    size = "" if rule.size == "all" else f"{rule.size} "
    of_label = "" if label is None else f" with the label `{label}`"
    undefined = "" if counted else f"no target has a {size}object{of_label}"
    return Statistic(
        compute, bins, len(images), undefined=undefined, absent=absent if rule.size == "all" and counted else ()
    )


def _find_labels(images: Sequence[Image], classes: Sequence[str], label: str | None) -> list[str]:
    """The labels that count: one that is named, else all classes, those that occur in targets alone too."""
    occurring = {
        name for image in images for objects in (image.truth.objects, image.detections) for name in objects.labels
    }
    known = [*classes, *sorted(occurring - set(classes))]
    if label is None:
        return known
    if label not in known:
        raise UsageError(
            f"no object has the label `{label}`", hint=f"there are {', '.join(f'`{name}`' for name in known)}"
        )
    return [label]


def average_precision(times: Floats, matches: LabelMatches) -> Floats:
    """The precision, averaged over recalls and IoUs, of images that are counted so often, shape (resamples, images)."""
    step = max(1, CELLS_AT_ONCE // max(1, len(matches.images)))
    parts = [_precision_of_some(times[start : start + step], matches) for start in range(0, len(times), step)]
    return np.concatenate(parts)


def _precision_of_some(times: Floats, matches: LabelMatches) -> Floats:
    weights = times[:, matches.images]
    n_objects = times @ matches.objects
    all_given = np.cumsum(weights, axis=1)
    sums = np.zeros(len(times))
    for right, ignored in zip(matches.right, matches.ignored, strict=True):
        # Precision is highest, and recall rises, at detections that are right.
        positions = np.flatnonzero(right)
        given = np.cumsum(weights * ~ignored, axis=1) if ignored.any() else all_given
        n_given, n_right = given[:, positions], np.cumsum(weights[:, positions], axis=1)
        precision = np.divide(n_right, n_given, out=np.zeros_like(n_right), where=n_given > 0)
        highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recall = np.divide(n_right, n_objects[:, None], out=np.zeros_like(n_right), where=n_objects[:, None] > 0)
        reached = np.searchsorted(RECALLS, recall, side="right")  # how many recalls have been reached
        sums += (highest * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(RECALLS)
    return np.where(n_objects > 0, sums / len(matches.right), np.nan)


def average_recall(times: Floats, matches: LabelMatches) -> Floats:
    """The share of objects that are found, averaged over IoUs, of images that are counted so often."""
    found = np.bincount(matches.images, matches.right.mean(axis=0), minlength=times.shape[1])
    n_objects = times @ matches.objects
    return np.asarray(np.divide(times @ found, n_objects, out=np.full(len(times), np.nan), where=n_objects > 0))
