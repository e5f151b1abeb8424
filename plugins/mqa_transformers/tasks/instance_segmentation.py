"""The task `transformers/instance-segmentation`: which objects are in an image, and which pixels are of each."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Le

from mqa_registry import DataError, Task, counted, encode_mask, masks_column
from mqa_transformers.live_model import INSTANCE_SEGMENTERS, describe_image_model
from mqa_transformers.loading import INSTANCE_SEGMENTATION
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

    import numpy.typing as npt

    from mqa_registry import Codec, LiveModel, Model, ModelDescription
    from mqa_transformers.tasks.image_codec import Arrays
    from mqa_transformers.tasks.image_preprocessing import Preprocessing

    Floats = npt.NDArray[np.float32]

READER = "post_process_instance_segmentation"  # of an image processor: what makes instances of outputs
PIXEL_MASK = "pixel_mask"  # of an encoded row: which pixels are of the image, where a processor fills it up
QUERY_OUTPUTS = ("class_queries_logits", "masks_queries_logits")
DETR_OUTPUTS = (LOGITS, "pred_masks")
OTHER_INPUTS = {"OneFormer": "a text with every image", "Videomt": "videos"}  # of models of this kind, by their names


@dataclass(frozen=True)
class InstanceSegmentationOptions:
    """Which instances are kept.

    `threshold` is the score from which an instance is kept. Mean average precision ranks instances, so that it needs those of
    low scores, too: it falls where the threshold rises. `max_instances` are kept of an image, those of the highest scores.
    """

    threshold: Annotated[float, Ge(0), Le(1)] = 0.05
    max_instances: Annotated[int, Ge(1)] = 100


class InstanceSegmentation(Task[InstanceSegmentationOptions]):
    """Which objects are in an image, and which pixels are of each: masks of the size of the image, with a label and a score.

    For models that predict a set of masks: MaskFormer, Mask2Former, EoMT and DETR with a head for masks. Images are read as
    `transformers/image-classification` reads them, and masks are of the image as it is then: turned as its EXIF
    orientation says.

    Instances are what `post_process_instance_segmentation` of the model's own image processor makes of its outputs, each with
    all its pixels where that gives overlapping masks. It is given the outputs of one image at a time, and of an image that
    was filled up for its batch, or by its processor, only what is of the image.
    """

    name = INSTANCE_SEGMENTATION
    schema = "instances"
    fields: Mapping[str, str] = {IMAGE: "image"}
    sample = sample_images()
    metric = "metrics/instance-map"
    needs = INSTANCE_SEGMENTATION
    packages = ("pillow",)
    requires = ("pillow",)

    def for_model(self, model: Model, options: InstanceSegmentationOptions) -> InstanceSegmentation:
        architecture = str(model.about.get("architecture"))
        what = next((what for name, what in OTHER_INPUTS.items() if architecture.startswith(name)), "")
        if what:
            raise DataError(
                f"a `{architecture}` reads {what}, and `{INSTANCE_SEGMENTATION}` reads images alone",
                hint="it takes models such as MaskFormer, Mask2Former and DETR",
            )
        return self

    def bind(self, model: Model, options: InstanceSegmentationOptions) -> Codec:
        return InstanceSegmentationCodec(model, require_image_processor(model), options)

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_image_model(live, INSTANCE_SEGMENTERS)


class InstanceSegmentationCodec(SizedImageCodec):
    """Images as a processor makes them, with their own size; instances as that processor reads the model's outputs."""

    def __init__(
        self,
        model: Model,
        processor: Any,
        options: InstanceSegmentationOptions,
        preprocessing: Preprocessing | None = None,
        inputs: Sequence[str] | None = None,
    ) -> None:
        super().__init__(model, processor, preprocessing, inputs)
        self._options = options
        self._read_outputs = _find_reader(require_image_processor(model))
        self._gives_overlaps = "return_binary_maps" in inspect.signature(self._read_outputs).parameters

    def with_preprocessing(
        self, processor: Any, preprocessing: Preprocessing | None = None
    ) -> InstanceSegmentationCodec:
        return InstanceSegmentationCodec(self._model, processor, self._options, preprocessing, self._inputs)

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        names = find_names(outputs)
        logits, masks = find_outputs(outputs, names, len(self._labels))
        largest = np.max([row[PIXELS].shape[-2:] for row in rows], axis=0, initial=1)
        instances = []
        for classes, grids, row in zip(logits, masks, rows, strict=True):
            height, width = (
                math.ceil(points * side / most)
                for points, side, most in zip(grids.shape[1:], _find_own_size(row), largest, strict=True)
            )
            read = dict(zip(names, (classes, grids[:, :height, :width]), strict=True))
            instances.append(self._read_instances(read, (int(row[IMAGE_SIZE][0]), int(row[IMAGE_SIZE][1]))))
        return pa.table({"instances": masks_column(instances)})

    def _read_instances(self, outputs: Mapping[str, Floats], size: tuple[int, int]) -> list[dict[str, Any]] | None:
        """The instances of one image of a height and width, the highest score first; None where a number is NaN or infinite."""
        if not all(np.isfinite(array).all() for array in outputs.values()):
            return None
        import torch

        tensors = SimpleNamespace(**{name: torch.from_numpy(array[None].copy()) for name, array in outputs.items()})
        overlapping = {"return_binary_maps": True} if self._gives_overlaps else {}
        (found,) = self._read_outputs(tensors, threshold=self._options.threshold, target_sizes=[size], **overlapping)
        segments = found["segments_info"]
        maps = found["segmentation"].numpy()
        pixels = maps.astype(bool) if maps.ndim == 3 else np.array([maps == one["id"] for one in segments], bool)
        best = sorted(zip(segments, pixels, strict=True), key=lambda pair: -pair[0]["score"])
        return [
            {"label": self._labels[segment["label_id"]], **encode_mask(mask), "score": segment["score"]}
            for segment, mask in best[: self._options.max_instances]
            if mask.any()
        ]


