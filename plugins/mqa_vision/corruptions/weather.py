"""Weather: snow, frost, fog, and water or mud on the lens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mqa_vision.corruptions.filters import Array, blur_along_line, blur_gaussian, zoom_into_middle
from mqa_vision.corruptions.severities import Constants, Severity, is_small
from mqa_vision.corruptions.splashes import shade_splashes
from mqa_vision.corruptions.textures import make_frost, make_plasma
from mqa_vision.pixels import Pixels, change_colours, is_grey, to_pixels, to_unit

if TYPE_CHECKING:
    from mqa_registry import Example

# Mean and deviation of the flakes' noise, its zoom, the value from which it is a flake, radius and deviation of their
# motion, and the share of the image that is not whitened.
SNOW = Constants(
    imagenet=(
        (0.1, 0.3, 3.0, 0.5, 10, 4.0, 0.8),
        (0.2, 0.3, 2.0, 0.5, 12, 4.0, 0.7),
        (0.55, 0.3, 4.0, 0.9, 12, 8.0, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8.0, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12.0, 0.55),
    ),
    cifar=(
        (0.1, 0.2, 1.0, 0.6, 8, 3.0, 0.95),
        (0.1, 0.2, 1.0, 0.5, 10, 4.0, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4.0, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6.0, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12.0, 0.8),
    ),
)
# The weights of the image and of the frost.
FROST = Constants(
    imagenet=((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
    cifar=((1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
)
# The weight of the fog, and by how much each finer detail of it is weaker.
FOG = Constants(
    imagenet=((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4)),
    cifar=((0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75)),
)
# Mean and deviation of the liquid's noise, its blur, the value from which it is liquid, the strength of water or the blur of
# mud, and whether it is mud.
SPATTER = Constants(
    imagenet=(
        (0.65, 0.3, 4.0, 0.69, 0.6, False),
        (0.65, 0.3, 3.0, 0.68, 0.6, False),
        (0.65, 0.3, 2.0, 0.68, 0.5, False),
        (0.65, 0.3, 1.0, 0.65, 1.5, True),
        (0.67, 0.4, 1.0, 0.65, 1.5, True),
    ),
    cifar=(
        (0.62, 0.1, 0.7, 0.7, 0.5, False),
        (0.65, 0.1, 0.8, 0.7, 0.5, False),
        (0.65, 0.3, 1.0, 0.69, 0.5, False),
        (0.65, 0.1, 0.7, 0.69, 0.6, True),
        (0.65, 0.1, 0.5, 0.68, 0.6, True),
    ),
)
LUMA = np.array([0.299, 0.587, 0.114])  # of ITU-R BT.601
GREY_LUMA = np.array([0.2989, 0.5870, 0.1140])  # of a colour that is laid over a grey image
WATER = np.array([175, 238, 238]) / 255  # pale turquoise
MUD = np.array([63, 42, 20]) / 255
MIN_MUD = 0.8  # of a blurred splash, below which there is none
STEEPEST, FLATTEST = -135.0, -45.0  # degrees at which snow falls


def snow(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Falling snow, and an image that it whitens, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is a share from 0.2 to 0.45 by which the image is whitened, and more flakes.
    """

    def add_snow(pixels: Pixels) -> Pixels:
        mean, deviation, zoom, flake, radius, sigma, share = SNOW.at(severity, pixels)
        unit = to_unit(pixels)
        flakes = rng.normal(loc=mean, scale=deviation, size=pixels.shape[:2])
        layer = zoom_into_middle(flakes, zoom, trims_evenly=is_small(pixels))
        layer = np.clip(np.where(layer < flake, 0, layer), 0, 1)
        layer = blur_along_line(layer, radius, sigma, rng.uniform(STEEPEST, FLATTEST))
        layer = np.round(layer * 255) / 255
        whitened = share * unit + (1 - share) * np.maximum(unit, _with_channels(_luma(unit) * 1.5 + 0.5, unit))
        layer = layer + np.rot90(layer, k=2)
        whitened[: layer.shape[0], : layer.shape[1]] += _with_channels(layer, unit)
        return to_pixels(whitened)

    return change_colours(example, add_snow)


def frost(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Frost on the lens, with the weights of ImageNet-C and made frost in place of its photographs.

    `severity`, from 1 to 5, is a weight of the frost from 0.4 to 0.75, and one of the image from 1 down to 0.6. The
    published code has photographs of frost whose licence is unknown. Here frost is made of noise for each image, with
    the mean and the deviation of one of them: results are close to the published ones, and not the same.
    """

    def add_frost(pixels: Pixels) -> Pixels:
        image_weight, frost_weight = FROST.at(severity, pixels)
        layer = make_frost(pixels.shape[0], pixels.shape[1], rng)
        if is_grey(pixels):
            layer = layer @ GREY_LUMA
        return to_pixels(image_weight * to_unit(pixels) + frost_weight * layer)

    return change_colours(example, add_frost)


def fog(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Fog, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is a weight of the fog from 1.5 to 3 where that of the image is 1.
    """

    def add_fog(pixels: Pixels) -> Pixels:
        weight, decay = FOG.at(severity, pixels)
        unit = to_unit(pixels)
        brightest = unit.max()
        layer = make_plasma(max(pixels.shape[:2]), decay, rng)[: pixels.shape[0], : pixels.shape[1]]
        foggy = unit + weight * _with_channels(layer, unit)
        return to_pixels(foggy * brightest / (brightest + weight))

    return change_colours(example, add_fog)


def spatter(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Water or mud on the lens, with the constants of ImageNet-C.

    `severity` is from 1 to 5: up to 3 it is drops of water, from 4 on mud.
    """

    def add_spatter(pixels: Pixels) -> Pixels:
        mean, deviation, blur, threshold, strength, is_mud = SPATTER.at(severity, pixels)
        unit = to_unit(pixels)
        liquid = blur_gaussian(rng.normal(loc=mean, scale=deviation, size=pixels.shape[:2]), blur)
        liquid[liquid < threshold] = 0
        if is_mud:
            cover = blur_gaussian(np.where(liquid > threshold, 1.0, 0.0), strength)
            cover[cover < MIN_MUD] = 0
            return to_pixels(unit * (1 - _with_channels(cover, unit)) + _paint(cover, MUD, unit))
        return to_pixels(unit + _paint(strength * shade_splashes((liquid * 255).astype(np.uint8)), WATER, unit))

    return change_colours(example, add_spatter)


def _luma(unit: Array) -> Array:
    """The brightness of each pixel, shape (height, width)."""
    return unit if unit.ndim == 2 else unit @ LUMA


def _with_channels(layer: Array, unit: Array) -> Array:
    """A layer of shape (height, width) that can be combined with an image."""
    return layer if unit.ndim == 2 else layer[:, :, np.newaxis]


def _paint(cover: Array, colour: npt.NDArray[np.float64], unit: Array) -> Array:
    """A layer of one colour, as far as it covers each pixel; grey for a grey image."""
    return (
        np.clip(cover * float(colour @ GREY_LUMA), 0, 1)
        if unit.ndim == 2
        else np.clip(cover[:, :, np.newaxis] * colour, 0, 1)
    )
