"""Images that are turned, mirrored, cropped, scaled or made grey: all of their channels together.

A target that is a class, several classes or a number stays. Boxes and masks move with the image. A row whose target cannot move is
declined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import numpy as np
from annotated_types import Ge, Gt, Le

from mqa_vision import box_targets, mask_targets
from mqa_vision.pixels import Pixels, change_images, is_grey, read_pixels, to_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_registry import Example
    from mqa_vision.box_targets import Corners

Kernel: TypeAlias = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Share: TypeAlias = Annotated[float, Gt(0), Le(1)]
Moved: TypeAlias = "tuple[dict[str, Pixels], Any] | None"
Place: TypeAlias = "Callable[[Corners, int, int], Corners | None]"  # of a box in an image of a width and height
Change: TypeAlias = "Callable[[Pixels], Pixels]"
LUMA = (0.299, 0.587, 0.114)  # of ITU-R BT.601, as Pillow has it


@dataclass(frozen=True)
class Movement:
    """What becomes of an image; of a box in it, by the image's width and height; and of the pixels of a mask, of 0 and 255."""

    image: Change
    box: Place
    mask: Change


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
    linearly. Boxes can be turned by 180 degrees, and by 90 in a square image: other angles leave none upright, and such a row
    is declined. Masks turn by any angle, and what comes into view is in none.
    """
    is_left = direction == "left" or (direction == "either" and bool(rng.integers(2)))
    quarters, rest = divmod(severity if is_left else -severity, 90)

    def turn(pixels: Pixels, by: Kernel = "bilinear") -> Pixels:
        from PIL import Image

        turned = to_image(pixels).rotate(severity if is_left else -severity, Image.Resampling[by.upper()])
        return np.asarray(turned).reshape(pixels.shape)

    def place(corners: Corners, width: int, height: int) -> Corners:
        if rest or (width != height and quarters % 2):
            raise box_targets.CutBoxError
        if quarters % 4 == 2:
            return box_targets.mirror(
                box_targets.mirror(corners, width, height, across=True), width, height, across=False
            )
        return box_targets.turn_left(corners, width, int(quarters))

    return _move(example, target, Movement(turn, place, lambda pixels: turn(pixels, "nearest")))


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

    def place(corners: Corners, width: int, height: int) -> Corners:
        return box_targets.mirror(corners, width, height, across=axis == 1)

    def mirror(pixels: Pixels) -> Pixels:
        return np.flip(pixels, axis)

    return _move(example, target, Movement(mirror, place, mirror))


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
    `random` place. Of a box that is cut, the part that is left counts; where that is less than half of it, the row is declined.
    Masks are cut with their image; one of which nothing is left is gone.
    """
    down, right = rng.random(2) if position == "random" else (0.5, 0.5)

    def find_part(width: int, height: int) -> tuple[int, int, int, int]:
        new_height, new_width = max(1, round(height * share)), max(1, round(width * share))
        top, left = int((height - new_height) * down), int((width - new_width) * right)
        return left, top, left + new_width, top + new_height

    def cut(pixels: Pixels) -> Pixels:
        left, top, right, bottom = find_part(pixels.shape[1], pixels.shape[0])
        return np.ascontiguousarray(pixels[top:bottom, left:right])

    def place(corners: Corners, width: int, height: int) -> Corners | None:
        return box_targets.cut(corners, find_part(width, height))

    return _move(example, target, Movement(cut, place, cut))


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
    target: Any,
    rng: np.random.Generator,
    *,
    factor: Annotated[float, Gt(0), Le(4)] = 0.5,
    kernel: Kernel = "bilinear",
    restores: bool = True,
) -> Moved:
    """An image at another resolution, by one of Pillow's kernels.

    `factor` is what each side is multiplied by; below 1, details are lost. `kernel` is that of both directions. With `restores`,
    the image gets its former size back.
    """

    def scale(pixels: Pixels, by: Kernel = kernel) -> Pixels:
        from PIL import Image

        resampling = Image.Resampling[by.upper()]
        height, width = pixels.shape[:2]
        image = to_image(pixels).resize((max(1, round(width * factor)), max(1, round(height * factor))), resampling)
        if restores:
            image = image.resize((width, height), resampling)
        scaled = np.asarray(image)
        return scaled.reshape(*scaled.shape[:2], *pixels.shape[2:])

    def place(corners: Corners, width: int, height: int) -> Corners:
        if restores:
            return corners
        across, down = (max(1, round(side * factor)) / side for side in (width, height))
        return box_targets.scale(corners, across, down)

    def scale_mask(pixels: Pixels) -> Pixels:
        return pixels if restores else scale(pixels, "nearest")

    return _move(example, target, Movement(scale, place, scale_mask))


def _move(example: Example, target: Any, movement: Movement) -> Moved:
    """Every image after a movement, with its target; None where the target has places in the image that cannot be moved."""
    if _has_no_places(target):
        return change_images(example, movement.image), target
    has_boxes, has_masks = box_targets.holds_boxes(target), mask_targets.holds_masks(target)
    if len(example) != 1 or not (has_boxes or has_masks):
        return None
    name, pixels = next((name, read_pixels(value)) for name, value in example.items())
    height, width = pixels.shape[:2]
    moved = mask_targets.move_masks(target, height, width, movement.mask) if has_masks else target
    if has_boxes and moved is not None:  # annotations of COCO have both
        moved = box_targets.move_boxes(moved, lambda corners: movement.box(corners, width, height))
    return None if moved is None else ({name: movement.image(pixels)}, moved)


def _has_no_places(target: Any) -> bool:
    """Whether a target is a class, several classes, a number, or missing, and so holds for the image however it lies."""
    if isinstance(target, list | tuple):
        return all(isinstance(one, str) for one in target)
    return target is None or isinstance(target, str | int | float)
