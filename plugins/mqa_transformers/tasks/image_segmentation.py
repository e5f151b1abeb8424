"""The task `transformers/image-segmentation`: which class each pixel of an image is of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from mqa_registry import DataError, NoOptions, Task, counted, encode_masks, masks_column
from mqa_transformers.live_model import SEGMENTER, describe_image_model
from mqa_transformers.loading import IMAGE_SEGMENTATION
from mqa_transformers.tasks.image_codec import (
    IMAGE,
    IMAGE_SIZE,
    SizedImageCodec,
    require_image_processor,
    sample_images,
)
from mqa_transformers.tasks.image_preprocessing import PIXELS
from mqa_transformers.tasks.outputs import LOGITS, require_output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy.typing as npt

    from mqa_registry import Codec, LiveModel, Model, ModelDescription
    from mqa_transformers.tasks.image_codec import Arrays
    from mqa_transformers.tasks.image_preprocessing import Preprocessing

    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.int64]

BAND_NUMBERS = 1 << 22  # logits that are made larger at a time


class ImageSegmentation(Task[NoOptions]):
    """Which class each pixel of an image is of: a mask for every class that occurs, at the size of the image.

    For semantic segmenters, such as SegFormer, UPerNet, DPT and BEiT: those that give logits of every class for a grid of points.
    Images are read as `transformers/image-classification` reads them, and masks are of the image as it is then: turned as its
    EXIF orientation says. Logits are made as large as the image bilinearly, as `post_process_semantic_segmentation` of
    transformers does it, and a pixel is of the class with the largest.
    """

    name = IMAGE_SEGMENTATION
    schema = "masks"
    fields: Mapping[str, str] = {IMAGE: "image"}
    sample = sample_images()
    metric = "metrics/mean-iou"
    needs = IMAGE_SEGMENTATION
    packages = ("pillow",)
    requires = ("pillow",)

    def bind(self, model: Model, options: NoOptions) -> Codec:
        return ImageSegmentationCodec(model, require_image_processor(model))

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_image_model(live, SEGMENTER)


class ImageSegmentationCodec(SizedImageCodec):
    """Images as a processor makes them, with their own size; masks of the model's logits."""

    def with_preprocessing(self, processor: Any, preprocessing: Preprocessing | None = None) -> ImageSegmentationCodec:
        return ImageSegmentationCodec(self._model, processor, preprocessing, self._inputs)

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        logits = read_logits(outputs, len(self._labels))
        fed = np.array([row[PIXELS].shape[-2:] for row in rows], np.int64).reshape(-1, 2)
        masks = []
        for grid, size, own in zip(logits, (row[IMAGE_SIZE] for row in rows), fed, strict=True):
            # An image that is smaller than others of its batch was filled up, and so are its logits.
            height, width = (
                math.ceil(points * side / largest)
                for points, side, largest in zip(grid.shape[1:], own, fed.max(axis=0), strict=True)
            )
            masks.append(self._read_masks(grid[:, :height, :width], size))
        return pa.table({"masks": masks_column(masks)})

    def _read_masks(self, grid: Floats, size: Ints) -> list[dict[str, Any]] | None:
        """The masks of one image; None where a logit is NaN or infinite."""
        if not np.isfinite(grid).all():
            return None
        return encode_masks(find_classes(grid, int(size[0]), int(size[1])), self._labels)


def read_logits(outputs: Arrays, n_labels: int) -> Floats:
    """The output `logits`, shape (rows, labels, height, width); a DataError where there is none, or the labels are others."""
    hint = "a segmenter gives it; an export has its outputs under their names"
    logits = require_output(outputs, LOGITS, hint).astype(np.float32)
    if logits.ndim != 4 or logits.shape[1] != n_labels:
        raise DataError(
            f"the model gives `{LOGITS}` of shape {logits.shape}, and its configuration names {counted(n_labels, 'label')}",
            hint="a segmenter gives the shape (rows, labels, height, width)",
        )
    return logits


def find_classes(logits: Floats, height: int, width: int) -> npt.NDArray[np.int16]:
    """The position of the class with the largest logit of every pixel, shape (height, width).

    `logits` of shape (classes, height, width) are made larger, or smaller, as by torch.nn.functional.interpolate with
    `mode="bilinear", align_corners=False`: middles of pixels lie over each other, and values at the edge go on beyond it.
    """
    top, bottom, down = _find_neighbours(logits.shape[1], height)
    left, right, across = _find_neighbours(logits.shape[2], width)
    codes = np.empty((height, width), np.int16)
    step = max(1, BAND_NUMBERS // (len(logits) * width))
    for start in range(0, height, step):
        band = slice(start, start + step)
        lower = down[band, None]
        lines = logits[:, top[band]] * (1 - lower) + logits[:, bottom[band]] * lower
        codes[band] = (lines[:, :, left] * (1 - across) + lines[:, :, right] * across).argmax(axis=0)
    return codes


def _find_neighbours(n_points: int, n_pixels: int) -> tuple[Ints, Ints, Floats]:
    """Of every pixel along an axis the points before and after it, and how much the latter weighs."""
    places = np.maximum((np.arange(n_pixels) + 0.5) * (n_points / n_pixels) - 0.5, 0.0)
    before = np.minimum(places.astype(np.int64), n_points - 1)
    return before, np.minimum(before + 1, n_points - 1), (places - before).astype(np.float32)
