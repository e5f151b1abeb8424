"""Rows of tokens that are run in windows: what the codecs of such tasks share."""

from __future__ import annotations

from abc import abstractmethod
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

WINDOWS = "windows"  # of a row: how many tokens each window has
ENCODED = {IDS: "ids", MASK: "attention_mask", TYPE_IDS: "type_ids"}  # the attribute of an encoding for each array


class WindowedCodec(Codec):
    """A codec of rows whose arrays have the windows of a text end to end, each a part of the row.

    `whole_row` are the names of arrays that are the row's, `per_token` those that have a value for each token and that the
    model is not fed with; all other arrays it is. `length` is the number of tokens that every window is padded to, where a
    backend takes no other.
    """

    padding_mask = MASK
    whole_row: Collection[str] = ()
    per_token: Collection[str] = ()

    def __init__(self, model: Model, length: int | None) -> None:
        self._model = model
        self._tokenizer = model.processor
        padding = choose_padding(model.processor, model.about)
        self._pad_token_id = padding.token_id or 0
        self._oversized = OversizedVocabulary.detect(model.processor, model.about.get("vocab_size"))
        self.length = length
        self.remarks = [one for one in (padding.remark, self._oversized.remark if self._oversized else "") if one]

    @abstractmethod
    def _token_outputs(self, outputs: Arrays) -> Sequence[str]:
        """The names of those outputs that decoding reads, which have a value for each token."""

    def split(self, row: Arrays) -> list[Arrays]:
        ends = np.cumsum(row[WINDOWS])
        return [
            {
                name: values if name in self.whole_row else values[end - length : end]
                for name, values in row.items()
                if name != WINDOWS
            }
            | {WINDOWS: np.array([length])}
            for end, length in zip(ends, row[WINDOWS], strict=True)
        ]

    def join(self, outputs: Sequence[Arrays], row: Arrays) -> Arrays:
        """The outputs for the tokens of all windows, end to end, without padding."""
        lengths = [int(length) for length in row[WINDOWS]]
        return {
            name: np.concatenate(
                [self._without_padding(one[name], length) for one, length in zip(outputs, lengths, strict=True)]
            )
            for name in self._token_outputs(outputs[0])
        }

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        width = self.length or max(map(self.cost, rows))
        names = [name for name in rows[0] if not (name in self.per_token or name in self.whole_row or name == WINDOWS)]
        return pad_rows(self._tokenizer, rows, names, width, self._pad_token_id)

    def cost(self, row: Arrays) -> int:
        """The number of tokens."""
        return max(1, len(row[IDS]))

    def find_unusable(self, examples: Sequence[Example]) -> tuple[int, str] | None:
        """The index of the first example with a token that the model has no embedding for, and why it cannot be run."""
        return None if self._oversized is None else self._oversized.find_unusable(self.encode, examples)

    def _join_windows(self, windows: Sequence[Any]) -> dict[str, npt.NDArray[Any]]:
        """What the model is fed with of some encodings of tokenizers, end to end, and how long they are."""
        names = [name for name in ENCODED if name in self._tokenizer.model_input_names or name == MASK]
        arrays: dict[str, npt.NDArray[Any]] = {
            name: np.array([one for window in windows for one in getattr(window, ENCODED[name])], np.int64)
            for name in names
        }
        return arrays | {WINDOWS: np.array([len(window.ids) for window in windows], np.int64)}

    def _own_outputs(self, values: npt.NDArray[Any], row: Arrays) -> npt.NDArray[Any]:
        """The outputs for the tokens of one row, of those that a batch has for it."""
        n_tokens = len(row[IDS])
        return values[:n_tokens] if self.splits else self._without_padding(values, n_tokens)

    def _without_padding(self, values: npt.NDArray[Any], n_tokens: int) -> npt.NDArray[Any]:
        return values[len(values) - n_tokens :] if pads_left(self._tokenizer) else values[:n_tokens]
