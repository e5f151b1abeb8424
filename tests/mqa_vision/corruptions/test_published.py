"""Corruptions hold to what the published code makes of the same photos with the same random numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqa_vision.corruptions import blur, digital, noise, weather

PUBLISHED = Path(__file__).parents[1] / "published"
SEED = 7
CORRUPTIONS = [
    noise.gaussian_noise, noise.shot_noise, noise.impulse_noise, blur.defocus_blur, blur.glass_blur, blur.motion_blur,
    blur.zoom_blur, weather.snow, weather.fog, digital.brightness, digital.contrast, digital.elastic_transform,
    digital.pixelate, digital.jpeg_compression, noise.speckle_noise, blur.gaussian_blur, weather.spatter, digital.saturate,
]  # fmt: skip
SIZES = ["224x224", "80x100", "32x32"]


@pytest.fixture(scope="module")
def photos():
    with np.load(PUBLISHED / "photos.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def corrupted():
    with np.load(PUBLISHED / "corrupted.npz") as stored:
        return dict(stored)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("corrupt", CORRUPTIONS, ids=lambda one: one.__name__)
def test_no_value_is_off_by_more_than_one_of_255(corrupt, size, photos, corrupted):
    rows, columns = corrupted[f"{size}/positions"]
    for severity, published in enumerate(corrupted[f"{size}/{corrupt.__name__}"], start=1):
        made = corrupt({"image": photos[size]}, np.random.default_rng(SEED), severity=severity)["image"]
        difference = np.abs(made[rows, columns].astype(int) - published)
        assert difference.max() <= 1, f"severity {severity}: {np.count_nonzero(difference > 1)} values"


def test_frost_is_the_image_and_the_frost_by_their_published_weights():
    grey = np.full((96, 96, 3), 100, np.uint8)
    weights = [(1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)]
    layers = []
    for severity, (image, frost) in enumerate(weights, start=1):
        made = weather.frost({"image": grey}, np.random.default_rng(SEED), severity=severity)["image"]
        layer = (made.astype(float) - image * 100) / frost
        layers.append(np.where(made < 255, layer, np.nan))
    spread = np.nanmax(layers, axis=0) - np.nanmin(layers, axis=0)
    assert np.nanmax(spread) < 4  # one frost at all severities: what is left are values rounded down, by their weight
