"""Water on a lens: the light and the shade of splashes, by how far each pixel is from their edges.

The published code calls OpenCV for it: Canny's edges, a chamfer distance, equalisation, a relief filter and box blurs. The
same steps stand here in numpy, in the integers that OpenCV computes in, so that they give the same values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

if TYPE_CHECKING:
    from mqa_vision.corruptions.filters import Array
    from mqa_vision.pixels import Pixels

Integers = npt.NDArray[np.int64]

LOW, HIGH = 50, 150  # of Canny's algorithm: gradients of an edge that belongs to a strong one, and of a strong one
TANGENT_BITS = 15
TANGENT_22 = 13573  # tan(22.5 degrees), times 2 to the power of TANGENT_BITS
STRAIGHT, DIAGONAL, KNIGHT = (
    65536,
    91750,
    143976,
)  # 1, 1.4 and 2.1969: steps of the distance, times 2 to the power of 16
MAX_DISTANCE = 20  # pixels
RELIEF = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])  # light from the top left


def shade_splashes(liquid: Pixels) -> Array:
    """How bright the water is on each pixel, from 0 to 1, shape (height, width); 0 everywhere where there is no liquid."""
    distance = np.minimum(_measure_distance(_find_edges(liquid)), np.float32(MAX_DISTANCE))
    flat = _equalize(_blur_box(distance).astype(np.uint8))
    relief = np.clip(ndimage.correlate(flat.astype(np.int64), RELIEF, mode="mirror"), 0, 255)
    shade = liquid * np.rint(_blur_box(relief))
    brightest = shade.max()
    shaded: Array = shade / brightest if brightest > 0 else np.zeros(liquid.shape)
    return shaded


def _find_edges(image: Pixels) -> npt.NDArray[np.bool_]:
    """Canny's edges, with Sobel's gradients and their L1 norm."""
    values = image.astype(np.int64)
    smooth, slope = [1, 2, 1], [-1, 0, 1]
    across = ndimage.correlate1d(
        ndimage.correlate1d(values, slope, axis=1, mode="nearest"), smooth, axis=0, mode="nearest"
    )
    down = ndimage.correlate1d(
        ndimage.correlate1d(values, slope, axis=0, mode="nearest"), smooth, axis=1, mode="nearest"
    )
    magnitude = np.abs(across) + np.abs(down)
    is_edge = (magnitude > LOW) & _is_ridge(magnitude, across, down)
    parts, _ = ndimage.label(is_edge, structure=np.ones((3, 3)))
    strong = np.unique(parts[is_edge & (magnitude > HIGH)])
    return np.isin(parts, strong[strong > 0])


def _is_ridge(magnitude: Integers, across: Integers, down: Integers) -> npt.NDArray[np.bool_]:
    """Whether a gradient is larger than those of the two neighbours in its direction, of which there are four."""
    padded = np.pad(magnitude, 1)
    height, width = magnitude.shape

    def neighbour(row: int, column: int) -> Integers:
        return padded[1 + row : 1 + row + height, 1 + column : 1 + column + width]

    horizontal, vertical = np.abs(across), np.abs(down) << TANGENT_BITS
    flat = horizontal * TANGENT_22
    steep = flat + (horizontal << (TANGENT_BITS + 1))
    along_row = (magnitude > neighbour(0, -1)) & (magnitude >= neighbour(0, 1))
    along_column = (magnitude > neighbour(-1, 0)) & (magnitude >= neighbour(1, 0))
    falling = (magnitude > neighbour(-1, -1)) & (magnitude > neighbour(1, 1))
    rising = (magnitude > neighbour(-1, 1)) & (magnitude > neighbour(1, -1))
    diagonal = np.where((across ^ down) < 0, rising, falling)
    return np.where(vertical < flat, along_row, np.where(vertical > steep, along_column, diagonal))


def _measure_distance(is_edge: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """The chamfer distance of each pixel to the nearest edge, in steps as long as of a knight, at least to `MAX_DISTANCE`."""
    far = (MAX_DISTANCE + 2) * STRAIGHT
    distance = np.pad(np.where(is_edge, 0, far).astype(np.int64), 2, constant_values=far)
    for image in (distance, distance[::-1, ::-1]):
        _sweep_down(image)
    return (distance[2:-2, 2:-2] / np.float32(STRAIGHT)).astype(np.float32)


def _sweep_down(distance: Integers) -> None:
    """Lower distances by those of the two rows above, and of the pixels to the left. There are margins of two pixels."""
    width = distance.shape[1] - 4
    steps = np.arange(width) * STRAIGHT
    for row in range(2, distance.shape[0] - 2):
        above, before = distance[row - 1], distance[row - 2]
        best = distance[row, 2:-2].copy()
        for values, column, length in (
            (before, 1, KNIGHT), (before, 3, KNIGHT), (above, 0, KNIGHT), (above, 4, KNIGHT),
            (above, 1, DIAGONAL), (above, 3, DIAGONAL), (above, 2, STRAIGHT),
        ):  # fmt: skip
            np.minimum(best, values[column : column + width] + length, out=best)
        distance[row, 2:-2] = np.minimum.accumulate(best - steps) + steps


def _equalize(image: Pixels) -> Pixels:
    """The image with its histogram equalised, as OpenCV does it: the darkest value becomes 0."""
    counts = np.bincount(image.ravel(), minlength=256)
    darkest = int(np.flatnonzero(counts)[0])
    others = image.size - int(counts[darkest])
    if not others:
        return image
    below = np.cumsum(counts) - counts[darkest]
    levels = np.rint((below * np.float32(255 / others)).astype(np.float32))
    equalized: Pixels = levels.clip(0, 255).astype(np.uint8)[image]
    return equalized


def _blur_box(image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """The mean of 3 x 3 pixels; the image is mirrored at its edges."""
    padded = np.pad(image.astype(np.float64), 1, mode="reflect")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    total = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return (total * (1 / 9)).astype(np.float32)
