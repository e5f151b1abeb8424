"""Boxes that move with their image, in whatever form the data have them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_vision.geometry import crop, flip, resize, rotate

WIDTH, HEIGHT = 60, 40
LEFT, TOP, RIGHT, BOTTOM = 10, 5, 30, 25  # of the only bright part of an image
SQUARE = 40


def draw(width=WIDTH, corners=(LEFT, TOP, RIGHT, BOTTOM)):
    left, top, right, bottom = corners
    pixels = np.zeros((HEIGHT, width), np.uint8)
    pixels[top:bottom, left:right] = 255
    return {"image": pixels}


def find(pixels):
    """The box of the bright part of an image: left, top, right and bottom."""
    rows, columns = np.nonzero(pixels > 127)
    return (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def object_at(left, top, right, bottom, **more):
    return {"x0": left, "y0": top, "x1": right, "y1": bottom, "label": "cat", **more}


def sides(target):
    return [tuple(one[side] for side in ("x0", "y0", "x1", "y1")) for one in target]


def rng():
    return np.random.default_rng(7)


CHANGES = {
    "mirrored": (flip, {}),
    "upside down": (flip, {"direction": "vertical"}),
    "turned over": (rotate, {"severity": 180}),
    "cropped": (crop, {"share": 0.9}),
    "small": (resize, {"factor": 0.5, "kernel": "box", "restores": False}),
    "coarse": (resize, {"factor": 0.5, "kernel": "box"}),
}


@pytest.mark.parametrize(("change", "options"), CHANGES.values(), ids=CHANGES)
def test_a_box_stays_around_its_object(change, options):
    example, target = change(draw(corners=(10, 6, 30, 24)), [object_at(10, 6, 30, 24)], rng(), **options)
    assert sides(target) == [find(example["image"])]
    assert target[0]["label"] == "cat"


@pytest.mark.parametrize("direction", ["left", "right"])
def test_a_square_image_is_turned_by_a_quarter_with_its_boxes(direction):
    target = [object_at(LEFT, TOP, RIGHT, BOTTOM)]
    example, moved = rotate(draw(SQUARE), target, rng(), severity=90, direction=direction)
    assert sides(moved) == [find(example["image"])]


@given(left=st.integers(0, 50), top=st.integers(0, 30), width=st.integers(1, 10), height=st.integers(1, 10))
def test_boxes_that_are_mirrored_or_turned_twice_are_where_they_were(left, top, width, height):
    target = [object_at(left, top, left + width, top + height)]
    example = draw()
    for change, options in ((flip, {}), (flip, {"direction": "vertical"}), (rotate, {"severity": 180})):
        _, once = change(example, target, rng(), **options)
        assert change(example, once, rng(), **options)[1] == target


@pytest.mark.parametrize("severity", [10, 45, 90])
def test_a_row_whose_boxes_cannot_be_turned_is_declined(severity):
    assert rotate(draw(), [object_at(0, 0, 9, 9)], rng(), severity=severity) is None
    assert rotate(draw(), [], rng(), severity=severity) is not None  # nothing is in the way


def test_of_a_cut_box_its_half_has_to_be_left():
    part = {"share": 0.5}  # columns 15 to 45, rows 10 to 30
    inside, gone, cut = object_at(20, 15, 30, 25), object_at(0, 0, 10, 10), object_at(10, 15, 30, 25, area=100.0)
    _, target = crop(draw(), [inside, gone, cut], rng(), **part)
    assert sides(target) == [(5, 5, 15, 15), (0, 5, 15, 15)]
    assert target[1]["area"] == 75
    assert crop(draw(), [inside, object_at(0, 15, 20, 25)], rng(), **part) is None


def test_boxes_keep_the_form_that_the_data_have():
    coco = [{"bbox": [10, 5, 20, 20], "category": 3, "area": 400, "iscrowd": 0}]
    assert flip(draw(), coco, rng())[1] == [{"bbox": [30, 5, 20, 20], "category": 3, "area": 400, "iscrowd": 0}]
    hub = {"bbox": [[10.0, 5.0, 20.0, 20.0], [0.0, 0.0, 1.0, 1.0]], "category": [3, 4]}
    assert flip(draw(), hub, rng())[1] == {"bbox": [[30.0, 5.0, 20.0, 20.0], [59.0, 0.0, 1.0, 1.0]], "category": [3, 4]}
    (half,) = resize(draw(), [{"bbox": [10, 5, 21, 20]}], rng(), factor=0.5, restores=False)[1]
    assert half["bbox"] == [5, 2, 10, 10]
    assert all(isinstance(side, int) for side in half["bbox"])


@pytest.mark.parametrize(
    "target", [[[0, 1], [1, 0]], {"mask": [[0, 1]]}, [{"points": [1, 2]}], [object_at("a", 0, 1, 1)]]
)
def test_targets_that_are_no_boxes_are_declined(target):
    assert flip(draw(), target, rng()) is None
