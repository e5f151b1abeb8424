"""Rows of tokens: what the codecs of tasks share that read the tokenizer's own encodings, with offsets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import Codec
from mqa_transformers.tasks.tokenization import (
    IDS,
    MASK,
    TYPE_IDS,
    OversizedVocabulary,
    choose_padding,
    pad_rows,
    pads_left,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Example, Model

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

ENCODED = {IDS: "ids", MASK: "attention_mask", TYPE_IDS: "type_ids"}  # the attribute of an encoding for each array


class TokenCodec(Codec):
    """A codec of rows of tokens.

    `length` is the number of tokens that every row, or part of one, is padded to, where a backend takes no other.
    """

    padding_mask = MASK

    def __init__(self, model: Model, length: int | None) -> None:
        self._model = model
        self._tokenizer = model.processor
        padding = choose_padding(model.processor, model.about)
        self._pad_token_id = padding.token_id or 0
        self._oversized = OversizedVocabulary.detect(model.processor, model.about.get("vocab_size"))
        self.length = length
        self.remarks = [one for one in (padding.remark, self._oversized.remark if self._oversized else "") if one]

    @property
    def unfed(self) -> Collection[str]:
        """The names of arrays that stay in an encoded row: the model is fed with all others."""
        return ()

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        width = self.length or max(map(self.cost, rows))
        names = [name for name in rows[0] if name not in self.unfed]
        return pad_rows(self._tokenizer, rows, names, width, self._pad_token_id)

    def cost(self, row: Arrays) -> int:
        """The number of tokens."""
        return max(1, len(row[IDS]))

    def find_unusable(self, examples: Sequence[Example]) -> tuple[int, str] | None:
        """The index of the first example with a token that the model has no embedding for, and why it cannot be run."""
        return None if self._oversized is None else self._oversized.find_unusable(self.encode, examples)

    def _make_arrays(self, encodings: Sequence[Any]) -> dict[str, npt.NDArray[Any]]:
        """What the model is fed with of some encodings of tokenizers, end to end."""
        names = [name for name in ENCODED if name in self._tokenizer.model_input_names or name == MASK]
        return {
            name: np.array([one for encoding in encodings for one in getattr(encoding, ENCODED[name])], np.int64)
            for name in names
        }

    def _count_padding(self, width: int, n_tokens: int) -> int:
        """How many positions of a padded row of so many are in front of its tokens."""
        return width - n_tokens if pads_left(self._tokenizer) else 0
