"""Average precision and recall of boxes by hand, and the numbers of faster-coco-eval, which are those of pycocotools."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import numpy as np
import pyarrow as pa
import pytest

from mqa_metrics.boxes import box_map, box_recall
from mqa_metrics.object_matching import read_images
from mqa_registry import DataError, Predictions, UsageError

SIDES = ("x0", "y0", "x1", "y1")
BOX = [*((side, pa.float64()) for side in SIDES), ("label", pa.string()), ("score", pa.float64())]
TARGET = [*BOX, ("area", pa.float64()), ("iscrowd", pa.bool_())]
CLASSES = ("cat", "dog", "cow")
SIZES = ("small", "medium", "large")


def box(x0, y0, x1, y1, label="cat", score=None, **more):  # noqa: PLR0917 - as boxes are written
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1, "label": label, "score": score, **more}


def boxes(rows, kind=BOX, classes=CLASSES, **columns):
    ids = [f"image-{number}" for number in range(len(rows))]
    table = pa.table({"id": ids, "boxes": pa.array(rows, pa.list_(pa.struct(kind))), **columns})
    return Predictions("boxes", table, classes)


def pair(found, actual, **options):
    return boxes(found, **options), boxes(actual, TARGET)


def draw(seed, n_images=12):
    """Detections and objects at random: some right, some beside their object, some of another label, crowds among them."""
    rng = np.random.default_rng(seed)

    def some_box(label, **more):
        x, y, width, height = *rng.uniform(0, 150, 2), *rng.uniform(8, rng.choice([30, 140]), 2)
        return box(x, y, x + width, y + height, label, **more)

    found, actual = [], []
    for _ in range(n_images):
        objects = [some_box(rng.choice(CLASSES), iscrowd=bool(rng.random() < 0.2)) for _ in range(rng.integers(0, 5))]
        for one in objects:
            area = (one["x1"] - one["x0"]) * (one["y1"] - one["y0"])
            one["area"] = rng.choice([None, area * 0.7])
        detections = [some_box(rng.choice(CLASSES), score=round(rng.random(), 2)) for _ in range(rng.integers(0, 4))]
        for one in objects * 2:
            moved = {side: one[side] + shift for side, shift in zip(SIDES, rng.normal(0, 3, 4), strict=True)}
            moved["x1"], moved["y1"] = max(moved["x0"], moved["x1"]), max(moved["y0"], moved["y1"])
            label = one["label"] if rng.random() < 0.8 else rng.choice(CLASSES)
            detections.append(box(*moved.values(), label, round(rng.random(), 2)))
        found.append(detections)
        actual.append(objects)
    return found, actual


# By hand: the second object is found with an IoU of 0.82, and a detection of nothing ranks between both.
FOUND = [[box(0, 0, 10, 10, score=0.9), box(20, 20, 30, 30, score=0.8)], [box(0, 0, 10, 8.2, score=0.7)]]
ACTUAL = [[box(0, 0, 10, 10)], [box(0, 0, 10, 10)]]
BOTH, ONE = (
    (51 + 50 * 2 / 3) / 101,
    51 / 101,
)  # the precision at 101 recalls, where both objects are found, or the first


def test_precision_is_averaged_over_recalls_and_ious(at):
    assert at(box_map(*pair(FOUND, ACTUAL), iou=0.5)) == pytest.approx(BOTH)
    assert at(box_map(*pair(FOUND, ACTUAL), iou=0.85)) == pytest.approx(ONE)
    assert at(box_map(*pair(FOUND, ACTUAL))) == pytest.approx((7 * BOTH + 3 * ONE) / 10)


def test_recall_is_the_share_of_objects_that_are_found(at):
    assert at(box_recall(*pair(FOUND, ACTUAL))) == pytest.approx((7 * 1.0 + 3 * 0.5) / 10)
    assert at(box_recall(*pair(FOUND, ACTUAL), iou=0.9)) == 0.5
    turned = [[{**one, "score": 1 - one["score"]} for one in row] for row in FOUND]
    assert at(box_recall(*pair(turned, ACTUAL), iou=0.5, max_detections=1)) == 0.5


def test_labels_are_averaged_over_those_with_objects_and_the_others_named(at):
    found = [[*FOUND[0], box(50, 50, 60, 60, "dog", 0.9)], [*FOUND[1], box(0, 0, 9, 9, "cow", 0.9)]]
    measured = pair(found, [[*ACTUAL[0], box(50, 50, 60, 60, "dog")], ACTUAL[1]])
    statistic = box_map(*measured, iou=0.5)
    assert at(statistic) == pytest.approx((BOTH + 1) / 2)
    assert statistic.absent == ["cow"]
    assert at(box_map(*measured, iou=0.5, label="cat")) == pytest.approx(BOTH)


def test_rows_without_a_target_are_left_out_and_images_without_objects_count(at):
    wrong = [box(0, 0, 10, 10, score=0.95)]
    assert at(box_map(*pair([*FOUND, wrong], [*ACTUAL, None]), iou=0.5)) == pytest.approx(BOTH)
    assert at(box_map(*pair([*FOUND, wrong], [*ACTUAL, []]), iou=0.5)) < BOTH


def test_without_objects_that_count_there_is_no_number(at):
    nothing = box_map(*pair(FOUND, ACTUAL), size="large")
    assert np.isnan(at(nothing))
    assert nothing.undefined == "no target has a large object"
    with pytest.raises(UsageError, match="no object has the label `cot`") as refused:
        box_map(*pair(FOUND, ACTUAL), label="cot")
    assert "`cat`, `dog`, `cow`" in refused.value.hint


@pytest.mark.parametrize("seed", range(4))
def test_the_numbers_are_those_of_coco(at, seed):
    found, actual = draw(seed)
    measured = pair(found, actual)
    ours = [at(box_map(*measured, iou=iou)) for iou in (None, 0.5, 0.75)]
    ours += [at(box_map(*measured, size=size)) for size in SIZES]
    ours += [at(box_recall(*measured, max_detections=number)) for number in (1, 10, 100)]
    ours += [at(box_recall(*measured, size=size)) for size in SIZES]
    assert ours == pytest.approx(evaluate_coco(found, actual), abs=1e-12, nan_ok=True)


def evaluate_coco(found, actual):
    """The twelve numbers of COCO, NaN where there are no objects."""
    from faster_coco_eval import COCO, COCOeval_faster

    def coco_box(one):
        return [one["x0"], one["y0"], one["x1"] - one["x0"], one["y1"] - one["y0"]]

    rows = [(image, one) for image, row in enumerate(actual) for one in row]
    annotations = [
        {
            "id": number, "image_id": image, "category_id": CLASSES.index(one["label"]), "bbox": coco_box(one),
            "area": one["area"] or coco_box(one)[2] * coco_box(one)[3], "iscrowd": int(one["iscrowd"]),
        }
        for number, (image, one) in enumerate(rows, start=1)
    ]  # fmt: skip
    detections = [
        {"image_id": image, "category_id": CLASSES.index(one["label"]), "bbox": coco_box(one), "score": one["score"]}
        for image, row in enumerate(found)
        for one in row
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES)]
    images = [{"id": number, "width": 300, "height": 300} for number in range(len(found))]
    with redirect_stdout(io.StringIO()):
        truth = COCO({"images": images, "annotations": annotations, "categories": categories})
        evaluation = COCOeval_faster(truth, truth.loadRes(detections), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [np.nan if number == -1 else number for number in evaluation.stats[:12]]


@pytest.mark.parametrize("measure", [box_map, box_recall])
def test_an_image_that_is_counted_twice_counts_as_two_images(at, measure):
    found, actual = draw(5)
    times = np.random.default_rng(5).integers(0, 4, len(found))
    repeated = [[row for row, count in zip(rows, times, strict=True) for _ in range(count)] for rows in (found, actual)]
    assert at(measure(*pair(found, actual)), times) == pytest.approx(at(measure(*pair(*repeated))), abs=1e-12)


def test_an_object_outside_of_its_image_is_refused_with_its_row():
    inside = pair([[], []], [[box(0, 0, 100.5, 50)], []], width=[100, 9], height=[50, 9])
    assert len(read_images(*inside)[0]) == 2
    outside = pair([[], []], [[], [box(0, 0, 100, 60)]], width=[100, 100], height=[50, 50])
    with pytest.raises(DataError, match="row `image-1` has a target box outside of its image of 100 x 50 pixels"):
        box_map(*outside)
