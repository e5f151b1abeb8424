"""The task `transformers/forward`: what any model's `forward` takes and gives, without an interpretation."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import Codec, DataError, counted
from mqa_transformers.tokenization import (
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

    from mqa_registry import Example, Model

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

TEXT, INPUTS = "text", "inputs"  # the fields of an example
ARRAYS_HINT = (
    "give it its inputs as a `.npz`: `--data` of `mqa export`, `--inputs` of `mqa parity`, `datasets/arrays` in a suite"
)
NUMBERS_PER_TOKEN = 256  # so many numbers of an image or a sound cost about what one token costs


def forward(model: Model, *, max_length: int | None = None) -> Codec:
    """What the model's `forward` takes and gives, with no reading of it.

    A row brings its arrays in the field `inputs`, as `datasets/arrays` gives them, or a `text` for the model's
    tokenizer, cut to `max_length` tokens. An encoder and decoder reads a text twice, the second time from its start
    token on. A prediction is the vector of the first output's numbers, those of padded positions left out.
    """
    return _make_codec(model, max_length or model.about.get("positions"), None)


def _make_codec(model: Model, max_length: int | None, row_length: int | None) -> Codec:
    """A codec that cuts texts to `max_length` tokens and, where `row_length` is given, pads them to that."""
    return Codec(
        encode=partial(_encode, model, max_length, row_length),
        collate=partial(_collate, model),
        decode=partial(_decode, model),
        size=_row_cost,
        mask=MASK,
        full_sizes=None if max_length is None else partial(_full_sizes, model, max_length),
        limit=max_length,
        unusable=None if model.about.get("vocabulary") is None else partial(_find_unusable, model, max_length),
        length=row_length,
        of_length=partial(_with_row_length, model, max_length),
    )


def _with_row_length(model: Model, max_length: int | None, row_length: int) -> Codec | None:
    """The codec for a backend that takes rows of so many tokens alone; None without a tokenizer.

    Rows that bring arrays keep their shapes.
    """
    if not hasattr(model.processor, "num_special_tokens_to_add"):
        return None
    check_row_length(model, row_length)
    return _make_codec(model, row_length if max_length is None else min(max_length, row_length), row_length)


def _find_unusable(model: Model, max_length: int | None, examples: Sequence[Example]) -> tuple[int, str] | None:
    """The index of the first text with a token that the model has no embedding for, and why it cannot be run."""
    if model.processor is None or any(example.get(INPUTS) is not None for example in examples):
        return None  # arrays are run as they are
    oversized = OversizedVocabulary.detect(model.processor, model.about.get("vocabulary"))
    return None if oversized is None else oversized.find_unusable(partial(_encode, model, max_length, None), examples)


def _full_sizes(model: Model, max_length: int, examples: Sequence[Example], rows: Sequence[Arrays]) -> list[int]:
    """The numbers of tokens before texts were cut; of a row of arrays, its cost."""
    lengths = [int(np.count_nonzero(row[MASK])) if MASK in row else _row_cost(row) for row in rows]
    texts = [(str(example[TEXT]),) if example.get(INPUTS) is None else None for example in examples]
    return count_uncut_tokens(model.processor, max_length, lengths, texts)


def _encode(model: Model, max_length: int | None, row_length: int | None, examples: Sequence[Example]) -> list[Arrays]:
    return [_encode_one(model, max_length, row_length, example) for example in examples]


def _encode_one(model: Model, max_length: int | None, row_length: int | None, example: Example) -> Arrays:
    if example.get(INPUTS) is not None:
        return {name: _as_model_input(values) for name, values in example[INPUTS].items()}
    if example.get(TEXT) is None:
        raise DataError("a row has neither `inputs` nor a `text`", hint=ARRAYS_HINT)
    row = _encode_text(model, str(example[TEXT]), max_length)
    if row_length is None:
        return row
    return {name: _pad_to(name, [values], (row_length,), model)[0] for name, values in row.items()}


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
    start = model.about.get("decoder_start")
    if start is None:
        return arrays
    return {**arrays, "decoder_input_ids": np.concatenate([[start], arrays[IDS][:-1]])}


def _collate(model: Model, rows: Sequence[Arrays]) -> Arrays:
    """One batch of rows of one rank, each axis padded to the longest."""
    return {name: _stack(name, [row[name] for row in rows], model) for name in rows[0]}


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
    pad_token = choose_padding(model.processor, model.about).token if is_tokens else 0
    padded = np.full((len(arrays), *shape), pad_token or 0, arrays[0].dtype)
    for line, array in zip(padded, arrays, strict=True):
        axes = zip(shape, array.shape, strict=True)
        line[tuple(slice(full - own, full) if left else slice(own) for full, own in axes)] = array
    return padded


def _decode(model: Model, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
    """The first output of every row as one vector; null where a number of it is NaN or infinite."""
    name, output = next(iter(outputs.items()))
    if len(output) != len(rows):
        raise DataError(
            f"the model's output `{name}` has {counted(len(output), 'row')} for {len(rows)}", hint="probes can read it"
        )
    left = pads_left(model.processor)
    vectors = [
        _drop_padding(values, row, left=left).ravel().astype(np.float64)
        for values, row in zip(output, rows, strict=True)
    ]
    finite = [vector if np.isfinite(vector).all() else None for vector in vectors]
    return pa.table({"vector": pa.array(finite, pa.list_(pa.float64()))})


def _drop_padding(values: npt.NDArray[Any], row: Arrays, *, left: bool) -> npt.NDArray[Any]:
    """The output for one row without its padded positions, which are in front where rows are padded there."""
    if MASK not in row or values.ndim <= 1:
        return values
    is_token = row[MASK] != 0  # rows of a fixed length were padded when they were encoded
    own = values[max(0, len(values) - len(is_token)) :] if left else values[: len(is_token)]
    return own[is_token] if is_token.shape == own.shape[:1] else own


def _row_cost(row: Arrays) -> int:
    """What a row costs, in tokens."""
    return max(1, *map(_array_cost, row.values()))


def _array_cost(array: npt.NDArray[Any]) -> int:
    if array.ndim == 1 and array.dtype.kind in "iu":
        return len(array)
    return math.ceil(array.size / NUMBERS_PER_TOKEN)
