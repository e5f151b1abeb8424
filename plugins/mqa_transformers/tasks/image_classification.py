"""The task `transformers/image-classification`: which one class an image belongs to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import Codec, DataError, InputVariant, NoOptions, Task, counted
from mqa_transformers.live_model import describe_image_classifier
from mqa_transformers.loading import IMAGE_CLASSIFICATION, read_image_processor
from mqa_transformers.tasks.classifier_outputs import decode_logits, infer_reading
from mqa_transformers.tasks.image_preprocessing import PIXELS, Preprocessing, different_settings, usual_mistakes
from mqa_transformers.tasks.images import read_image
from mqa_transformers.tasks.problem_type import SINGLE_LABEL, read_problem_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry import Example, LiveModel, Model, ModelDescription, OutputReading

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

IMAGE = "image"  # the field of an example
PATCH = 16 * 16  # pixels of an image that cost about what a token costs: a patch of a vision transformer
# Of sizes and sides that differ: where a processor does not make them alike, padding is seen when they are batched.
SAMPLE_SHAPES = ((240, 320, 3), (320, 240, 3), (64, 64, 3))


def _sample() -> tuple[Example, ...]:
    """Images of noise over a gradient."""
    rng = np.random.default_rng(7)
    return tuple(
        {IMAGE: (rng.integers(0, 128, shape) + np.linspace(0, 127, shape[1])[None, :, None]).astype(np.uint8)}
        for shape in SAMPLE_SHAPES
    )


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
    sample = _sample()
    metric = "metrics/accuracy"
    needs = IMAGE_CLASSIFICATION
    packages = ("pillow",)
    requires = ("pillow",)

    def bind(self, model: Model, options: NoOptions) -> Codec:
        _check_single_label(model)
        if model.processor is None:
            raise DataError(
                "the model has no image processor, which its images need",
                hint="`preprocessor_config.json` of the model as it was trained belongs next to its `config.json`",
            )
        return ImageClassificationCodec(model, model.processor)

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_image_classifier(live)


def _check_single_label(model: Model) -> None:
    """A DataError where a model does not choose one class for a row."""
    if len(model.labels) < 2 or read_problem_type(model.about.get("problem_type"), model.labels) != SINGLE_LABEL:
        problem = model.about.get("problem_type") or counted(len(model.labels), "label")
        raise DataError(
            f"the model does not give an image one class ({problem}), and `{IMAGE_CLASSIFICATION}` does",
            hint='`task = "forward"` holds its outputs against an export\'s',
        )


class ImageClassificationCodec(Codec):
    """Images as a processor makes them, the model's own or another; classes of the model's logits."""

    encodes_in_threads = True

    def __init__(self, model: Model, processor: Any, preprocessing: Preprocessing | None = None) -> None:
        self._model = model
        self._labels = model.labels
        self._processor = processor
        self._preprocessing = preprocessing or Preprocessing()
        self._channels = int(model.about.get("num_channels", 3))

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        """Arrays without the axis of rows: `pixel_values` of shape (channels, height, width)."""
        return [self._encode_one(example[IMAGE]) for example in examples]

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        """One batch; images of other sizes, which most processors do not make, are filled up with zeros below and to the right."""
        return {name: _stack([row[name] for row in rows]) for name in rows[0]}

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        return decode_logits(self._labels, outputs, rows)

    def cost(self, row: Arrays) -> int:
        """The number of patches of 16 x 16 pixels."""
        height, width = row[PIXELS].shape[-2:]
        return math.ceil(int(height) * int(width) / PATCH)

    def read_outputs(self, outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
        return infer_reading(self._labels, outputs, rows)

    def with_processor(self, folder: Path) -> Codec:
        return ImageClassificationCodec(self._model, read_image_processor(folder))

    def variants(self, other: Codec | None = None) -> Iterator[InputVariant]:
        if isinstance(other, ImageClassificationCodec):
            found = different_settings(self._processor, other._processor)  # noqa: SLF001 - of the same class
        else:
            found = usual_mistakes(self._processor)
        for difference, preprocessing in found:
            yield InputVariant(difference, ImageClassificationCodec(self._model, self._processor, preprocessing))

    def _encode_one(self, value: Any) -> Arrays:
        return self._preprocessing.apply(self._processor, read_image(value, self._channels))


def _stack(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    if len({array.shape for array in arrays}) == 1:
        return np.stack(arrays)
    shape = np.max([array.shape for array in arrays], axis=0)
    stacked = np.zeros((len(arrays), *shape), arrays[0].dtype)
    for line, array in zip(stacked, arrays, strict=True):
        line[tuple(map(slice, array.shape))] = array
    return stacked
