"""What the tasks of models of images and texts share, such as CLIP: images, and texts that are fed with every batch of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry import DataError
from mqa_transformers.tasks.image_codec import ImageCodec
from mqa_transformers.tasks.tokenization import find_max_length

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Example, Model
    from mqa_transformers.tasks.image_preprocessing import Preprocessing

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]


def find_processors(model: Model) -> tuple[Any, Any]:
    """The image processor and the tokenizer of a model; a DataError where it lacks one."""
    parts = tuple(getattr(model.processor, name, None) for name in ("image_processor", "tokenizer"))
    if any(part is None for part in parts):
        raise DataError(
            "the model has no image processor with a tokenizer, which its images and texts need",
            hint="the `preprocessor_config.json` and the tokenizer of the model as it was trained belong next to its `config.json`",
        )
    images, tokenizer = parts
    return images, tokenizer


def tokenize_texts(model: Model, tokenizer: Any, texts: Sequence[str]) -> dict[str, npt.NDArray[np.int64]]:
    """The tokens of texts, cut to what the model takes and padded to the longest, each array of shape (texts, tokens)."""
    limit = find_max_length(tokenizer, model)
    encoded = tokenizer(list(texts), padding=True, truncation=limit is not None, max_length=limit, return_tensors="np")
    return {name: np.asarray(array, np.int64) for name, array in encoded.items()}


class ImageTextCodec(ImageCodec):
    """Images as a processor makes them, and the tokens of some `texts`, shape (texts, tokens), fed once with a batch of images.

    An export takes any number of texts, of any length.
    """

    def __init__(self, model: Model, processor: Any, texts: Arrays, preprocessing: Preprocessing | None = None) -> None:
        super().__init__(model, processor, preprocessing)
        self._texts = texts
        self.unfed = tuple(texts)  # row by row
        self.dynamic_axes = dict.fromkeys(texts, (0, 1))

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        return [{**row, **self._texts} for row in super().encode(examples)]

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        """The images of all rows, and the texts once."""
        return {**super().collate(rows), **{name: rows[0][name] for name in self._texts}}
