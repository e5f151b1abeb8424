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


SIGMOID_MODEL = "SiglipModel"  # of which each text has a probability of its own, and every text as many tokens
SIGMOID_TOKENS = 64  # of every text, with those that it is filled up with, as SigLIP was trained


def gives_probability_of_each_text(model: Model) -> bool:
    """Whether a model such as SigLIP says of each text how probable it is, and not, as CLIP, which of some texts it is."""
    return model.about.get("architecture") == SIGMOID_MODEL


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


def choose_text_length(model: Model, tokenizer: Any) -> dict[str, Any]:
    """The arguments by which a tokenizer cuts texts to what a model takes, and fills up those of SigLIP, as it was trained."""
    limit = find_max_length(tokenizer, model)
    if not gives_probability_of_each_text(model):
        return {"truncation": limit is not None, "max_length": limit}
    length = SIGMOID_TOKENS if limit is None else min(limit, SIGMOID_TOKENS)
    return {"padding": "max_length", "truncation": True, "max_length": length}


def tokenize_texts(model: Model, tokenizer: Any, texts: Sequence[str]) -> dict[str, npt.NDArray[np.int64]]:
    """The tokens of texts, cut to what the model takes and padded to one length, each array of shape (texts, tokens)."""
    arguments = {"padding": True} | choose_text_length(model, tokenizer)
    encoded = tokenizer(list(texts), return_tensors="np", **arguments)
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
