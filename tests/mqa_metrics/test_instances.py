"""Average precision and recall of instances by hand, and the numbers of faster-coco-eval, which are those of pycocotools."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import numpy as np
import pyarrow as pa
import pytest

from mqa_metrics.instances import instance_map, instance_recall
from mqa_registry import DataError, Predictions, encode_mask, masks_column
from mqa_registry.types import Rows, read_targets

CLASSES = ("cat", "dog", "cow")
SIZES = ("small", "medium", "large")
HEIGHT, WIDTH = 120, 160


def disc(row, column, radius, size=(HEIGHT, WIDTH)):
    rows, columns = np.ogrid[: size[0], : size[1]]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def rectangle(top, left, bottom, right, size=(20, 20)):
    pixels = np.zeros(size, bool)
    pixels[top:bottom, left:right] = True
    return pixels


def instance(pixels, label="cat", score=None, **more):
    return {"label": label, **encode_mask(pixels), "score": score, **more}


def pair(found, actual):
    ids = [f"image-{number}" for number in range(len(found))]
    table = pa.table({"id": ids, "target": pa.array(actual)})
    targets = read_targets(Rows(table, ()), "instances", CLASSES, data="street")
    return Predictions("instances", pa.table({"id": ids, "instances": masks_column(found)}), CLASSES), targets


def draw(seed, n_images=10, decimals=2):
    """Discs at random: some right, some beside their object, some of another label, crowds among them."""
    rng = np.random.default_rng(seed)

    def some_disc():
        return [*rng.uniform(0, [HEIGHT, WIDTH]), rng.uniform(5, rng.choice([15, 60]))]

    found, actual = [], []
    for _ in range(n_images):
        objects = [(some_disc(), str(rng.choice(CLASSES))) for _ in range(rng.integers(0, 5))]
        truth, detections = [], []
        for place, label in objects:
            pixels = disc(*place)
            area = rng.choice([None, float(pixels.sum()) * 0.7])
            truth.append(instance(pixels, label, area=area, iscrowd=bool(rng.random() < 0.2)))
            for _ in range(2):
                moved = np.array(place) + rng.normal(0, 2, 3)
                named = label if rng.random() < 0.8 else str(rng.choice(CLASSES))
                detections.append(instance(disc(*moved), named, round(rng.random(), decimals)))
        detections += [
            instance(disc(*some_disc()), str(rng.choice(CLASSES)), round(rng.random(), decimals))
            for _ in range(rng.integers(0, 4))
        ]
        found.append(detections)
        actual.append(truth)
    return found, actual


# By hand: of two objects one is found whole, the other with an IoU of 0.8; their boxes are the same as those of their masks' frames.
FRAME = rectangle(0, 0, 10, 10) & ~rectangle(1, 1, 9, 9)  # 36 pixels, whose box is that of a square of 100
FOUND = [
    [instance(rectangle(0, 0, 10, 10), score=0.9), instance(rectangle(12, 12, 20, 20), score=0.8)],
    [instance(rectangle(0, 0, 10, 8), score=0.7)],
]
ACTUAL = [[instance(rectangle(0, 0, 10, 10))], [instance(rectangle(0, 0, 10, 10))]]
BOTH, ONE = (51 + 50 * 2 / 3) / 101, 51 / 101  # the precision at 101 recalls, where both are found, or the first


def test_precision_is_averaged_over_recalls_and_the_ious_of_masks(at):
    assert at(instance_map(*pair(FOUND, ACTUAL), iou=0.5)) == pytest.approx(BOTH)
    assert at(instance_map(*pair(FOUND, ACTUAL), iou=0.85)) == pytest.approx(ONE)
    assert at(instance_map(*pair(FOUND, ACTUAL))) == pytest.approx((7 * BOTH + 3 * ONE) / 10)


def test_recall_is_the_share_of_objects_that_are_found(at):
    assert at(instance_recall(*pair(FOUND, ACTUAL))) == pytest.approx((7 * 1.0 + 3 * 0.5) / 10)
    assert at(instance_recall(*pair(FOUND, ACTUAL), max_detections=1, iou=0.9)) == 0.5


def test_a_mask_with_the_box_of_its_object_and_other_pixels_is_not_that_object(at):
    measured = pair([[instance(FRAME, score=0.9)]], [[instance(rectangle(0, 0, 10, 10))]])
    assert at(instance_map(*measured, iou=0.5)) == 0
    assert at(instance_map(*measured, iou=0.35)) == pytest.approx(1)


def test_two_of_one_label_are_two_objects_and_labels_without_any_are_named(at):
    halves = [instance(rectangle(0, 0, 10, 10)), instance(rectangle(0, 10, 10, 20))]
    whole = [instance(rectangle(0, 0, 10, 20), score=0.9)]
    assert at(instance_recall(*pair([whole], [halves]), iou=0.5)) == 0.5
    scored = [{**one, "score": 0.9} for one in halves]
    statistic = instance_map(*pair([scored], [halves]))
    assert (at(statistic), statistic.absent) == (pytest.approx(1), ["dog", "cow"])


def test_a_mask_of_another_size_than_its_target_is_refused_with_its_row():
    with pytest.raises(DataError) as refused:
        instance_map(*pair([[], [instance(LARGE, score=0.5)]], [[], [instance(rectangle(0, 0, 5, 5))]]))
    said = "row `image-1` has, as its target, a mask of 20 x 20 pixels, and its image has 160 x 120"
    assert refused.value.message == said


LARGE = disc(40, 40, 20)


@pytest.mark.parametrize("seed", range(4))
def test_the_numbers_are_those_of_coco(at, seed):
    found, actual = draw(seed)
    measured = pair(found, actual)
    ours = [at(instance_map(*measured, iou=iou)) for iou in (None, 0.5, 0.75)]
    ours += [at(instance_map(*measured, size=size)) for size in SIZES]
    ours += [at(instance_recall(*measured, max_detections=number)) for number in (1, 10, 100)]
    ours += [at(instance_recall(*measured, size=size)) for size in SIZES]
    theirs = evaluate_coco(found, actual)
    assert ours == pytest.approx(theirs, abs=1e-12, nan_ok=True)
    assert 0.05 < theirs[0] < 0.95


def evaluate_coco(found, actual):
    """The twelve numbers of COCO, NaN where there are no objects."""
    from faster_coco_eval import COCO, COCOeval_faster

    rows = [(image, one) for image, row in enumerate(actual) for one in row]
    annotations = [
        {
            "id": number, "image_id": image, "category_id": CLASSES.index(one["label"]), "segmentation": runs(one),
            "bbox": [0, 0, 1, 1], "area": one["area"] or count_pixels(one), "iscrowd": int(one["iscrowd"]),
        }
        for number, (image, one) in enumerate(rows, start=1)
    ]  # fmt: skip
    detections = [
        {
            "image_id": image,
            "category_id": CLASSES.index(one["label"]),
            "segmentation": runs(one),
            "score": one["score"],
        }
        for image, row in enumerate(found)
        for one in row
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES)]
    images = [{"id": number, "width": WIDTH, "height": HEIGHT} for number in range(len(found))]
    with redirect_stdout(io.StringIO()):
        truth = COCO({"images": images, "annotations": annotations, "categories": categories})
        evaluation = COCOeval_faster(truth, truth.loadRes(detections), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [np.nan if number == -1 else number for number in evaluation.stats[:12]]


def runs(one):
    return {name: one[name] for name in ("size", "counts")}


def count_pixels(one):
    from faster_coco_eval.core import mask as coco_mask

    return float(coco_mask.area(runs(one)))


@pytest.mark.parametrize("measure", [instance_map, instance_recall])
def test_an_image_that_is_counted_twice_counts_as_two_images(at, measure):
    found, actual = draw(5, decimals=9)  # equal scores have no order
    times = np.random.default_rng(5).integers(0, 4, len(found))
    repeated = [[row for row, count in zip(rows, times, strict=True) for _ in range(count)] for rows in (found, actual)]
    assert at(measure(*pair(found, actual)), times) == pytest.approx(at(measure(*pair(*repeated))), abs=1e-12)
