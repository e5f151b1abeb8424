"""What holds of every corruption, whatever the image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mqa_vision import mqa_perturbations
from mqa_vision.corruptions import blur, digital
from mqa_vision.corruptions.splashes import shade_splashes
from mqa_vision.corruptions.textures import make_frost, make_plasma

ALL = {one.name: one.function for one in mqa_perturbations() if one.target_effect == "stays"}
IMAGENET_C = [
    "gaussian-noise", "shot-noise", "impulse-noise", "defocus-blur", "glass-blur", "motion-blur", "zoom-blur", "snow",
    "frost", "fog", "brightness", "contrast", "elastic-transform", "pixelate", "jpeg-compression", "speckle-noise",
    "gaussian-blur", "spatter", "saturate",
]  # fmt: skip
CHANNELS = {"grey": (), "one channel": (1,), "colours": (3,), "colours and opacity": (4,)}
# Of these, published constants are not stronger at each severity, in this distance: those that are.
RISING = {"frost": (1, 2, 3), "glass-blur": (1, 3), "pixelate": (2, 3, 4), "saturate": (1, 2)}
EXACT = {
    "brightness",
    "contrast",
    "saturate",
    "defocus-blur",
    "zoom-blur",
    "gaussian-blur",
    "pixelate",
    "jpeg-compression",
}


def draw_photo(height, width, channels=(3,), seed=7):
    """An image with areas that go over into each other, and an edge."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 12 + 2, width // 12 + 2, *channels)).astype(float)
    smooth = ndimage.zoom(coarse, (12, 12, *(1 for _ in channels)), order=1)[:height, :width]
    smooth[height // 2 :] = 255 - smooth[height // 2 :]
    return smooth.astype(np.uint8)


def corrupt(name, image, severity=3, seed=7):
    made = ALL[name]({"image": image}, np.random.default_rng(seed), severity=severity)
    return None if made is None else made["image"]


def test_all_of_imagenet_c_are_there():
    assert set(IMAGENET_C) <= set(ALL)


@pytest.mark.parametrize("name", IMAGENET_C)
@settings(max_examples=6)
@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    channels=st.sampled_from(sorted(CHANNELS)),
    severity=st.integers(1, 5),
    seed=st.integers(0, 9),
)
def test_an_image_of_any_form_keeps_its_form_and_the_original_stays(name, size, channels, severity, seed):
    image = draw_photo(*size, CHANNELS[channels], seed)
    before = image.copy()
    made = corrupt(name, image, severity, seed)
    if name == "saturate" and "colours" not in channels:
        assert made is None
        return
    assert (made.shape, made.dtype) == (image.shape, np.uint8)
    assert np.array_equal(image, before)
    again = corrupt(name, image, severity, seed)
    assert np.array_equal(made, again)


@pytest.mark.parametrize("name", IMAGENET_C)
def test_a_higher_severity_is_further_from_the_image(name):
    image = draw_photo(72, 96)
    distances = [np.abs(corrupt(name, image, severity).astype(float) - image).mean() for severity in range(1, 6)]
    rising = [distances[severity - 1] for severity in RISING.get(name, range(1, 6))]
    assert distances[0] > 0
    assert rising == sorted(rising)


@pytest.mark.parametrize("name", sorted(set(IMAGENET_C) - EXACT))
def test_another_generator_gives_another_image(name):
    image = draw_photo(72, 96)
    assert not np.array_equal(corrupt(name, image, seed=1), corrupt(name, image, seed=2))


@pytest.mark.parametrize("name", sorted(EXACT))
def test_what_draws_nothing_is_the_same_for_every_generator(name):
    image = draw_photo(72, 96)
    assert np.array_equal(corrupt(name, image, seed=1), corrupt(name, image, seed=2))


@pytest.mark.parametrize("name", sorted(set(IMAGENET_C) - {"saturate"}))
def test_opacity_stays_and_colours_are_as_without_it(name):
    image = draw_photo(72, 80, (4,))
    made = corrupt(name, image)
    assert np.array_equal(made[:, :, 3], image[:, :, 3])
    assert np.array_equal(made[:, :, :3], corrupt(name, np.ascontiguousarray(image[:, :, :3])))


def test_constants_are_those_of_cifar_up_to_64_pixels():
    small, large = np.full((64, 8), 100, np.uint8), np.full((65, 8), 100, np.uint8)
    assert corrupt("brightness", small, 1)[0, 0] == int(100 + 0.05 * 255)
    assert corrupt("brightness", large, 1)[0, 0] == int(100 + 0.1 * 255)


@pytest.mark.parametrize("name", ["fog", "brightness", "contrast", "snow", "spatter", "jpeg-compression"])
def test_a_black_image_is_no_crash(name):
    black = np.zeros((70, 70, 3), np.uint8)
    assert corrupt(name, black, 5).shape == black.shape


def test_a_pixel_behind_glass_takes_what_its_source_has_by_then():
    pixels = np.arange(6, dtype=np.uint8).reshape(1, 6)
    # 4 takes 5; 3 takes 4, which is 5 by then; 2 takes 1, which is 1 still; 1 takes 1.
    made = blur._follow(pixels, np.array([4, 3, 2, 1]), np.array([5, 4, 1, 1]))
    assert made.tolist() == [[0, 1, 1, 5, 5, 5]]


def test_brightness_keeps_hue_and_saturation():
    made = digital.brightness({"image": np.full((70, 1, 3), (100, 50, 0), np.uint8)}, None, severity=2)["image"]
    assert made[0, 0].tolist() == [151, 75, 0]


def test_saturation_is_scaled_and_grey_turns_red_where_some_is_added():
    image = np.full((70, 1, 3), (100, 80, 60), np.uint8)
    assert digital.saturate({"image": image}, None, severity=3)["image"][0, 0].tolist() == [
        100,
        60,
        19,
    ]  # 19.99..., rounded down
    grey = np.full((70, 1, 3), 100, np.uint8)
    assert digital.saturate({"image": grey}, None, severity=5)["image"][0, 0].tolist() == [100, 80, 80]


def test_the_distance_to_an_edge_brings_no_water_where_there_is_no_liquid():
    assert not shade_splashes(np.zeros((40, 50), np.uint8)).any()


@pytest.mark.parametrize("side", [1, 2, 3, 64, 100])
def test_fog_is_from_0_to_1_on_a_power_of_two(side):
    plasma = make_plasma(side, 2.0, np.random.default_rng(7))
    assert (plasma.min(), plasma.max()) == (0, 1)
    assert plasma.shape[0] >= side
    assert plasma.shape[0].bit_count() == 1


def test_frost_has_the_mean_of_a_photograph_and_is_smooth():
    frost = make_frost(120, 90, np.random.default_rng(3))
    assert frost.shape == (120, 90, 3)
    assert 0.2 < frost.mean() < 0.9
    brightness = frost.mean(axis=2)
    assert np.abs(np.diff(brightness, axis=0)).mean() < 0.5 * ndimage.standard_deviation(brightness)
