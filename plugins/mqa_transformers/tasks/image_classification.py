"""The task `transformers/image-classification`: one class, any number of labels, or a number for an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry import Task
from mqa_transformers.live_model import describe_image_model
from mqa_transformers.loading import IMAGE_CLASSIFICATION
from mqa_transformers.tasks.classifier_heads import make_head
from mqa_transformers.tasks.image_codec import IMAGE, ImageCodec, require_image_processor, sample_images
from mqa_transformers.tasks.problem_type import (
    MULTI_LABEL,
    REGRESSION,
    SCHEMAS,
    SINGLE_LABEL,
    ProblemType,
    resolve_problem_type,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from mqa_registry import Codec, LiveModel, Model, ModelDescription, OutputReading
    from mqa_transformers.tasks.classifier_heads import ClassifierHead
    from mqa_transformers.tasks.image_codec import Arrays
    from mqa_transformers.tasks.image_preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True)
class ImageClassificationOptions:
    """What the model gives for an image.

    `problem_type` is what the model was trained for; left out, its configuration says it. `threshold` is the probability
    from which on a multi-label model gives an image a label, 0.5 if left out; a table has one for each label that differs.
    """

    problem_type: ProblemType | None = None
    threshold: float | dict[str, float] | None = None


class ImageClassification(Task[ImageClassificationOptions]):
    """What an image is: one class, any number of labels, or a number.

    Which of them follows from the `problem_type` of the model's configuration, or from its labels: one label is a number.
    The checkpoint's own processor makes the model's input of an image, by Pillow; torchvision is not needed. An image is
    turned as its EXIF orientation says and read as RGB, or as grey by a model of one channel: a palette and CMYK are
    converted, alpha is dropped, 16 bits are scaled to 8, and of an animated image the first frame counts. A row is lost
    whose image is empty, damaged, or has more than 89,478,485 pixels.
    """

    name = IMAGE_CLASSIFICATION
    schema = "label"
    other_schemas = ("labels", "value")
    fields: Mapping[str, str] = {IMAGE: "image"}
    sample = sample_images()
    metric = "metrics/accuracy"
    needs = IMAGE_CLASSIFICATION
    packages = ("pillow",)
    requires = ("pillow",)

    def for_model(self, model: Model, options: ImageClassificationOptions) -> ImageClassification:
        task = TASKS[self._resolve_problem(model, options)]
        return self if task.schema == self.schema else task()

    def bind(self, model: Model, options: ImageClassificationOptions) -> Codec:
        head = make_head(self._resolve_problem(model, options), model.labels, options.threshold)
        return ImageClassificationCodec(model, require_image_processor(model), head)

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_image_model(live)

    def _resolve_problem(self, model: Model, options: ImageClassificationOptions) -> ProblemType:
        return resolve_problem_type(
            model.about.get("problem_type"),
            model.labels,
            options.problem_type,
            self.name,
            has_threshold=options.threshold is not None,
        )


class MultiLabelImageClassification(ImageClassification):
    """The task of a model that gives an image any number of labels."""

    schema = SCHEMAS[MULTI_LABEL]


class ImageRegression(ImageClassification):
    """The task of a model that gives an image a number."""

    schema = SCHEMAS[REGRESSION]
    metric = "metrics/mae"


TASKS: Mapping[ProblemType, type[ImageClassification]] = {
    SINGLE_LABEL: ImageClassification,
    MULTI_LABEL: MultiLabelImageClassification,
    REGRESSION: ImageRegression,
}


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
