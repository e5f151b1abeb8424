"""The task `transformers/image-text-embedding`: vectors of images and of texts in one space, by a model such as CLIP."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import Codec, DataError, NoOptions, Task
from mqa_transformers.live_model import IMAGE_TEXT_MODEL, describe_image_model
from mqa_transformers.loading import ZERO_SHOT_IMAGE_CLASSIFICATION
from mqa_transformers.tasks.image_codec import IMAGE, sample_images
from mqa_transformers.tasks.image_preprocessing import PIXELS
from mqa_transformers.tasks.image_text_codec import (
    ImageTextCodec,
    choose_text_length,
    find_processors,
    tokenize_texts,
)
from mqa_transformers.tasks.outputs import require_output
from mqa_transformers.tasks.pooling import make_vectors
from mqa_transformers.tasks.tokenization import IDS, pad_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry import Example, LiveModel, Model, ModelDescription
    from mqa_transformers.tasks.image_preprocessing import Preprocessing
    from mqa_transformers.tasks.image_text_codec import Arrays

TEXT = "text"
OUTPUTS = {IMAGE: "image_embeds", TEXT: "text_embeds"}
# The model takes images and texts together: rows of one kind are fed with these of the other, whose vectors nobody reads.
OTHER_TEXTS = ("a photo", "a photo of something else")
OTHER_IMAGE_SHAPE = (64, 64, 3)
IS_TEXT = "is_text"  # of a row of text alone: rows with other arrays are never put into one batch


class ImageTextEmbedding(Task[NoOptions]):
    """The vector of an image or of a text, by a model that has both in one space, such as CLIP.

    Rows of a data set have an `image` or a `text`: those of the one search those of the other by `metrics/retrieval`. Images are
    read as for `image-classification`.
    """

    name = "image-text-embedding"
    schema = "vector"
    fields: Mapping[str, str] = {IMAGE: "image", TEXT: "text"}
    optional = (IMAGE, TEXT)
    sample = sample_images()
    metric = "parity/cosine"
    needs = ZERO_SHOT_IMAGE_CLASSIFICATION
    packages = ("pillow",)
    requires = ("pillow",)

    def bind(self, model: Model, options: NoOptions) -> Codec:
        images, tokenizer = find_processors(model)
        return ImageTextEmbeddingCodec(model, images, tokenizer)

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_image_model(live, IMAGE_TEXT_MODEL)


class ImageTextEmbeddingCodec(ImageTextCodec):
    """Rows of images or of texts, each fed with some of the other kind."""

    encodes_in_threads = False  # texts are tokenized, which is not safe in several threads

    def __init__(
        self, model: Model, processor: Any, tokenizer: Any, preprocessing: Preprocessing | None = None
    ) -> None:
        super().__init__(model, processor, tokenize_texts(model, tokenizer, OTHER_TEXTS), preprocessing)
        self._tokenizer = tokenizer
        self._text_length = choose_text_length(model, tokenizer)

    def with_preprocessing(self, processor: Any, preprocessing: Preprocessing | None = None) -> ImageTextEmbeddingCodec:
        return ImageTextEmbeddingCodec(self._model, processor, self._tokenizer, preprocessing)

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        """Arrays of images with other texts, or of texts with another image, by what all of these examples have."""
        kinds = {(example.get(IMAGE) is not None, example.get(TEXT) is not None) for example in examples}
        if kinds == {(True, False)}:
            return super().encode(examples)
        if kinds <= {(False, True)}:
            return self._encode_texts([example[TEXT] for example in examples])
        raise DataError(
            "rows have an `image` or a `text`, and these have both, or neither",
            hint="images and texts are two data sets; a column that a data set is not to read has another name",
        )

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        if _is_image(rows[0]):
            return super().collate(rows)
        width = max(len(row[IDS]) for row in rows)
        texts = pad_rows(self._tokenizer, rows, self._texts, width, self._tokenizer.pad_token_id or 0)
        return {**texts, PIXELS: rows[0][PIXELS]}

    def cost(self, row: Arrays) -> int:
        """The number of patches of 16 x 16 pixels of an image, or of tokens of a text."""
        return super().cost(row) if _is_image(row) else len(row[IDS])

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        vectors = require_output(outputs, OUTPUTS[IMAGE if _is_image(rows[0]) else TEXT])
        return make_vectors(list(vectors.astype(np.float64)))

    @cached_property
    def _other_image(self) -> npt.NDArray[Any]:
        """The pixels of a black image, shape (1, channels, height, width)."""
        (row,) = super().encode([{IMAGE: np.zeros(OTHER_IMAGE_SHAPE, np.uint8)}])
        return row[PIXELS][None]

    def _encode_texts(self, texts: Sequence[str]) -> list[Arrays]:
        if not texts:
            return []
        encoded = self._tokenizer(list(texts), **self._text_length)
        return [
            {name: np.asarray(encoded[name][row], np.int64) for name in self._texts}
            | {PIXELS: self._other_image, IS_TEXT: np.array([True])}
            for row in range(len(texts))
        ]


def _is_image(row: Arrays) -> bool:
    return IS_TEXT not in row
