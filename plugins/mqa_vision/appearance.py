"""What images look like, in numbers: brightness, contrast, sharpness, size, aspect ratio, and a small picture of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mqa_registry import optional_import
from mqa_vision.pixels import Pixels, is_grey, read_pixels

LUMA = np.array([0.299, 0.587, 0.114])  # of ITU-R BT.601
THUMBNAIL = 8  # pixels a side
LEVELS = 3  # of each channel in the histogram of colours


@dataclass(frozen=True)
class Appearance:
    """The looks of one image.

    `brightness` is the mean luma, and `contrast` its standard deviation, both as shares of white. `sharpness` is the variance
    of its Laplacian, of luma from 0 to 255. `size` is the shorter side in pixels, `aspect_ratio` the width by the height.
    `colourfulness` is the mean difference of the largest and the smallest channel, as a share of white.

    `embedding` is float32 of 91 numbers, alike for images that look alike: the luma of 8 x 8 parts, from 0 to 1, and the
    square roots of the shares of 27 colours, 3 levels a channel, so that distances of the latter are Hellinger's.
    """

    brightness: float
    contrast: float
    sharpness: float
    size: float
    aspect_ratio: float
    colourfulness: float
    embedding: npt.NDArray[np.float32] = field(compare=False, repr=False)

    @classmethod
    def of(cls, pixels: Pixels) -> Appearance:
        luma = _to_luma(pixels)
        height, width = luma.shape
        colours = _to_colours(pixels)
        return cls(
            brightness=float(luma.mean() / 255),
            contrast=float(luma.std() / 255),
            sharpness=float(ndimage.laplace(luma, mode="mirror").var()),
            size=float(min(height, width)),
            aspect_ratio=width / height,
            colourfulness=float((colours.max(axis=1) - colours.min(axis=1)).mean() / 255),
            embedding=np.concatenate([_make_thumbnail(luma), np.sqrt(_count_colours(colours))]).astype(np.float32),
        )


def measure_appearance(value: Any) -> Appearance:
    """The looks of an image of a row. A BlobError where it cannot be read."""
    return Appearance.of(read_pixels(value))


def _to_luma(pixels: Pixels) -> npt.NDArray[np.float64]:
    """The luma of each pixel, from 0 to 255, shape (height, width)."""
    if is_grey(pixels):
        return pixels.reshape(*pixels.shape[:2], -1)[:, :, 0].astype(np.float64)
    luma: npt.NDArray[np.float64] = pixels[:, :, :3] @ LUMA
    return luma


def _to_colours(pixels: Pixels) -> Pixels:
    """The colour of each pixel, shape (pixels, channels): 1 channel of grey, 3 of any other; opacity does not count."""
    n_colours = 1 if is_grey(pixels) else 3
    return pixels.reshape(pixels.shape[0] * pixels.shape[1], -1)[:, :n_colours]


def _make_thumbnail(luma: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean luma of parts of an image, from 0 to 1."""
    with optional_import("pillow"):
        from PIL import Image
    small = Image.fromarray(luma.astype(np.float32)).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return np.asarray(small, np.float64).ravel() / 255


def _count_colours(colours: Pixels) -> npt.NDArray[np.float64]:
    """The share of pixels of each colour, by the levels of red, green and blue."""
    levels = colours.astype(np.int64) * LEVELS // 256
    codes = np.broadcast_to(levels, (len(levels), 3)) @ np.array([LEVELS**2, LEVELS, 1])
    return np.bincount(codes, minlength=LEVELS**3) / len(codes)
