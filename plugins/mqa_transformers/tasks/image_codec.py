"""What all tasks of images have in common: from images to a batch, by the model's own processor or another."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import Codec, DataError, InputVariant
from mqa_transformers.loading import read_image_processor
from mqa_transformers.tasks.image_preprocessing import PIXELS, Preprocessing, different_settings, usual_mistakes
from mqa_transformers.tasks.images import read_image
from mqa_transformers.tasks.stacking import stack_padded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt
    from PIL.Image import Image

    from mqa_registry import Example, Model

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

IMAGE = "image"  # the field of an example
IMAGE_SIZE = "image_size"  # of an encoded row: the height and width of the image as it stands
PATCH = 16 * 16  # pixels of an image that cost about what a token costs: a patch of a vision transformer
# Of sizes and sides that differ: where a processor does not make them alike, padding is seen when they are batched.
SAMPLE_SHAPES = ((240, 320, 3), (320, 240, 3), (64, 64, 3))


def sample_images() -> tuple[Example, ...]:
    """Images of noise over a gradient."""
    rng = np.random.default_rng(7)
    return tuple(
        {IMAGE: (rng.integers(0, 128, shape) + np.linspace(0, 127, shape[1])[None, :, None]).astype(np.uint8)}
        for shape in SAMPLE_SHAPES
    )


def require_image_processor(model: Model) -> Any:
    """The image processor of a model; a DataError where it has none."""
    if model.processor is None:
        raise DataError(
            "the model has no image processor, which its images need",
            hint="`preprocessor_config.json` of the model as it was trained belongs next to its `config.json`",
        )
    return model.processor


class ImageCodec(Codec):
    """Images as a processor makes them, the model's own or another; a task adds how outputs are decoded.

    Arrays in `unfed` stay in an encoded row, and are not fed to the model.
    """

    encodes_in_threads = True
    unfed: tuple[str, ...] = ()

    def __init__(self, model: Model, processor: Any, preprocessing: Preprocessing | None = None) -> None:
        self._model = model
        self._labels = model.labels
        self._processor = processor
        self._preprocessing = preprocessing or Preprocessing()
        self._channels = int(model.about.get("num_channels", 3))

    @abstractmethod
    def with_preprocessing(self, processor: Any, preprocessing: Preprocessing | None = None) -> ImageCodec:
        """The same codec with another processor, or with other settings of one."""

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        """Arrays without the axis of rows: `pixel_values` of shape (channels, height, width)."""
        return [self.encode_image(read_image(example[IMAGE], self._channels)) for example in examples]

    def encode_image(self, image: Image) -> Arrays:
        """The arrays of one image."""
        return self._preprocessing.apply(self._processor, image)

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        """One batch; images of other sizes, which most processors do not make, are filled up with zeros below and to the right."""
        return {name: stack_padded([row[name] for row in rows]) for name in rows[0] if name not in self.unfed}

    def cost(self, row: Arrays) -> int:
        """The number of patches of 16 x 16 pixels."""
        height, width = row[PIXELS].shape[-2:]
        return math.ceil(int(height) * int(width) / PATCH)

    def with_processor(self, folder: Path) -> Codec:
        return self.with_preprocessing(read_image_processor(folder))

    def variants(self, other: Codec | None = None) -> Iterator[InputVariant]:
        if isinstance(other, ImageCodec):
            found = different_settings(self._processor, other._processor)  # noqa: SLF001 - of the same class
        else:
            found = usual_mistakes(self._processor)
        for difference, preprocessing in found:
            yield InputVariant(difference, self.with_preprocessing(self._processor, preprocessing))


class SizedImageCodec(ImageCodec):
    """Images with their own size, for predictions that are places in them. `inputs` are the arrays that the model is fed with."""

    unfed = (IMAGE_SIZE,)

    def __init__(
        self,
        model: Model,
        processor: Any,
        preprocessing: Preprocessing | None = None,
        inputs: Sequence[str] | None = None,
    ) -> None:
        super().__init__(model, processor, preprocessing)
        self._inputs = tuple(processor.model_input_names if inputs is None else inputs)

    def encode_image(self, image: Image) -> Arrays:
        arrays = super().encode_image(image)
        fed = {name: array for name, array in arrays.items() if name in self._inputs}
        return {**fed, IMAGE_SIZE: np.array([image.height, image.width], np.int64)}
