"""Images that are turned, mirrored, cropped, scaled and made grey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_vision.geometry import crop, flip, greyscale, resize, rotate

PHOTO = np.random.default_rng(7).integers(0, 256, (40, 60, 3)).astype(np.uint8)
EXAMPLE = {"image": PHOTO}


def rng():
    return np.random.default_rng(7)


def test_an_image_is_turned_to_the_left_and_to_the_right():
    square = {"image": PHOTO[:, :40].copy()}
    left, target = rotate(square, "cat", rng(), severity=90, direction="left")
    assert np.array_equal(left["image"], np.rot90(square["image"]))
    assert target == "cat"
    right, _ = rotate(square, "cat", rng(), severity=90, direction="right")
    assert np.array_equal(right["image"], np.rot90(square["image"], -1))


def test_the_direction_that_is_drawn_is_that_of_the_same_row_at_every_severity():
    for seed in range(8):
        either = [rotate(EXAMPLE, None, np.random.default_rng(seed), severity=angle)[0]["image"] for angle in (10, 20)]
        matches = [
            [
                np.array_equal(made, rotate(EXAMPLE, None, rng(), severity=angle, direction=direction)[0]["image"])
                for made, angle in zip(either, (10, 20), strict=True)
            ]
            for direction in ("left", "right")
        ]
        assert sorted(matches) == [[False, False], [True, True]]


def test_a_mirrored_image_mirrored_again_is_the_image():
    for direction in ("horizontal", "vertical"):
        once, _ = flip(EXAMPLE, None, rng(), direction=direction)
        assert not np.array_equal(once["image"], PHOTO)
        assert np.array_equal(flip(once, None, rng(), direction=direction)[0]["image"], PHOTO)


def test_the_middle_is_cropped():
    assert np.array_equal(crop(EXAMPLE, None, rng(), share=0.5)[0]["image"], PHOTO[10:30, 15:45])
    assert crop({"image": PHOTO[:1, :1]}, None, rng(), share=0.1)[0]["image"].shape == (1, 1, 3)


@settings(max_examples=20)
@given(seed=st.integers(0, 99), share=st.floats(0.01, 1))
def test_a_random_crop_is_a_part_of_the_image(seed, share):
    height = np.arange(50, dtype=np.uint8)[:, None] * np.ones(30, np.uint8)
    made = crop({"image": height}, None, np.random.default_rng(seed), share=share, position="random")[0]["image"]
    assert (np.diff(made[:, 0].astype(int)) == 1).all()
    assert made.shape == (max(1, round(50 * share)), max(1, round(30 * share)))


@pytest.mark.parametrize(
    ("target", "stays"),
    [
        ("cat", True), (3, True), (1.5, True), (None, True), (["cat", "dog"], True),
        ([{"x": 1, "y": 2}], False), (b"mask", False), ([1.0, 2.0, 3.0, 4.0], False), ({"counts": "x"}, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("change", [rotate, flip, crop])
def test_a_row_is_declined_where_its_target_would_have_to_move(change, target, stays):
    assert (change(EXAMPLE, target, rng()) is not None) is stays


def test_without_colours_each_channel_is_the_luma():
    made = greyscale({"image": np.full((2, 2, 3), (200, 100, 50), np.uint8)}, rng())["image"]
    assert made.tolist() == [[[124, 124, 124]] * 2] * 2
    assert greyscale({"image": PHOTO[:, :, 0]}, rng()) is None


def test_an_image_is_scaled_and_gets_its_size_back():
    assert resize(EXAMPLE, None, rng(), factor=0.5, restores=False)[0]["image"].shape == (20, 30, 3)
    restored = resize(EXAMPLE, None, rng(), factor=0.5)[0]["image"]
    assert restored.shape == PHOTO.shape
    assert not np.array_equal(restored, PHOTO)
    kernels = [
        resize(EXAMPLE, None, rng(), kernel=kernel)[0]["image"].tobytes()
        for kernel in ("nearest", "box", "bilinear", "bicubic")
    ]
    assert len(set(kernels)) == 4


@settings(max_examples=15)
@given(height=st.integers(1, 20), width=st.integers(1, 20), channels=st.sampled_from([(), (1,), (3,), (4,)]))
def test_every_form_of_image_keeps_its_channels(height, width, channels):
    image = {"image": np.zeros((height, width, *channels), np.uint8)}
    for change in (rotate, flip, crop):
        assert change(image, None, rng())[0]["image"].shape[2:] == channels
    assert resize(image, None, rng())[0]["image"].shape == image["image"].shape
