"""Masks that move with their image, in whatever form the data have them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import count_runs, decode_mask, encode_mask
from mqa_vision.corruptions.noise import gaussian_noise
from mqa_vision.geometry import crop, flip, resize, rotate

PIXELS = np.zeros((40, 60), np.uint8)
PIXELS[6:24, 10:30] = 255


def rng():
    return np.random.default_rng(7)


def target(pixels=PIXELS > 127, **more):
    return [{"label": "cat", **encode_mask(pixels), **more}]


CHANGES = {
    "mirrored": (flip, {}),
    "upside down": (flip, {"direction": "vertical"}),
    "turned": (rotate, {"severity": 30, "direction": "left"}),
    "turned over": (rotate, {"severity": 180}),
    "cropped": (crop, {"share": 0.5}),
    "cropped somewhere": (crop, {"share": 0.7, "position": "random"}),
    "small": (resize, {"factor": 0.5, "kernel": "box", "restores": False}),
    "coarse": (resize, {"factor": 0.5, "kernel": "box"}),
}


@pytest.mark.parametrize(("change", "options"), CHANGES.values(), ids=CHANGES)
def test_a_mask_stays_on_its_object(change, options):
    example, moved = change({"image": PIXELS}, target(), rng(), **options)
    (mask,) = moved
    assert mask["size"] == list(example["image"].shape)
    differs = decode_mask(mask) != (example["image"] > 127)
    assert differs.mean() < 0.01
    assert mask["label"] == "cat"
    assert decode_mask(mask).any()


@given(left=st.integers(0, 50), top=st.integers(0, 30))
def test_masks_that_are_mirrored_or_turned_twice_are_where_they_were(left, top):
    pixels = np.zeros((40, 60), bool)
    pixels[top : top + 9, left : left + 7] = True
    for change, options in ((flip, {}), (flip, {"direction": "vertical"}), (rotate, {"severity": 180})):
        _, once = change({"image": PIXELS}, target(pixels), rng(), **options)
        assert change({"image": PIXELS}, once, rng(), **options)[1] == target(pixels)


def test_masks_keep_the_form_that_the_data_have():
    mirrored = encode_mask(np.flip(PIXELS > 127, 1))
    numbers = [{"category_id": 3, "size": [40, 60], "counts": count_runs(PIXELS > 127).tolist()}]
    assert flip({"image": PIXELS}, numbers, rng())[1] == [
        {**numbers[0], "counts": count_runs(np.flip(PIXELS > 127, 1)).tolist()}
    ]
    content = [{"segmentation": {**encode_mask(PIXELS > 127), "counts": target()[0]["counts"].encode()}}]
    assert flip({"image": PIXELS}, content, rng())[1] == [
        {"segmentation": {**mirrored, "counts": mirrored["counts"].encode()}}
    ]


def test_an_annotation_with_a_box_and_a_mask_moves_both():
    both = [{"bbox": [10, 6, 20, 18], "segmentation": encode_mask(PIXELS > 127)}]
    (moved,) = flip({"image": PIXELS}, both, rng())[1]
    assert moved == {"bbox": [30, 6, 20, 18], "segmentation": encode_mask(np.flip(PIXELS > 127, 1))}


def test_corruptions_leave_the_pixels_where_they_are():
    assert gaussian_noise({"image": PIXELS}, rng(), severity=1)["image"].shape == PIXELS.shape


@pytest.mark.parametrize(
    "wrong",
    [
        target(PIXELS[:, :50] > 127),
        [{"label": "cat", "size": [40, 60], "counts": [7]}],
        [{"label": "cat", "size": [40, 60]}],
        [{"segmentation": [[1, 2, 3, 4, 5, 6]]}],
    ],
    ids=["another size", "other runs", "no runs", "a polygon"],
)
def test_a_mask_that_cannot_be_moved_declines_its_row(wrong):
    assert flip({"image": PIXELS}, wrong, rng()) is None


def test_an_object_that_is_out_of_sight_is_gone_and_one_that_is_cut_has_less_area():
    inside, outside = np.zeros((40, 60), bool), np.zeros((40, 60), bool)
    inside[10:30, 10:30], outside[:4, :4] = True, True
    image = np.zeros((40, 60), np.uint8)
    both = [*target(outside, area=16), *target(inside, area=800, iscrowd=False)]
    _, (left,) = crop({"image": image}, both, rng(), share=0.5)  # of 20 x 30 pixels in the middle
    assert decode_mask(left).sum() == 300
    assert (left["label"], left["area"], left["iscrowd"]) == ("cat", 600, False)
    assert crop({"image": image}, target(outside), rng(), share=0.5)[1] == []


def test_a_mask_without_pixels_stays_one():
    (mask,) = flip({"image": PIXELS}, target(np.zeros((40, 60), bool), area=0.0), rng())[1]
    assert (decode_mask(mask).any(), mask["area"]) == (False, 0.0)
