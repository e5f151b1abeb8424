"""What images look like, in numbers: brightness, contrast, sharpness, size and aspect ratio."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from mqa_registry import Blob, BlobError
from mqa_vision.pixels import Pixels, is_grey, read_pixels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LUMA = np.array([0.299, 0.587, 0.114])  # of ITU-R BT.601
AT_ONCE = 256  # images that are on their way at a time
MAX_KEPT = 1 << 17  # images whose numbers are kept, of some 200 bytes each


@dataclass(frozen=True)
class Appearance:
    """The looks of one image.

    `brightness` is the mean luma, and `contrast` its standard deviation, both as shares of white. `sharpness` is the variance
    of its Laplacian, of luma from 0 to 255. `size` is the shorter side in pixels, `aspect_ratio` the width by the height.
    """

    brightness: float
    contrast: float
    sharpness: float
    size: float
    aspect_ratio: float

    @classmethod
    def of(cls, pixels: Pixels) -> Appearance:
        luma = _to_luma(pixels)
        height, width = luma.shape
        return cls(
            brightness=float(luma.mean() / 255),
            contrast=float(luma.std() / 255),
            sharpness=float(ndimage.laplace(luma, mode="mirror").var()),
            size=float(min(height, width)),
            aspect_ratio=width / height,
        )


class AppearanceCache:
    """The looks of images by their content, so that several slices of one run decode each image once."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, Appearance] = OrderedDict()
        self._lock = Lock()

    def measure(self, value: Any) -> Appearance | None:
        """The looks of an image; None of one that cannot be read."""
        if not isinstance(value, Blob):
            return Appearance.of(read_pixels(value))
        try:
            digest = value.digest
            with self._lock:
                if digest in self._found:
                    return self._found[digest]
            appearance = Appearance.of(read_pixels(value))
        except BlobError:
            return None
        with self._lock:
            self._found[digest] = appearance
            if len(self._found) > MAX_KEPT:
                self._found.popitem(last=False)
        return appearance

    def measure_all(self, values: Iterable[Any]) -> Iterator[Appearance | None]:
        """The looks of images, decoded in threads."""
        remaining = iter(values)
        with ThreadPoolExecutor() as pool:
            while block := list(islice(remaining, AT_ONCE)):
                yield from pool.map(self.measure, block)


def _to_luma(pixels: Pixels) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The luma of each pixel, from 0 to 255, shape (height, width)."""
    if is_grey(pixels):
        return pixels.reshape(*pixels.shape[:2], -1)[:, :, 0].astype(np.float64)
    luma: np.ndarray[Any, np.dtype[np.float64]] = pixels[:, :, :3] @ LUMA
    return luma
