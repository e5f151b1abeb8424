"""Digital changes: light and colours, the form of things, coarse pixels and lossy files."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Le
from scipy import ndimage

from mqa_registry import UsageError
from mqa_vision.corruptions.severities import Constants, Severity, is_small
from mqa_vision.pixels import Pixels, change_colours, is_grey, over_channels, read_pixels, to_image, to_pixels, to_unit

if TYPE_CHECKING:
    from mqa_registry import Example
    from mqa_vision.corruptions.filters import Array

Beyond: TypeAlias = Literal["reflect", "mirror"]  # the edge twice, or once
Quality: TypeAlias = Annotated[int, Ge(1), Le(100)]

DEFAULT_SEVERITY = 3
BRIGHTNESS = Constants(imagenet=(0.1, 0.2, 0.3, 0.4, 0.5), cifar=(0.05, 0.1, 0.15, 0.2, 0.3))
CONTRAST = Constants(imagenet=(0.4, 0.3, 0.2, 0.1, 0.05), cifar=(0.75, 0.5, 0.4, 0.3, 0.15))
# What saturation is multiplied by, and what is added to it.
SATURATION = Constants(
    imagenet=((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2)),
    cifar=((0.3, 0.0), (0.1, 0.0), (1.5, 0.0), (2.0, 0.1), (2.5, 0.2)),
)
QUALITY = Constants(imagenet=(25, 18, 15, 10, 7), cifar=(80, 65, 58, 50, 40))
PIXELATION = Constants(imagenet=(0.6, 0.5, 0.4, 0.3, 0.25), cifar=(0.95, 0.9, 0.85, 0.75, 0.65))
ELASTICITY = (12.5, 16.25, 21.25, 25.0, 30.0)  # what smoothed displacements are multiplied by
# For a side of 32 pixels: that, the deviation of the smoothing, and the largest displacement of three points.
SMALL_ELASTICITY = ((0.0, 0.0, 2.56), (1.6, 6.4, 2.24), (2.56, 1.92, 1.92), (3.2, 1.28, 1.6), (3.2, 0.96, 0.96))
SMOOTHING = 0.01  # of displacements: its deviation as a share of each side
MAX_SHIFT = 0.005  # of a displacement, before it is smoothed, as a share of the height
ELASTIC_TRUNCATE = 3.0  # deviations of a Gaussian


def brightness(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """More brightness, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is what is added to the value of HSV, from 0.1 to 0.5 of its range.
    """

    def brighten(pixels: Pixels) -> Pixels:
        added, unit = BRIGHTNESS.at(severity, pixels), to_unit(pixels)
        if is_grey(pixels):
            return to_pixels(unit + added)
        value = unit.max(axis=2, keepdims=True)
        brighter = np.minimum(value + added, 1)
        return to_pixels(np.where(value > 0, unit * (brighter / np.where(value > 0, value, 1)), brighter))

    return change_colours(example, brighten)


def contrast(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Less contrast, with the constants of ImageNet-C.

    `severity`, from 1 to 5, leaves from 0.4 down to 0.05 of the distance to the mean of a channel.
    """

    def reduce_contrast(pixels: Pixels) -> Pixels:
        unit = to_unit(pixels)
        mean = unit.mean(axis=(0, 1), keepdims=True)
        return to_pixels((unit - mean) * CONTRAST.at(severity, pixels) + mean)

    return change_colours(example, reduce_contrast)


def saturate(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels] | None:
    """Less or more saturation of colours, with the constants of ImageNet-C.

    `severity` is from 1 to 5: 1 and 2 leave 0.3 and 0.1 of it, 3 doubles it, 4 and 5 raise it further, so that severities do
    not rise from one to the next. What is grey turns red at 4 and 5, as in the published code. A grey image is declined.
    """
    if all(is_grey(read_pixels(value)) for value in example.values()):
        return None

    def change_saturation(pixels: Pixels) -> Pixels:
        return pixels if is_grey(pixels) else to_pixels(_saturate(to_unit(pixels), *SATURATION.at(severity, pixels)))

    return change_colours(example, change_saturation)


def jpeg_compression(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, quality: Quality | None = None
) -> dict[str, Pixels]:
    """Loss by JPEG, with the qualities of ImageNet-C.

    `severity`, from 1 to 5, is a quality from 25 down to 7; left out, it is 3. `quality` is another one, from 1 to 100, in its
    place.
    """
    if severity is not None and quality is not None:
        raise UsageError(
            f"`severity = {severity}` and `quality = {quality}` both say how much is lost", hint="give one of them"
        )

    def compress(pixels: Pixels) -> Pixels:
        chosen = QUALITY.at(severity or DEFAULT_SEVERITY, pixels) if quality is None else quality
        return _compress(pixels, chosen)

    return change_colours(example, compress)


