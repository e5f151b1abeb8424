"""The task `transformers/zero-shot-image-classification`: the label whose text is most like an image, by a model such as CLIP."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry import ClassifierOptions, Codec, DataError, Task
from mqa_transformers.live_model import IMAGE_TEXT_MODEL, describe_image_model
from mqa_transformers.loading import ZERO_SHOT_IMAGE_CLASSIFICATION
from mqa_transformers.tasks.image_classification import ImageClassification
from mqa_transformers.tasks.image_codec import IMAGE, sample_images
from mqa_transformers.tasks.image_text_codec import (
    ImageTextCodec,
    find_processors,
    gives_probability_of_each_text,
    tokenize_texts,
)
from mqa_transformers.tasks.outputs import LOGITS, require_output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from mqa_registry import ClassifierHead, LiveModel, Model, ModelDescription
    from mqa_transformers.tasks.image_preprocessing import Preprocessing
    from mqa_transformers.tasks.image_text_codec import Arrays

LABEL = "{}"  # in a template
SIMILARITIES = "logits_per_image"
PATCH_MODELS = ("Siglip2",)  # which read the patches of images of any ratio
CLASSIFIER = ImageClassification()  # which reads similarities as the logits of its classes


@dataclass(frozen=True, kw_only=True)
class ZeroShotOptions:
    """The labels that an image may have, and what the model reads for each.

    `threshold` is the probability from which on a model such as SigLIP gives an image a label, 0.5 if left out; a table has one
    for each label that differs.

    `candidate_labels` are the classes. `hypothesis_template` makes a text of one: `{}` stands for the label. Left out, the labels
    are a few common ones, which do to compare two backends.
    """

    candidate_labels: tuple[str, ...] = ("person", "animal", "plant", "vehicle", "building")
    hypothesis_template: str = "This is a photo of {}."
    threshold: float | dict[str, float] | None = None


class ZeroShotImageClassification(Task[ZeroShotOptions]):
    """What an image is: the label whose text is most like it, by a model of images and texts such as CLIP.

    SigLIP gives each label a probability of its own: an image has any number of labels.

    The texts of all labels are fed with every batch of images, and so are encoded once a batch. Images are read as for
    `image-classification`.
    """

    name = ZERO_SHOT_IMAGE_CLASSIFICATION
    schema = "label"
    fields: Mapping[str, str] = {IMAGE: "image"}
    sample = sample_images()
    other_schemas = ("labels",)
    metric = "metrics/accuracy"
    needs = ZERO_SHOT_IMAGE_CLASSIFICATION
    packages = ("pillow",)
    requires = ("pillow",)

    def classes(self, model: Model, options: ZeroShotOptions) -> Sequence[str]:
        labels = options.candidate_labels
        if len(set(labels)) < max(2, len(labels)):
            raise DataError("`candidate_labels` are two or more labels, no two of which are the same")
        if LABEL not in options.hypothesis_template:
            raise DataError(
                f"`hypothesis_template` is `{options.hypothesis_template}`, and has no `{LABEL}` for the label",
                hint='write `hypothesis_template = "{}"` where the labels are whole texts',
            )
        if str(model.about.get("architecture")).startswith(PATCH_MODELS):
            raise DataError(
                f"a `{model.about['architecture']}` reads patches of images of any ratio, and this task images of one size",
                hint="it takes models such as CLIP and SigLIP",
            )
        return labels

    def for_model(self, model: Model, options: ZeroShotOptions) -> ZeroShotImageClassification:
        task = copy(self)
        task.schema = CLASSIFIER.for_model(model, _classify(model, options)).schema
        return task

    def bind(self, model: Model, options: ZeroShotOptions) -> Codec:
        images, tokenizer = find_processors(model)
        texts = [options.hypothesis_template.replace(LABEL, label) for label in options.candidate_labels]
        head = CLASSIFIER.make_head(model, _classify(model, options))
        return ZeroShotCodec(model, images, tokenize_texts(model, tokenizer, texts), head)

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_image_model(live, IMAGE_TEXT_MODEL)


class ZeroShotCodec(ImageTextCodec):
    """Images, each held against the texts of all labels; `head` reads the similarities."""

    def __init__(
        self,
        model: Model,
        processor: Any,
        texts: Arrays,
        head: ClassifierHead,
        preprocessing: Preprocessing | None = None,
    ) -> None:
        super().__init__(model, processor, texts, preprocessing)
        self._head = head

    def with_preprocessing(self, processor: Any, preprocessing: Preprocessing | None = None) -> ZeroShotCodec:
        return ZeroShotCodec(self._model, processor, self._texts, self._head, preprocessing)

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        return self._head.decode({LOGITS: require_output(outputs, SIMILARITIES)}, rows)


def _classify(model: Model, options: ZeroShotOptions) -> ClassifierOptions:
    """How the labels of an image follow from similarities: each by itself, or one of them."""
    is_multi_label = gives_probability_of_each_text(model)
    return ClassifierOptions(
        problem_type="multi_label_classification" if is_multi_label else "single_label_classification",
        threshold=options.threshold,
    )
