"""The task `transformers/image-classification`: which one class an image belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, NoOptions, Task, counted
from mqa_transformers.live_model import describe_image_model
from mqa_transformers.loading import IMAGE_CLASSIFICATION
from mqa_transformers.tasks.classifier_outputs import decode_logits, infer_reading
from mqa_transformers.tasks.image_codec import IMAGE, ImageCodec, require_image_processor, sample_images
from mqa_transformers.tasks.problem_type import SINGLE_LABEL, read_problem_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from mqa_registry import Codec, LiveModel, Model, ModelDescription, OutputReading
    from mqa_transformers.tasks.image_codec import Arrays
    from mqa_transformers.tasks.image_preprocessing import Preprocessing


class ImageClassification(Task[NoOptions]):
    """Which one class an image belongs to.

    The checkpoint's own processor makes the model's input of an image, by Pillow; torchvision is not needed. An image is
    turned as its EXIF orientation says and read as RGB, or as grey by a model of one channel: a palette and CMYK are
    converted, alpha is dropped, 16 bits are scaled to 8, and of an animated image the first frame counts. A row is lost
    whose image is empty, damaged, or has more than 89,478,485 pixels.
    """

    name = IMAGE_CLASSIFICATION
    schema = "label"
    fields: Mapping[str, str] = {IMAGE: "image"}
    sample = sample_images()
    metric = "metrics/accuracy"
    needs = IMAGE_CLASSIFICATION
    packages = ("pillow",)
    requires = ("pillow",)

    def bind(self, model: Model, options: NoOptions) -> Codec:
        _check_single_label(model)
        return ImageClassificationCodec(model, require_image_processor(model))

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_image_model(live)


def _check_single_label(model: Model) -> None:
    """A DataError where a model does not choose one class for a row."""
    if len(model.labels) < 2 or read_problem_type(model.about.get("problem_type"), model.labels) != SINGLE_LABEL:
        problem = model.about.get("problem_type") or counted(len(model.labels), "label")
        raise DataError(
            f"the model does not give an image one class ({problem}), and `{IMAGE_CLASSIFICATION}` does",
            hint='`task = "forward"` holds its outputs against an export\'s',
        )


class ImageClassificationCodec(ImageCodec):
    """Images as a processor makes them; classes of the model's logits."""

    def with_preprocessing(
        self, processor: Any, preprocessing: Preprocessing | None = None
    ) -> ImageClassificationCodec:
        return ImageClassificationCodec(self._model, processor, preprocessing)

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        return decode_logits(self._labels, outputs, rows)

    def read_outputs(self, outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
        return infer_reading(self._labels, outputs, rows)
