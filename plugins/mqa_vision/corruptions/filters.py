"""Filters that several corruptions use: blurs by a disk, by a Gaussian and along a line, and a zoom into the middle."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mqa_vision.pixels import over_channels

Array: TypeAlias = npt.NDArray[np.float64]
MIN_REACH = 8  # of the array that a disk of a small radius lies in
LARGE_DISK = 8  # the radius above which a disk's edge is smoothed over 5 pixels, and not 3


def blur_gaussian(values: Array, sigma: float) -> Array:
    """A Gaussian blur of the same deviation in height and width; values beyond the edge are those on it."""
    sigmas = (sigma, sigma, 0.0)[: values.ndim]
    blurred: Array = ndimage.gaussian_filter(values, sigmas, mode="nearest", truncate=4.0)
    return blurred


def blur_disk(values: Array, radius: float, edge_sigma: float) -> Array:
    """The blur of a lens out of focus: the mean over a disk whose edge is smoothed; the image is mirrored at its edges."""
    kernel = _make_disk(radius, edge_sigma)
    return over_channels(values, lambda channel: _correlate(channel, kernel))


def blur_along_line(values: npt.NDArray[Any], radius: int, sigma: float, angle: float) -> Array:
    """The blur of a motion: the weighted mean of an image and of copies that are shifted along a line.

    The weights are half a Gaussian of `2 * radius + 1` pixels; `angle` is in degrees. Shifts are whole pixels. Values
    beyond the edge are those on it. Copies that are shifted by the whole image or more are left out.
    """
    width = 2 * radius + 1
    weights = np.exp(-(np.arange(width) ** 2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    weights /= weights.sum()
    rise, run = width * np.sin(np.deg2rad(angle)), width * np.cos(np.deg2rad(angle))
    length = math.hypot(rise, run)
    margins = [(width, width), (width, width), (0, 0)][: values.ndim]
    padded = np.pad(np.asarray(values, np.float64), margins, mode="edge")
    height_of, width_of = values.shape[:2]
    blurred = np.zeros(values.shape)
    for step in range(width):
        down = -math.ceil(step * rise / length - 0.5)
        right = -math.ceil(step * run / length - 0.5)
        if abs(down) >= height_of or abs(right) >= width_of:
            break
        top, left = width - down, width - right
        blurred += weights[step] * padded[top : top + height_of, left : left + width_of]
    return blurred


def zoom_into_middle(values: npt.NDArray[Any], factor: float, *, trims_evenly: bool = False) -> npt.NDArray[Any]:
    """The middle of an image, enlarged to about its size, of which it may lack a pixel.

    What is beyond that size is cut off at the bottom and on the right; with `trims_evenly` on all sides, by what is too high.
    """
    height, width = values.shape[:2]
    crop_height, crop_width = math.ceil(height / factor), math.ceil(width / factor)
    top, left = (height - crop_height) // 2, (width - crop_width) // 2
    middle = values[top : top + crop_height, left : left + crop_width]
    zoomed = _interpolate(_interpolate(middle, 0, round(crop_height * factor)), 1, round(crop_width * factor))
    start = max(0, (zoomed.shape[0] - height) // 2) if trims_evenly else 0
    return zoomed[start : start + height, start : start + width]


def _interpolate(values: npt.NDArray[Any], axis: int, length: int) -> npt.NDArray[Any]:
    """Values at so many places along an axis, equally far apart from the first to the last, interpolated linearly."""
    last = values.shape[axis] - 1
    places = np.arange(length) * (last / max(1, length - 1))
    below = np.minimum(places.astype(np.int64), max(0, last - 1))
    shape = [1] * values.ndim
    shape[axis] = length
    weights = (places - below).astype(values.dtype).reshape(shape)
    lower, upper = values.take(below, axis), values.take(np.minimum(below + 1, last), axis)
    interpolated: npt.NDArray[Any] = lower + (upper - lower) * weights
    return interpolated


@cache
def _make_disk(radius: float, edge_sigma: float) -> Array:
    """A disk that sums to about 1, with an edge smoothed by a Gaussian of 3 or 5 pixels."""
    reach = MIN_REACH if radius <= LARGE_DISK else int(radius)
    offsets = np.arange(-reach, reach + 1)
    disk = (offsets[:, None] ** 2 + offsets**2 <= radius**2).astype(np.float64)
    disk /= disk.sum()
    edge = np.arange(-1, 2) if radius <= LARGE_DISK else np.arange(-2, 3)
    weights = np.exp(-(edge**2) / (2 * edge_sigma**2))
    weights /= weights.sum()
    for axis in (0, 1):
        disk = ndimage.correlate1d(disk, weights, axis=axis, mode="mirror")
    disk.flags.writeable = False
    return disk


def _correlate(channel: Array, kernel: Array) -> Array:
    """The correlation with a symmetric kernel, of an image that is mirrored at its edges; by a Fourier transform."""
    reach = len(kernel) // 2
    padded = np.pad(channel, reach, mode="reflect")
    shape = (padded.shape[0], padded.shape[1])
    product = np.fft.rfft2(padded) * np.fft.rfft2(kernel, shape)
    blurred: Array = np.fft.irfft2(product, shape)[2 * reach :, 2 * reach :]
    return blurred
