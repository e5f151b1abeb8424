"""Detections held against the objects of an image, as COCO does it: which are right, which are wrong, which do not count.

The rules are those of pycocotools (https://cocodataset.org/#detection-eval). Detections of a label take their objects in the order
of their scores. Each takes the object that it overlaps most, among those that are left and that it overlaps enough. Crowds, and
objects of another size than is measured, do not count, nor do detections of them; a crowd may be taken several times.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import numpy as np
from annotated_types import Gt, Le

from mqa_registry import Boxes, DataError, Instances

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import ImageObjects, Predictions, Targets

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]
    Ints: TypeAlias = npt.NDArray[np.int64]

Size: TypeAlias = Literal["all", "small", "medium", "large"]
Iou: TypeAlias = Annotated[float, Gt(0), Le(1)]

IOUS = np.linspace(0.5, 0.95, 10)  # that COCO averages over
MAX_DETECTIONS = 100  # of an image and label, that count towards precision
LARGEST_AREA = 1e10
AREAS = {
    "all": (0.0, LARGEST_AREA),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, LARGEST_AREA),
}  # of objects, in square pixels: those of COCO, which takes an area on an edge for both
BLOCK_ROWS = 4096  # that are Python values at a time
EDGE_TOLERANCE = 1.0  # pixels that an object may lie outside of its image: annotations are rounded


@dataclass(frozen=True)
class Truth:
    """What is in an image: its objects, their areas, and which are crowds."""

    objects: ImageObjects
    areas: Floats
    crowds: Bools

    @classmethod
    def of(cls, objects: ImageObjects, values: Sequence[Mapping[str, Any]]) -> Truth:
        """Of the objects of a target and its values; an object without an area has that of its box or mask."""
        given = [value.get("area") for value in values]
        areas = [own if area is None else area for own, area in zip(objects.areas.tolist(), given, strict=True)]
        return cls(objects, np.array(areas, np.float64), np.array([bool(one.get("iscrowd")) for one in values], bool))

    def of_label(self, label: str) -> Truth:
        """Those of a label."""
        positions = _positions(self.objects, label)
        return Truth(self.objects.take(positions), self.areas[positions], self.crowds[positions])


@dataclass(frozen=True)
class Image:
    """What was found in an image, and what is there."""

    detections: ImageObjects
    truth: Truth

    @cached_property
    def labels(self) -> frozenset[str]:
        """The labels of both."""
        return frozenset((*self.detections.labels, *self.truth.objects.labels))


@dataclass(frozen=True)
class Rule:
    """Which detections are right: from which IoU on, of objects of which size, and how many of an image and label."""

    ious: Floats
    size: Size = "all"
    max_detections: int = MAX_DETECTIONS

    @classmethod
    def of(cls, iou: float | None, size: Size, max_detections: int = MAX_DETECTIONS) -> Rule:
        """From one IoU on, or from each of those of COCO."""
        return cls(IOUS if iou is None else np.array([iou]), size, max_detections)


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

    A DataError names the row of an object that lies outside of its image, or is of one of another size.
    """
    kind, check = KINDS[predictions.schema]
    images: list[Image] = []
    positions = np.full(len(predictions), -1, np.int64)
    for start in range(0, len(predictions), BLOCK_ROWS):
        blocks = (side.slice(start, BLOCK_ROWS).to_pylist() for side in (predictions.table, targets.main))
        for number, (row, values) in enumerate(zip(*blocks, strict=True), start):
            if values is None:
                continue
            check(row, values)
            positions[number] = len(images)
            images.append(Image(kind.of(row[predictions.schema]), Truth.of(kind.of(values), values)))
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
        truth, found = image.truth.of_label(label), image.detections.take(_positions(image.detections, label))
        found = found.take(np.argsort(-found.scores, kind="stable")[: rule.max_detections])
        counted = ~_is_uncounted(truth, rule)
        counts[number] = counted.sum()
        is_right, is_ignored = _match_image(found, truth, counted, rule)
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


def _match_image(found: ImageObjects, truth: Truth, counted: Bools, rule: Rule) -> tuple[Bools, Bools]:
    """Whether each detection of an image is right, and whether it does not count, both of shape (ious, detections)."""
    right = np.zeros((len(rule.ious), len(found)), bool)
    least, most = AREAS[rule.size]
    ignored = np.tile((found.areas < least) | (found.areas > most), (len(rule.ious), 1))
    if not len(truth.objects):
        return right, ignored
    overlaps = found.overlaps(truth.objects, truth.crowds)
    enough = np.minimum(rule.ious, 1 - 1e-10)[:, None]
    is_left = np.ones((len(rule.ious), len(truth.objects)), bool)
    for detection, row in enumerate(overlaps):
        possible = (is_left | truth.crowds) & (row >= enough)
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


def _is_uncounted(truth: Truth, rule: Rule) -> Bools:
    least, most = AREAS[rule.size]
    return np.asarray(truth.crowds | (truth.areas < least) | (truth.areas > most))


def _positions(objects: ImageObjects, label: str) -> npt.NDArray[np.intp]:
    return np.flatnonzero([one == label for one in objects.labels])


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


def _check_sizes(row: Mapping[str, Any], objects: Sequence[Mapping[str, Any]]) -> None:
    found = row["instances"]
    if not found or not objects or found[0]["size"] == objects[0]["size"]:
        return
    sizes = [" x ".join(str(side) for side in side[0]["size"][::-1]) for side in (objects, found)]
    raise DataError(
        f"row `{row['id']}` has, as its target, a mask of {sizes[0]} pixels, and its image has {sizes[1]}",
        hint="a mask has the size of the image as it stands, turned as its EXIF orientation says",
    )


# The objects of each schema: their class, and what is checked of a row and of the objects that are its target.
KINDS: Mapping[str, tuple[type[ImageObjects], Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]]], None]]] = {
    "boxes": (Boxes, _check_inside),
    "instances": (Instances, _check_sizes),
}
