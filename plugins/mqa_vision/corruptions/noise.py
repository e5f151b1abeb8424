"""Noise: each pixel is changed by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_vision.corruptions.severities import Constants, Severity
from mqa_vision.pixels import Pixels, change_colours, to_pixels, to_unit

if TYPE_CHECKING:
    from mqa_registry import Example

GAUSSIAN = Constants(imagenet=(0.08, 0.12, 0.18, 0.26, 0.38), cifar=(0.04, 0.06, 0.08, 0.09, 0.10))
SHOT = Constants(imagenet=(60, 25, 12, 5, 3), cifar=(500, 250, 100, 75, 50))
IMPULSE = Constants(imagenet=(0.03, 0.06, 0.09, 0.17, 0.27), cifar=(0.01, 0.02, 0.03, 0.05, 0.07))
SPECKLE = Constants(imagenet=(0.15, 0.2, 0.35, 0.45, 0.6), cifar=(0.06, 0.1, 0.12, 0.16, 0.2))
SALT = 0.5  # the share of impulses that are white


def gaussian_noise(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Gaussian noise, as of a sensor in low light, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is a standard deviation from 0.08 to 0.38 of the range of a channel.
    """

    def add_noise(pixels: Pixels) -> Pixels:
        deviation = GAUSSIAN.at(severity, pixels)
        return to_pixels(to_unit(pixels) + rng.normal(scale=deviation, size=pixels.shape))

    return change_colours(example, add_noise)


def shot_noise(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Shot noise, of light that comes in single photons, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is from 60 down to 3 photons for a white pixel. Every severity draws anew.
    """

    def count_photons(pixels: Pixels) -> Pixels:
        photons = SHOT.at(severity, pixels)
        return to_pixels(rng.poisson(to_unit(pixels) * photons) / float(photons))

    return change_colours(example, count_photons)


def impulse_noise(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Impulse noise, values that are black or white, as of broken bits, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is a share of values from 0.03 to 0.27.
    """

    def replace_values(pixels: Pixels) -> Pixels:
        is_replaced = rng.random(pixels.shape) <= IMPULSE.at(severity, pixels)
        is_white = rng.random(pixels.shape) <= SALT
        noisy = np.where(is_replaced, np.where(is_white, np.uint8(255), np.uint8(0)), pixels)
        return noisy.astype(np.uint8, copy=False)

    return change_colours(example, replace_values)


def speckle_noise(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Speckle noise, which grows with brightness, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is a standard deviation from 0.15 to 0.6 of a pixel's own value.
    """

    def multiply_noise(pixels: Pixels) -> Pixels:
        unit = to_unit(pixels)
        return to_pixels(unit + unit * rng.normal(scale=SPECKLE.at(severity, pixels), size=pixels.shape))

    return change_colours(example, multiply_noise)
