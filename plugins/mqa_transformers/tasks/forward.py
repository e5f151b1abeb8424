"""The task `transformers/forward`: what any model's `forward` takes and gives, without an interpretation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import Codec, DataError, Task, counted
from mqa_transformers.live_model import describe_module
from mqa_transformers.tasks.tokenization import (
    IDS,
    MASK,
    OversizedVocabulary,
    check_row_length,
    choose_padding,
    count_uncut_tokens,
    pads_left,
    with_first_token,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Example, LiveModel, Model, ModelDescription

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

TEXT, INPUTS = "text", "inputs"  # the fields of an example
ARRAYS_HINT = (
    "give it its inputs as a `.npz`: `--data` of `mqa export`, `--inputs` of `mqa parity`, `datasets/arrays` in a suite; "
    "of an ONNX file, or put the model's `config.json` and its tokenizer or image processor beside it"
)
NUMBERS_PER_TOKEN = 256  # so many numbers of an image or a sound cost about what one token costs


@dataclass(frozen=True, kw_only=True)
class ForwardOptions:
    """A `text` is cut to `max_length` tokens; left out, it is the longest input that the model takes."""

    max_length: int | None = None


class Forward(Task[ForwardOptions]):
    """What the model's `forward` takes and gives, with no reading of it.

    A row brings its arrays in the field `inputs`, as `datasets/arrays` gives them, or a `text` for the model's
    tokenizer. An encoder and decoder reads a text twice, the second time from its start token on. A prediction is the
    vector of the first output's numbers, those of padded positions left out.
    """

    name = "forward"
    schema = "vector"
    fields: Mapping[str, str] = {TEXT: "text", INPUTS: "arrays"}
    optional = (TEXT, INPUTS)
    metric = "parity/cosine"

    def bind(self, model: Model, options: ForwardOptions) -> Codec:
        return ForwardCodec(model, options.max_length or model.about.get("max_positions"))

    def describe(self, live: LiveModel) -> ModelDescription:
        return describe_module(live)


class ForwardCodec(Codec):
    """Rows of arrays, or of texts cut to `limit` tokens and, where rows have a `length`, padded to that."""

    padding_mask = MASK

    def __init__(self, model: Model, limit: int | None, length: int | None = None) -> None:
        self._model = model
        self.limit = limit
        self.length = length

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        return [self._encode_one(example) for example in examples]

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        """One batch of rows of one rank, each axis padded to the longest."""
        return {name: _stack(name, [row[name] for row in rows], self._model) for name in rows[0]}

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        """The first output of every row as one vector; null where a number of it is NaN or infinite."""
        name, output = next(iter(outputs.items()))
        if len(output) != len(rows):
            raise DataError(
                f"the model's output `{name}` has {counted(len(output), 'row')} for {len(rows)}",
                hint="probes can read it",
            )
        left = pads_left(self._model.processor)
        vectors = [
            _drop_padding(values, row, left=left).ravel().astype(np.float32)
            for values, row in zip(output, rows, strict=True)
        ]
        finite = [vector if np.isfinite(vector).all() else None for vector in vectors]
        return pa.table({"vector": pa.array(finite, pa.list_(pa.float32()))})

    def cost(self, row: Arrays) -> int:
        """The longest sequence of a row, or what its other numbers cost, in tokens."""
        return max(1, *map(_array_cost, row.values()))

    def full_costs(self, examples: Sequence[Example], rows: Sequence[Arrays]) -> list[int]:
        """The numbers of tokens before texts were cut; of a row of arrays, its cost."""
        assert self.limit is not None  # nothing is cut without one
        lengths = [int(np.count_nonzero(row[MASK])) if MASK in row else self.cost(row) for row in rows]
        texts = [(str(example[TEXT]),) if example.get(INPUTS) is None else None for example in examples]
        return count_uncut_tokens(self._model.processor, self.limit, lengths, texts)

    def find_unusable(self, examples: Sequence[Example]) -> tuple[int, str] | None:
        """The index of the first text with a token that the model has no embedding for, and why it cannot be run."""
        size = self._model.about.get("vocab_size")
        if size is None or self._model.processor is None:
            return None
        if any(example.get(INPUTS) is not None for example in examples):
            return None  # arrays are run as they are
        oversized = OversizedVocabulary.detect(self._model.processor, size)
        return (
            None
            if oversized is None
            else oversized.find_unusable(ForwardCodec(self._model, self.limit).encode, examples)
        )

    def with_length(self, length: int) -> Codec | None:
        """None without a tokenizer; rows that bring arrays keep their shapes."""
        if not hasattr(self._model.processor, "num_special_tokens_to_add"):
            return None
        check_row_length(self._model, length)
        return ForwardCodec(self._model, length if self.limit is None else min(self.limit, length), length)

    def _encode_one(self, example: Example) -> Arrays:
        if example.get(INPUTS) is not None:
            return {name: _as_model_input(values) for name, values in example[INPUTS].items()}
        if example.get(TEXT) is None:
            raise DataError("a row has neither `inputs` nor a `text`", hint=ARRAYS_HINT)
        row = _encode_text(self._model, str(example[TEXT]), self.limit)
        if self.length is None:
            return row
        return {name: _pad_to(name, [values], (self.length,), self._model)[0] for name, values in row.items()}


def _as_model_input(values: Any) -> npt.NDArray[Any]:
    """An array as models take it: integers as they are, other numbers in 32 bits."""
    array = np.asarray(values)
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _encode_text(model: Model, text: str, max_length: int | None) -> Arrays:
    tokenizer = model.processor
    if tokenizer is None:
        raise DataError("the model has no tokenizer to make its inputs of a text", hint=ARRAYS_HINT)
    row = tokenizer(text, truncation=max_length is not None, max_length=max_length, return_attention_mask=True)
    arrays = with_first_token(
        {name: np.asarray(values, np.int64) for name, values in row.items()}, tokenizer.pad_token_id or 0
    )
    start_token_id = model.about.get("decoder_start_token_id")
    if start_token_id is None:
        return arrays
    return {**arrays, "decoder_input_ids": np.concatenate([[start_token_id], arrays[IDS][:-1]])}


def _stack(name: str, arrays: Sequence[npt.NDArray[Any]], model: Model) -> npt.NDArray[Any]:
    if len({array.shape for array in arrays}) == 1:
        return np.stack(arrays)
    if len({array.ndim for array in arrays}) > 1:
        raise DataError(f"rows have `{name}` with {arrays[0].ndim} and with other numbers of axes")
    shape = tuple(np.max([array.shape for array in arrays], axis=0).tolist())
    return _pad_to(name, arrays, shape, model)


def _pad_to(name: str, arrays: Sequence[npt.NDArray[Any]], shape: tuple[int, ...], model: Model) -> npt.NDArray[Any]:
    """The arrays of one input, each padded to `shape`, as one array of shape (arrays, *shape)."""
    left = pads_left(model.processor) and name in {IDS, MASK}
    is_tokens = name.endswith(IDS) and hasattr(model.processor, "pad_token_id")
    pad_token_id = choose_padding(model.processor, model.about).token_id if is_tokens else 0
    padded = np.full((len(arrays), *shape), pad_token_id or 0, arrays[0].dtype)
    for line, array in zip(padded, arrays, strict=True):
        axes = zip(shape, array.shape, strict=True)
        line[tuple(slice(full - own, full) if left else slice(own) for full, own in axes)] = array
    return padded


def _drop_padding(values: npt.NDArray[Any], row: Arrays, *, left: bool) -> npt.NDArray[Any]:
    """The output for one row without its padded positions, which are in front where rows are padded there."""
    if MASK not in row or values.ndim <= 1:
        return values
    is_token = row[MASK] != 0  # rows of a fixed length were padded when they were encoded
    own = values[max(0, len(values) - len(is_token)) :] if left else values[: len(is_token)]
    return own[is_token] if is_token.shape == own.shape[:1] else own


def _array_cost(array: npt.NDArray[Any]) -> int:
    if array.ndim == 1 and array.dtype.kind in "iu":
        return len(array)
    return math.ceil(array.size / NUMBERS_PER_TOKEN)
