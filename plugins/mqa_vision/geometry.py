"""Images that are turned, mirrored, cropped, scaled or made grey: all of their channels together.

A target that is a class, several classes or a number stays. A target with places in the image, such as boxes or a mask,
would have to move along: such a row is declined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import numpy as np
from annotated_types import Ge, Gt, Le

from mqa_vision.pixels import Pixels, change_images, is_grey, read_pixels, to_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_registry import Example

Kernel: TypeAlias = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Share: TypeAlias = Annotated[float, Gt(0), Le(1)]
Moved: TypeAlias = "tuple[dict[str, Pixels], Any] | None"
LUMA = (0.299, 0.587, 0.114)  # of ITU-R BT.601, as Pillow has it


def rotate(
    example: Example,
    target: Any,
    rng: np.random.Generator,
    *,
    severity: Annotated[float, Ge(-180), Le(180)] = 15.0,
    direction: Literal["either", "left", "right"] = "either",
) -> Moved:
    """An image that is turned about its middle.

    `severity` is the angle in degrees. `direction` is where it is turned to: `either` draws it for each image. The size stays:
    corners are cut off, and what comes into view is black (with no opacity, where the image has one). Values are interpolated
    linearly.
    """
    is_left = direction == "left" or (direction == "either" and bool(rng.integers(2)))

    def turn(pixels: Pixels) -> Pixels:
        from PIL import Image

        turned = to_image(pixels).rotate(severity if is_left else -severity, Image.Resampling.BILINEAR)
        return np.asarray(turned).reshape(pixels.shape)

    return _move(example, target, turn)


def flip(
    example: Example,
    target: Any,
    rng: np.random.Generator,
    *,
    direction: Literal["horizontal", "vertical"] = "horizontal",
) -> Moved:
    """An image as in a mirror.

    `direction` is `horizontal` where left and right are exchanged, `vertical` where top and bottom are.
    """
    axis = 1 if direction == "horizontal" else 0
    return _move(example, target, lambda pixels: np.flip(pixels, axis))


def crop(
    example: Example,
    target: Any,
    rng: np.random.Generator,
    *,
    share: Share = 0.8,
    position: Literal["middle", "random"] = "middle",
) -> Moved:
    """A part of an image, which is not enlarged again.

    `share` is that of each side that is left, at least one pixel. `position` is where the part is: in the `middle`, or at a
    `random` place.
    """
    down, right = rng.random(2) if position == "random" else (0.5, 0.5)

    def cut(pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        new_height, new_width = max(1, round(height * share)), max(1, round(width * share))
        top, left = int((height - new_height) * down), int((width - new_width) * right)
        return np.ascontiguousarray(pixels[top : top + new_height, left : left + new_width])

    return _move(example, target, cut)


def greyscale(example: Example, rng: np.random.Generator) -> dict[str, Pixels] | None:
    """An image without colours: each channel is its luma (ITU-R BT.601). A grey image is declined."""
    if all(is_grey(read_pixels(value)) for value in example.values()):
        return None

    def remove_colours(pixels: Pixels) -> Pixels:
        if is_grey(pixels):
            return pixels
        luma = np.rint(pixels[:, :, :3] @ np.asarray(LUMA)).astype(np.uint8)
        return np.concatenate([np.repeat(luma[:, :, np.newaxis], 3, axis=2), pixels[:, :, 3:]], axis=2)

    return change_images(example, remove_colours)


def resize(
    example: Example,
    rng: np.random.Generator,
    *,
    factor: Annotated[float, Gt(0), Le(4)] = 0.5,
    kernel: Kernel = "bilinear",
    restores: bool = True,
) -> dict[str, Pixels]:
    """An image at another resolution, by one of Pillow's kernels.

    `factor` is what each side is multiplied by; below 1, details are lost. `kernel` is that of both directions. With `restores`,
    the image gets its former size back.
    """

    def scale(pixels: Pixels) -> Pixels:
        from PIL import Image

        resampling = Image.Resampling[kernel.upper()]
        height, width = pixels.shape[:2]
        image = to_image(pixels).resize((max(1, round(width * factor)), max(1, round(height * factor))), resampling)
        if restores:
            image = image.resize((width, height), resampling)
        scaled = np.asarray(image)
        return scaled.reshape(*scaled.shape[:2], *pixels.shape[2:])

    return change_images(example, scale)


def _move(example: Example, target: Any, change: Callable[[Pixels], Pixels]) -> Moved:
    """Every image after a change, with its target; None where the target has places in the image."""
    return (change_images(example, change), target) if _has_no_places(target) else None


def _has_no_places(target: Any) -> bool:
    """Whether a target is a class, several classes, a number, or missing, and so holds for the image however it lies."""
    if isinstance(target, list | tuple):
        return all(isinstance(one, str) for one in target)
    return target is None or isinstance(target, str | int | float)