def pixelate(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Coarse pixels, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is a share of each side from 0.6 down to 0.25 to which the image is reduced before it is enlarged
    again.
    """

    def coarsen(pixels: Pixels) -> Pixels:
        from PIL import Image

        height, width = pixels.shape[:2]
        share = PIXELATION.at(severity, pixels)
        enlarge = Image.Resampling.BOX if is_small(pixels) else Image.Resampling.NEAREST
        small = to_image(pixels).resize((max(1, int(width * share)), max(1, int(height * share))), Image.Resampling.BOX)
        return np.asarray(small.resize((width, height), enlarge))

    return change_colours(example, coarsen)


def elastic_transform(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """An image that is stretched and squeezed here and there, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is what smoothed displacements are multiplied by, from 12.5 to 30. Images up to 64 pixels are
    first turned and sheared, as in CIFAR-10-C. Boxes and masks do not move along.
    """

    def transform(pixels: Pixels) -> Pixels:
        unit = to_unit(pixels).astype(np.float32)
        height, width = pixels.shape[:2]
        if is_small(pixels):
            strength, sigma, shift = (value * max(height, width) / 32 for value in SMALL_ELASTICITY[severity - 1])
            unit = _shear(unit, rng, shift)
            sigmas, largest = (sigma, sigma), 1.0
        else:
            strength, sigmas, largest = (
                ELASTICITY[severity - 1],
                (height * SMOOTHING, width * SMOOTHING),
                height * MAX_SHIFT,
            )
        right = _make_displacements((height, width), rng, largest, sigmas) * strength
        down = _make_displacements((height, width), rng, largest, sigmas) * strength
        rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
        return to_pixels(_sample(unit, rows + down, columns + right, mode="reflect"))

    return change_colours(example, transform)


def _saturate(unit: Array, factor: float, added: float) -> Array:
    """The colours with another saturation of HSV. Grey has the hue of red, so that it turns red where saturation is added."""
    value = unit.max(axis=2, keepdims=True)
    below = value - unit
    spread = below.max(axis=2, keepdims=True)
    is_grey_pixel = spread == 0
    saturation = spread / np.where(value > 0, value, 1)
    wanted = np.clip(saturation * factor + added, 0, 1)
    share = np.where(is_grey_pixel, np.array([0.0, 1.0, 1.0]), below / np.where(is_grey_pixel, 1, spread))
    changed: Array = value * (1 - wanted * share)
    return changed


def _compress(pixels: Pixels, quality: int) -> Pixels:
    from PIL import Image

    file = BytesIO()
    to_image(pixels).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.asarray(image)


def _make_displacements(
    shape: tuple[int, int], rng: np.random.Generator, largest: float, sigmas: tuple[float, float]
) -> npt.NDArray[np.float64]:
    """Displacements drawn for each pixel, and smoothed."""
    drawn = rng.uniform(-largest, largest, size=shape)
    smoothed: npt.NDArray[np.float64] = ndimage.gaussian_filter(
        drawn, sigmas, mode="reflect", truncate=ELASTIC_TRUNCATE
    )
    return smoothed


def _shear(unit: npt.NDArray[np.float32], rng: np.random.Generator, largest: float) -> npt.NDArray[np.float32]:
    """The image under the affine map that moves three of its points at random, by up to `largest` pixels either way."""
    height, width = unit.shape[:2]
    middle, side = np.array([height, width]) // 2, min(height, width) // 3
    before = np.array([middle + side, [middle[0] + side, middle[1] - side], middle - side], np.float64)
    after = before + rng.uniform(-largest, largest, size=(3, 2))
    # From the points of the new image to those of the old one. A point is column and row.
    map_back = np.linalg.solve(np.column_stack([after, np.ones(3)]), before)
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    points = np.stack([columns, rows, np.ones_like(rows)], axis=2) @ map_back
    return _sample(unit, points[:, :, 1], points[:, :, 0], mode="mirror")


def _sample(
    unit: npt.NDArray[np.float32], rows: npt.NDArray[np.floating], columns: npt.NDArray[np.floating], *, mode: Beyond
) -> npt.NDArray[np.float32]:
    """The values at some points, interpolated linearly, of an image that goes on beyond its edges as `mode` says."""
    return over_channels(unit, lambda channel: ndimage.map_coordinates(channel, (rows, columns), order=1, mode=mode))
