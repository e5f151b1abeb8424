"""Detections held against the objects of an image, as COCO does it: which are right, which are wrong, which do not count.

The rules are those of pycocotools (https://cocodataset.org/#detection-eval). Detections of a label take their objects in the order
of their scores. Each takes the object that it overlaps most, among those that are left and that it overlaps enough. Crowds, and
objects of another size than is measured, do not count, nor do detections of them; a crowd may be taken several times.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from mqa_registry import Boxes, DataError, box_overlaps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Predictions, Targets

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]
    Ints: TypeAlias = npt.NDArray[np.int64]

Size: TypeAlias = Literal["all", "small", "medium", "large"]

LARGEST_AREA = 1e10
AREAS = {
    "all": (0.0, LARGEST_AREA),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, LARGEST_AREA),
}  # of objects, in square pixels: those of COCO, which takes an area on an edge for both
EDGE_TOLERANCE = 1.0  # pixels that an object may lie outside of its image: annotations are rounded


@dataclass(frozen=True)
class Objects:
    """The objects of an image: their boxes, their areas, and which are crowds."""

    boxes: Boxes
    areas: Floats
    crowds: Bools

    @classmethod
    def of(cls, values: Sequence[Mapping[str, Any]]) -> Objects:
        """Of a target; an object without an area has that of its box."""
        boxes = Boxes.of(values)
        given = [value.get("area") for value in values]
        areas = [own if area is None else area for own, area in zip(boxes.areas.tolist(), given, strict=True)]
        return cls(boxes, np.array(areas, np.float64), np.array([bool(one.get("iscrowd")) for one in values], bool))

    def of_label(self, label: str) -> Objects:
        """Those of a label."""
        positions = _positions(self.boxes, label)
        return Objects(self.boxes.take(positions), self.areas[positions], self.crowds[positions])


@dataclass(frozen=True)
class Image:
    """What was found in an image, and what is there."""

    detections: Boxes
    objects: Objects

    @cached_property
    def labels(self) -> frozenset[str]:
        """The labels of both."""
        return frozenset((*self.detections.labels, *self.objects.boxes.labels))


@dataclass(frozen=True)
class Rule:
    """Which detections are right: from which IoU on, of objects of which size, and how many of an image and label."""

    ious: Floats
    size: Size = "all"
    max_detections: int = 100


@dataclass(frozen=True)
class LabelMatches:
    """The detections of one label in all images, the highest score first.

    `images` has the number of the image of each, shape (detections,). `right` says for each IoU whether it is of an object,
    `ignored` whether it does not count, both of shape (ious, detections). `objects` has the number of objects that count of
    each image, shape (images,).
    """

    images: Ints
    right: Bools
    ignored: Bools
    objects: Floats


def read_images(predictions: Predictions, targets: Targets) -> tuple[list[Image], Ints]:
    """The images whose targets are known, and the position of each row among them, -1 of a row without a target.

    A DataError names the row of an object that lies outside of its image, where predictions have the size of that.
    """
    images: list[Image] = []
    positions = np.full(len(predictions), -1, np.int64)
    rows = zip(predictions.table.to_pylist(), targets.to_pylist(), strict=True)
    for number, (row, objects) in enumerate(rows):
        if objects is None:
            continue
        _check_inside(row, objects)
        positions[number] = len(images)
        images.append(Image(Boxes.of(row["boxes"]), Objects.of(objects)))
    return images, positions


def match_label(images: Sequence[Image], label: str, rule: Rule) -> LabelMatches:
    """The detections of a label in all images, held against its objects."""
    numbers: list[Ints] = []
    scores: list[Floats] = []
    counts = np.zeros(len(images))
    right, ignored = [np.zeros((len(rule.ious), 0), bool)], [np.zeros((len(rule.ious), 0), bool)]
    for number, image in enumerate(images):
        if label not in image.labels:
            continue
        objects, found = image.objects.of_label(label), image.detections.take(_positions(image.detections, label))
        found = found.take(np.argsort(-found.scores, kind="stable")[: rule.max_detections])
        counted = ~_is_uncounted(objects, rule)
        counts[number] = counted.sum()
        is_right, is_ignored = _match_image(found, objects, counted, rule)
        right.append(is_right)
        ignored.append(is_ignored)
        numbers.append(np.full(len(found), number))
        scores.append(found.scores)
    order = np.argsort(-np.concatenate([np.zeros(0), *scores]), kind="stable")
    return LabelMatches(
        np.concatenate([np.zeros(0, np.int64), *numbers])[order],
        np.concatenate(right, axis=1)[:, order],
        np.concatenate(ignored, axis=1)[:, order],
        counts,
    )


def _match_image(found: Boxes, objects: Objects, counted: Bools, rule: Rule) -> tuple[Bools, Bools]:
    """Whether each detection of an image is right, and whether it does not count, both of shape (ious, detections)."""
    right = np.zeros((len(rule.ious), len(found)), bool)
    least, most = AREAS[rule.size]
    ignored = np.tile((found.areas < least) | (found.areas > most), (len(rule.ious), 1))
    if not len(objects.boxes):
        return right, ignored
    overlaps = box_overlaps(found, objects.boxes, objects.crowds)
    enough = np.minimum(rule.ious, 1 - 1e-10)[:, None]
    is_left = np.ones((len(rule.ious), len(objects.boxes)), bool)
    for detection, row in enumerate(overlaps):
        possible = (is_left | objects.crowds) & (row >= enough)
        of_counted = possible & counted
        has_counted = of_counted.any(axis=1)
        chosen = _last_largest(np.where(np.where(has_counted[:, None], of_counted, possible), row, -1.0))
        has_any = np.flatnonzero(possible.any(axis=1))
        is_left[has_any, chosen[has_any]] = False
        right[:, detection] = has_counted
        ignored[has_any, detection] = ~has_counted[has_any]
    return right, ignored


def _last_largest(values: Floats) -> Ints:
    """The position of the largest value of each row; of several, the last."""
    return np.asarray(values.shape[1] - 1 - values[:, ::-1].argmax(axis=1), np.int64)


def _is_uncounted(objects: Objects, rule: Rule) -> Bools:
    least, most = AREAS[rule.size]
    return np.asarray(objects.crowds | (objects.areas < least) | (objects.areas > most))


def _positions(boxes: Boxes, label: str) -> npt.NDArray[np.intp]:
    return np.flatnonzero([one == label for one in boxes.labels])


def _check_inside(row: Mapping[str, Any], objects: Sequence[Mapping[str, float]]) -> None:
    width, height = row.get("width"), row.get("height")
    if width is None or height is None:
        return
    for box in objects:
        if box["x1"] > width + EDGE_TOLERANCE or box["y1"] > height + EDGE_TOLERANCE:
            sides = ", ".join(f"{side} {box[side]:g}" for side in ("x0", "y0", "x1", "y1"))
            raise DataError(
                f"row `{row['id']}` has a target box outside of its image of {width} x {height} pixels, with {sides}",
                hint="boxes are in pixels of the image as it stands, turned as its EXIF orientation says",
            )
