"""The task `transformers/image-classification`: one class, any number of labels, or a number for an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry import ClassificationTask, ClassifierOptions
from mqa_transformers.live_model import describe_image_model
from mqa_transformers.loading import IMAGE_CLASSIFICATION
from mqa_transformers.tasks.image_codec import IMAGE, ImageCodec, require_image_processor, sample_images

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from mqa_registry import ClassifierHead, Codec, LiveModel, Model, ModelDescription, OutputReading
    from mqa_transformers.tasks.image_codec import Arrays
    from mqa_transformers.tasks.image_preprocessing import Preprocessing


class ImageClassification(ClassificationTask[ClassifierOptions]):
    """What an image is: one class, any number of labels, or a number.

    Which of them follows from the `problem_type` of the model's configuration, or from its labels: one label is a number.
    The checkpoint's own processor makes the model's input of an image, by Pillow; torchvision is not needed. An image is
    turned as its EXIF orientation says and read as RGB, or as grey by a model of one channel: a palette and CMYK are
    converted, alpha is dropped, 16 bits are scaled to 8, and of an animated image the first frame counts. A row is lost
    whose image is empty, damaged, or has more than 89,478,485 pixels.
    """

    name = IMAGE_CLASSIFICATION
    fields: Mapping[str, str] = {IMAGE: "image"}
    metric = "metrics/accuracy"
    number_metric = "metrics/mae"
    sample = sample_images()
    needs = IMAGE_CLASSIFICATION
    packages = ("pillow",)
    requires = ("pillow",)

    def bind(self, model: Model, options: ClassifierOptions) -> Codec:
        head = self.make_head(model, options)
        return ImageClassificationCodec(model, require_image_processor(model), head)

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_image_model(live)


class ImageClassificationCodec(ImageCodec):
    """Images as a processor makes them; `head` reads the model's outputs."""

    def __init__(
        self, model: Model, processor: Any, head: ClassifierHead, preprocessing: Preprocessing | None = None
    ) -> None:
        super().__init__(model, processor, preprocessing)
        self._head = head

    def with_preprocessing(
        self, processor: Any, preprocessing: Preprocessing | None = None
    ) -> ImageClassificationCodec:
        return ImageClassificationCodec(self._model, processor, self._head, preprocessing)

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        return self._head.decode(outputs, rows)

    def read_outputs(self, outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
        return self._head.infer_reading(outputs, rows)