def find_names(outputs: Arrays) -> tuple[str, str]:
    """The names of the outputs with the scores and with the masks of every query, as those of MaskFormer or of DETR."""
    return DETR_OUTPUTS if DETR_OUTPUTS[1] in outputs else QUERY_OUTPUTS


def find_outputs(outputs: Arrays, names: tuple[str, str], n_labels: int) -> tuple[Floats, Floats]:
    """The logits of classes, shape (rows, queries, labels and none), and of masks, shape (rows, queries, height, width).

    A DataError where there are no such, or the labels are others.
    """
    hint = f"a segmenter gives `{names[0]}` and `{names[1]}`; an export has its outputs under these names"
    logits, masks = (require_output(outputs, name, hint).astype(np.float32) for name in names)
    if logits.ndim != 3 or masks.ndim != 4 or masks.shape[:2] != logits.shape[:2] or logits.shape[2] != n_labels + 1:
        raise DataError(
            f"the model gives `{names[0]}` of shape {logits.shape} and `{names[1]}` of shape {masks.shape}, and its"
            f" configuration names {counted(n_labels, 'label')}",
            hint="a segmenter gives the shapes (rows, queries, labels and one more) and (rows, queries, height, width)",
        )
    return logits, masks


def _find_own_size(row: Arrays) -> tuple[int, int]:
    """The height and width of what is of the image in the pixels that the model is fed."""
    if PIXEL_MASK not in row:
        height, width = row[PIXELS].shape[-2:]
        return height, width
    inside = np.asarray(row[PIXEL_MASK], bool)
    return int(inside.any(axis=1).sum()), int(inside.any(axis=0).sum())


def _find_reader(processor: Any) -> Any:
    """The method of an image processor that makes instances of outputs; a DataError where it has none."""
    reader = getattr(processor, READER, None)
    if reader is None:
        raise DataError(
            f"the image processor of the model is a `{type(processor).__name__}`, which has no `{READER}`",
            hint="`preprocessor_config.json` of the model as it was trained names the processor that has it",
        )
    return reader
