"""The task `transformers/object-detection`: which objects are in an image, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Le

from mqa_registry import DataError, Task, counted
from mqa_transformers.live_model import OBJECT_DETECTOR, describe_image_model
from mqa_transformers.loading import OBJECT_DETECTION
from mqa_transformers.tasks.image_codec import (
    IMAGE,
    IMAGE_SIZE,
    SizedImageCodec,
    require_image_processor,
    sample_images,
)
from mqa_transformers.tasks.outputs import LOGITS, require_output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Codec, LiveModel, Model, ModelDescription
    from mqa_transformers.tasks.image_codec import Arrays
    from mqa_transformers.tasks.image_preprocessing import Preprocessing

    Floats = npt.NDArray[np.float64]

BOXES = "pred_boxes"
SIDES = ("x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class ObjectDetectionOptions:
    """Which detections are kept.

    `threshold` is the score above which a detection is kept. Mean average precision ranks detections, so that it needs
    those of low scores, too: it falls where the threshold rises. `max_detections` are kept of an image, those of the highest
    scores.
    """

    threshold: Annotated[float, Ge(0), Le(1)] = 0.05
    max_detections: Annotated[int, Ge(1)] = 100


class ObjectDetection(Task[ObjectDetectionOptions]):
    """Which objects are in an image, and where: boxes in pixels of the image, with a label and a score.

    For detectors of the DETR family, such as YOLOS, DETR, Conditional DETR and RT-DETR: those that predict a set of boxes,
    and need no suppression of overlapping ones. Images are read as `transformers/image-classification` reads them, and
    boxes are those of the image as it is then: turned as its EXIF orientation says.

    Where the model has a class more than it names labels, that is "no object": a detection has the likeliest of the other
    classes, and its softmax as its score. Else every class of a detection has its own sigmoid.
    """

    name = OBJECT_DETECTION
    schema = "boxes"
    fields: Mapping[str, str] = {IMAGE: "image"}
    sample = sample_images()
    metric = "metrics/box-map"
    needs = OBJECT_DETECTION
    packages = ("pillow",)
    requires = ("pillow",)

    def bind(self, model: Model, options: ObjectDetectionOptions) -> Codec:
        return ObjectDetectionCodec(model, require_image_processor(model), options)

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_image_model(live, OBJECT_DETECTOR)


@dataclass(frozen=True)
class Detections:
    """The detections of one image: sides in pixels, shape (detections, 4), scores, and positions of their labels."""

    corners: Floats
    scores: Floats
    labels: npt.NDArray[np.int64]

    def keep(self, options: ObjectDetectionOptions) -> Detections:
        """Those above the threshold, as many of the highest scores as are kept, in their order."""
        best = np.argsort(-self.scores, kind="stable")[: options.max_detections]
        kept = np.sort(best[self.scores[best] > options.threshold])
        return Detections(self.corners[kept], self.scores[kept], self.labels[kept])


class ObjectDetectionCodec(SizedImageCodec):
    """Images as a processor makes them, with their own size; boxes of the model's logits and relative boxes."""

    def __init__(
        self,
        model: Model,
        processor: Any,
        options: ObjectDetectionOptions,
        preprocessing: Preprocessing | None = None,
        inputs: Sequence[str] | None = None,
    ) -> None:
        super().__init__(model, processor, preprocessing, inputs)
        self._options = options

    def with_preprocessing(self, processor: Any, preprocessing: Preprocessing | None = None) -> ObjectDetectionCodec:
        return ObjectDetectionCodec(self._model, processor, self._options, preprocessing, self._inputs)

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        logits, relative = find_outputs(outputs, len(self._labels))
        sizes = np.array([row[IMAGE_SIZE] for row in rows], np.int64).reshape(-1, 2)
        found = [
            read_detections(one, boxes, size, len(self._labels))
            for one, boxes, size in zip(logits, relative, sizes, strict=True)
        ]
        kept = [None if one is None else one.keep(self._options) for one in found]
        columns = {"boxes": _boxes_column(kept, self._labels)}
        columns |= {name: pa.array(sizes[:, axis], pa.int32()) for axis, name in ((1, "width"), (0, "height"))}
        return pa.table(columns)


def find_outputs(outputs: Arrays, n_labels: int) -> tuple[Floats, Floats]:
    """The logits, shape (rows, detections, classes), and the relative boxes, shape (rows, detections, 4).

    They are the outputs `logits` and `pred_boxes`. A DataError where there are no such, or the classes are others.
    """
    hint = f"a detector gives `{LOGITS}` and `{BOXES}`; an export has its outputs under these names"
    logits, boxes = (require_output(outputs, name, hint).astype(np.float64) for name in (LOGITS, BOXES))
    if logits.ndim != 3 or boxes.shape != (*logits.shape[:2], 4) or logits.shape[-1] not in (n_labels, n_labels + 1):
        raise DataError(
            f"the model gives `{LOGITS}` of shape {logits.shape} and `{BOXES}` of shape {boxes.shape}, and its configuration"
            f" names {counted(n_labels, 'label')}",
            hint="a detector gives the shapes (rows, detections, labels), or one label more, and (rows, detections, 4)",
        )
    return logits, boxes


def read_detections(logits: Floats, relative: Floats, size: npt.NDArray[np.int64], n_labels: int) -> Detections | None:
    """All detections of one image, of which `size` is the height and width; None where a number is NaN or infinite.

    `relative` has the middle, width and height of each box, in shares of the image.
    """
    if not (np.isfinite(logits).all() and np.isfinite(relative).all()):
        return None
    middle, extent = relative[:, :2], np.maximum(relative[:, 2:], 0.0)
    corners = np.concatenate([middle - extent / 2, middle + extent / 2], axis=1) * np.tile(size[::-1], 2)
    if logits.shape[1] > n_labels:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores = (powers / powers.sum(axis=1, keepdims=True))[:, :n_labels]
        return Detections(corners, scores.max(axis=1), scores.argmax(axis=1).astype(np.int64))
    scores = 0.5 * (1 + np.tanh(logits / 2))  # the sigmoid, without an overflow
    numbers = np.arange(scores.size)
    return Detections(corners[numbers // n_labels], scores.ravel(), numbers % n_labels)


def _boxes_column(rows: Sequence[Detections | None], labels: Sequence[str]) -> pa.Array:
    """The detections of every row, as predictions have them; null for None."""
    whole = [row for row in rows if row is not None]
    corners = np.concatenate([np.zeros((0, 4)), *(row.corners for row in whole)])
    scores = np.concatenate([np.zeros(0), *(row.scores for row in whole)])
    codes = np.concatenate([np.zeros(0, np.int64), *(row.labels for row in whole)])
    fields = {side: pa.array(corners[:, axis]) for axis, side in enumerate(SIDES)}
    fields |= {"label": pa.array(labels, pa.string()).take(pa.array(codes)), "score": pa.array(scores)}
    boxes = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    ends = np.cumsum([0, *(0 if row is None else len(row.scores) for row in rows)])
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), boxes, mask=pa.array([row is None for row in rows]))
