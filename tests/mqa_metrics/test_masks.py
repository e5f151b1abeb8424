"""Metrics of masks by hand, next to scikit-learn on the pixels, and borders next to distances between all pixels."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, recall_score

from mqa_metrics.masks import boundary_f1, dice, mean_iou, pixel_accuracy
from mqa_registry import DataError, Predictions, UsageError, encode_masks, masks_column, read_targets
from mqa_registry.types import Rows

CLASSES = ("sky", "road", "car")
LABELS = range(len(CLASSES))


def predict(maps):
    ids = [f"image-{number}" for number in range(len(maps))]
    rows = masks_column([encode_masks(np.asarray(codes), CLASSES) for codes in maps])
    return Predictions("masks", pa.table({"id": ids, "masks": rows}), CLASSES)


def target(maps):
    """Targets, in which a pixel below 0 does not count."""
    table = pa.table({"id": predict(maps).ids, "target": predict(maps).main})
    return read_targets(Rows(table, ()), "masks", CLASSES, data="street")


def draw(seed, n_images=6):
    """Maps of labels at random, of images of several sizes, and predictions that are right in most pixels."""
    rng = np.random.default_rng(seed)
    shapes = [tuple(rng.integers(6, 14, 2)) for _ in range(n_images)]
    actual = [np.kron(rng.integers(-1, 3, (2, 2)), np.ones(shape, int))[: shape[0], : shape[1]] for shape in shapes]
    actual[0][0, :3] = [0, 1, 2]
    found = [
        np.where(rng.random(codes.shape) < 0.7, np.maximum(codes, 0), rng.integers(0, 3, codes.shape))
        for codes in actual
    ]
    return found, actual


def pixels(found, actual):
    """The counted pixels of all images, as scikit-learn has them: targets and predictions."""
    found, actual = (np.concatenate([codes.ravel() for codes in side]) for side in (found, actual))
    return actual[actual >= 0], found[actual >= 0]


# By hand: of five pixels that count, four are `sky`, of which one is taken for `road`.
FOUND = [[[0, 0, 0], [1, 1, 0]]]
ACTUAL = [[[0, 0, 0], [0, 1, -1]]]


def test_pixels_are_counted_by_label(at):
    measured = predict(FOUND), target(ACTUAL)
    assert at(mean_iou(*measured)) == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert at(mean_iou(*measured, label="road")) == pytest.approx(1 / 2)
    assert at(dice(*measured)) == pytest.approx((6 / 7 + 2 / 3) / 2)
    assert at(dice(*measured, label="sky")) == pytest.approx(6 / 7)
    assert at(pixel_accuracy(*measured)) == pytest.approx(4 / 5)
    assert at(pixel_accuracy(*measured, average="macro")) == pytest.approx((3 / 4 + 1) / 2)
    assert at(pixel_accuracy(*measured, label="sky")) == pytest.approx(3 / 4)


def test_a_label_that_is_only_predicted_counts_as_0_and_one_that_nobody_has_is_named(at):
    statistic = mean_iou(predict([[[0, 0, 1]]]), target([[[0, 0, 0]]]))
    assert at(statistic) == pytest.approx((2 / 3 + 0) / 2)
    assert statistic.absent == ["road", "car"]
    assert at(pixel_accuracy(predict([[[0, 0, 1]]]), target([[[0, 0, 0]]]), average="macro")) == pytest.approx(2 / 3)


@pytest.mark.parametrize("seed", range(3))
def test_the_numbers_are_those_of_scikit_learn_on_all_pixels(at, seed):
    found, actual = draw(seed)
    measured, flat = (predict(found), target(actual)), pixels(found, actual)
    ours = [at(metric(*measured)) for metric in (mean_iou, dice, pixel_accuracy)]
    ours += [at(pixel_accuracy(*measured, average="macro"))]
    theirs = [score(*flat, average="macro") for score in (jaccard_score, f1_score)]
    assert ours == pytest.approx([*theirs, accuracy_score(*flat), recall_score(*flat, average="macro")])
    by_label = [[at(metric(*measured, label=label)) for label in CLASSES] for metric in (mean_iou, dice)]
    assert np.allclose(by_label, [score(*flat, average=None, labels=LABELS) for score in (jaccard_score, f1_score)])


@pytest.mark.parametrize("measure", [mean_iou, dice, pixel_accuracy, boundary_f1])
def test_an_image_that_is_counted_twice_counts_as_two_images(at, measure):
    found, actual = draw(5)
    times = np.array([2, 0, 1, 3, 1, 1])
    repeated = [
        [codes for codes, count in zip(side, times, strict=True) for _ in range(count)] for side in (found, actual)
    ]
    once = at(measure(predict(found), target(actual)), times)
    assert once == pytest.approx(at(measure(predict(repeated[0]), target(repeated[1]))))


def test_images_that_could_have_been_are_all_wrong_or_all_right():
    statistic = mean_iou(predict(FOUND), target(ACTUAL))
    assert statistic.n_bins == 3
    assert statistic.compute(np.eye(3)[1:]).tolist() == [0, 1]


def test_where_no_pixel_counts_there_is_no_number(at):
    nothing = mean_iou(predict([[[0, 1]]]), target([[[-1, -1]]]))
    assert np.isnan(at(nothing))
    assert nothing.undefined == "no target has a pixel with a label"
    assert mean_iou(predict([[[0]]]), target([[[0]]]), label="car").undefined == "no pixel has the label `car`"
    assert np.isnan(boundary_f1(predict([[[0, 1]]]), target([[[-1, -1]]]))).all()
    one = predict([[[0]], [[0]]])
    empty = Predictions("masks", pa.table({"id": one.ids, "masks": masks_column([[], one.to_pylist()[0]])}), CLASSES)
    assert at(pixel_accuracy(one, empty)) == 1  # a target without masks
    assert at(pixel_accuracy(empty, one)) == 0.5  # a prediction without any


def test_a_label_that_nobody_has_is_refused_with_those_that_there_are():
    for metric in (mean_iou, boundary_f1):
        with pytest.raises(UsageError, match="no mask has the label `cot`") as refused:
            metric(predict(FOUND), target(ACTUAL), label="cot")
        assert "`sky`, `road`, `car`" in refused.value.hint


def test_a_target_of_another_size_than_its_image_is_refused_with_its_row():
    found, actual = [[[0, 0]], [[0, 0], [1, 1]]], [[[0, 0]], [[0, 0, 0], [1, 1, 1]]]
    for metric in (mean_iou, boundary_f1):
        with pytest.raises(DataError) as refused:
            metric(predict(found), target(actual))
        assert (
            refused.value.message == "row `image-1` has, as its target, a mask of 3 x 2 pixels, and its image has 2 x 2"
        )


# Borders


def square(left, size=40, side=20):
    codes = np.zeros((size, size), int)
    codes[10 : 10 + side, left : left + side] = 1
    return codes


def test_a_border_is_met_within_the_tolerance_and_no_farther():
    def measure(shift, **options):
        return boundary_f1(predict([square(10 + shift)]), target([square(10)]), **options)[0]

    assert measure(0) == measure(1) == 1
    assert measure(2, tolerance=2) == 1
    assert measure(2) < measure(2, tolerance=1.9) + 1e-9 < 1
    assert measure(2, label="road") != measure(2, label="sky")


def test_the_tolerance_is_a_share_of_the_diagonal_of_large_images():
    large = [square(left, size=300, side=100) for left in (10, 13)]  # a diagonal of 424 pixels, of which 0.75 % are 3.2
    assert boundary_f1(predict(large[:1]), target(large[1:]))[0] == 1


@pytest.mark.parametrize("seed", range(3))
def test_borders_are_those_of_distances_between_all_pixels(seed):
    found, actual = draw(seed)
    ours = boundary_f1(predict(found), target(actual), tolerance=1.5)
    expected = [score_slowly(*pair, 1.5) for pair in zip(found, actual, strict=True)]
    assert ours == pytest.approx(expected, nan_ok=True)


def score_slowly(found, actual, reach):
    """The mean F1 of borders, pixel by pixel."""
    height, width = actual.shape

    def borders(codes, code):
        def is_border(y, x):
            beside = [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
            inside = [(v, u) for v, u in beside if 0 <= v < height and 0 <= u < width and actual[v, u] >= 0]
            return codes[y, x] == code and actual[y, x] >= 0 and any(codes[v, u] != code for v, u in inside)

        return [(y, x) for y in range(height) for x in range(width) if is_border(y, x)]

    scores = []
    for code in LABELS:
        there = [((side == code) & (actual >= 0)).any() for side in (found, actual)]
        if not any(there):
            continue
        one, other = borders(found, code), borders(actual, code)
        if not all(there) or bool(one) != bool(other):
            scores.append(0.0)
        elif not one:
            scores.append(1.0)
        else:
            near = cdist(one, other) <= reach
            precision, recall = near.any(axis=1).mean(), near.any(axis=0).mean()
            scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return np.mean(scores) if scores else math.nan


def test_an_image_of_one_label_has_no_border_to_miss():
    plain = [[[0, 0], [0, 0]], [[0, 0], [0, 0]]]
    assert boundary_f1(predict(plain), target([plain[0], [[1, 1], [1, 1]]])).tolist() == [1, 0]
