"""Blurs: lenses out of focus, frosted glass, motion and zooming while the shutter is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mqa_vision.corruptions.filters import blur_along_line, blur_disk, blur_gaussian, zoom_into_middle
from mqa_vision.corruptions.severities import Constants, Severity
from mqa_vision.pixels import Pixels, change_colours, to_pixels, to_unit

if TYPE_CHECKING:
    from mqa_registry import Example

GAUSSIAN = Constants(imagenet=(1.0, 2.0, 3.0, 4.0, 6.0), cifar=(0.4, 0.6, 0.7, 0.8, 1.0))
# Radius, and deviation of the edge.
DEFOCUS = Constants(
    imagenet=((3.0, 0.1), (4.0, 0.5), (6.0, 0.5), (8.0, 0.5), (10.0, 0.5)),
    cifar=((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1)),
)
# Deviation of the blur, largest distance of a pixel's move, and rounds of moves.
GLASS = Constants(
    imagenet=((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    cifar=((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
)
# Radius, and deviation.
MOTION = Constants(
    imagenet=((10, 3.0), (15, 5.0), (15, 8.0), (15, 12.0), (20, 15.0)),
    cifar=((6, 1.0), (6, 1.5), (6, 2.0), (8, 2.0), (9, 2.5)),
)
# The end and the step of the factors, which begin at 1.
ZOOM = Constants(
    imagenet=((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
    cifar=((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
)
MAX_ANGLE = 45.0  # degrees


def gaussian_blur(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Gaussian blur, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is a standard deviation from 1 to 6 pixels.
    """
    return change_colours(
        example, lambda pixels: to_pixels(blur_gaussian(to_unit(pixels), GAUSSIAN.at(severity, pixels)))
    )


def defocus_blur(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Blur of a lens out of focus, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is the radius of a disk from 3 to 10 pixels.
    """

    def blur(pixels: Pixels) -> Pixels:
        return to_pixels(blur_disk(to_unit(pixels), *DEFOCUS.at(severity, pixels)))

    return change_colours(example, blur)


def glass_blur(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Blur as behind frosted glass, where pixels are moved at random, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is a blur from 0.7 to 1.5 pixels, and moves over 1 to 4.
    """

    def blur(pixels: Pixels) -> Pixels:
        sigma, distance, rounds = GLASS.at(severity, pixels)
        moved = to_pixels(blur_gaussian(to_unit(pixels), sigma))
        for _ in range(rounds):
            moved = _move_pixels(moved, rng, distance)
        return to_pixels(blur_gaussian(to_unit(moved), sigma))

    return change_colours(example, blur)


def motion_blur(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Blur of a camera that moves, at a random angle, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is a radius from 10 to 20 pixels. The angle is from -45 to 45 degrees.
    """

    def blur(pixels: Pixels) -> Pixels:
        radius, sigma = MOTION.at(severity, pixels)
        blurred = blur_along_line(pixels, radius, sigma, rng.uniform(-MAX_ANGLE, MAX_ANGLE))
        return np.clip(blurred, 0, 255).astype(np.uint8)

    return change_colours(example, blur)


def zoom_blur(example: Example, rng: np.random.Generator, *, severity: Severity = 3) -> dict[str, Pixels]:
    """Blur of a camera that moves towards its object, with the constants of ImageNet-C.

    `severity`, from 1 to 5, is a zoom by up to 1.1 to 1.3.
    """

    def blur(pixels: Pixels) -> Pixels:
        end, step = ZOOM.at(severity, pixels)
        factors = np.arange(1, end, step)
        unit = to_unit(pixels).astype(np.float32)
        total = unit.copy()
        for factor in factors:
            layer = zoom_into_middle(unit, float(factor))
            total[: layer.shape[0], : layer.shape[1]] += layer
        return to_pixels(total / (len(factors) + 1))

    return change_colours(example, blur)


def _move_pixels(pixels: Pixels, rng: np.random.Generator, distance: int) -> Pixels:
    """An image in which each pixel got the value of one near it, from the bottom right to the top left.

    A pixel takes the value that the other one has by then, which may itself have been taken from a third. The published
    code says that the two are swapped; in fact, the other one keeps its value, and so it does here.
    """
    height, width = pixels.shape[:2]
    rows, columns = np.arange(height - distance, distance, -1), np.arange(width - distance, distance, -1)
    if not len(rows) or not len(columns):
        return pixels
    moves = rng.integers(-distance, distance, size=(len(rows), len(columns), 2))
    targets = rows[:, None] * width + columns
    sources = targets + moves[:, :, 1] * width + moves[:, :, 0]
    return _follow(pixels, targets.ravel(), sources.ravel())


def _follow(pixels: Pixels, targets: npt.NDArray[np.int64], sources: npt.NDArray[np.int64]) -> Pixels:
    """An image after assignments of one pixel to another, in their order; pixels are counted row by row.

    Each new value is followed back to the original pixel that it comes from, for all pixels at once: with every step, the
    distance that is followed doubles.
    """
    size = pixels.shape[0] * pixels.shape[1]
    order = np.full(size, len(targets))
    order[targets] = np.arange(len(targets))
    is_new = order[sources] < np.arange(len(targets))  # the source has been assigned by then
    origin: npt.NDArray[Any] = np.arange(2 * size)  # new values are counted from 0 on, original ones from `size` on
    origin[:size] += size
    origin[targets] = np.where(is_new, sources, sources + size)
    while not np.array_equal(further := origin[origin[:size]], origin[:size]):
        origin[:size] = further
    flat = pixels.reshape(size, -1)
    moved: Pixels = flat[origin[:size] - size].reshape(pixels.shape)
    return moved
