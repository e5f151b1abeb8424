"""The task `transformers/forward`: what any model's `forward` takes and gives, as it stands."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import Codec, DataError, counted
from mqa_transformers.padding import check_length, padding_of
from mqa_transformers.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Example, Model

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

MASK = "attention_mask"
TEXT, INPUTS = "text", "inputs"
ARRAYS = (
    "give it its inputs as a `.npz`: `--data` of `mqa export`, `--inputs` of `mqa parity`, `datasets/arrays` in a suite"
)
NUMBERS_A_TOKEN = 256  # as many numbers of an image or a sound cost about what one token costs


def forward(model: Model, *, max_length: int | None = None) -> Codec:
    """What the model's `forward` takes and gives, with no reading of it.

    A row brings its arrays in the field `inputs`, as `datasets/arrays` gives them, or a `text` for the model's
    tokenizer, cut to `max_length` tokens. An encoder and decoder reads a text twice, the second time from its start
    token on. A prediction is the vector of the first output's numbers, those of padded positions left out.
    """
    return _codec(model, max_length or model.about.get("positions"), None)


def _codec(model: Model, most: int | None, length: int | None) -> Codec:
    """Texts are cut to `most` tokens; where a `length` is given, they are padded to it."""
    return Codec(
        encode=partial(_encode, model, most, length),
        collate=partial(_collate, model),
        decode=partial(_decode, model),
        size=_size,
        mask=MASK,
        full_sizes=None if most is None else partial(_full_sizes, model, most),
        limit=most,
        unusable=None if model.about.get("vocabulary") is None else partial(_unusable, model, most),
        length=length,
        of_length=partial(_of_length, model, most),
    )


def _of_length(model: Model, most: int | None, length: int) -> Codec | None:
    """The same with texts of so many tokens; None without a tokenizer. Rows of arrays stay as whoever made them wants them."""
    if not hasattr(model.processor, "num_special_tokens_to_add"):
        return None
    check_length(model, length)
    return _codec(model, length if most is None else min(most, length), length)


def _unusable(model: Model, longest: int | None, examples: Sequence[Example]) -> tuple[int, str] | None:
    """The first text with a token that the model has no embedding for, and why that is."""
    if model.processor is None or any(example.get(INPUTS) is not None for example in examples):
        return None  # arrays are as whoever made them wants them
    vocabulary = Vocabulary.of(model.processor, model.about.get("vocabulary"))
    return None if vocabulary is None else vocabulary.first_row(partial(_encode, model, longest, None), examples)


def _full_sizes(model: Model, longest: int, examples: Sequence[Example], rows: Sequence[Arrays]) -> list[int]:
    """The numbers of tokens before texts were cut; only those as long as the limit are encoded again, as a whole."""
    sizes = [int(np.count_nonzero(row[MASK])) if MASK in row else _size(row) for row in rows]
    for place, example in enumerate(examples):
        if sizes[place] >= longest and example.get(INPUTS) is None:
            whole = model.processor(str(example[TEXT]), truncation=False, verbose=False)
            sizes[place] = max(sizes[place], len(whole["input_ids"]))
    return sizes


def _encode(model: Model, longest: int | None, length: int | None, examples: Sequence[Example]) -> list[Arrays]:
    return [_encoded(model, longest, length, example) for example in examples]


def _encoded(model: Model, longest: int | None, length: int | None, example: Example) -> Arrays:
    if example.get(INPUTS) is not None:
        return {name: _array(values) for name, values in example[INPUTS].items()}
    if example.get(TEXT) is None:
        raise DataError("a row has neither `inputs` nor a `text`", hint=ARRAYS)
    row = _of_text(model, str(example[TEXT]), longest)
    return row if length is None else {name: _filled(name, [one], (length,), model)[0] for name, one in row.items()}


def _array(values: Any) -> npt.NDArray[Any]:
    """As models take them: whole numbers in 64 bits, others in 32."""
    array = np.asarray(values)
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _of_text(model: Model, text: str, longest: int | None) -> Arrays:
    tokenizer = model.processor
    if tokenizer is None:
        raise DataError("the model has no tokenizer to make its inputs of a text", hint=ARRAYS)
    row = tokenizer(text, truncation=longest is not None, max_length=longest, return_attention_mask=True)
    arrays = {name: np.asarray(values, np.int64) for name, values in row.items()}
    if not arrays["input_ids"].size:  # a padding token stands for a text that the tokenizer makes nothing of
        arrays |= {"input_ids": np.array([tokenizer.pad_token_id or 0]), MASK: np.array([1])}
    start = model.about.get("decoder_start")
    if start is not None:
        arrays["decoder_input_ids"] = np.concatenate([[start], arrays["input_ids"][:-1]])
    return arrays


def _collate(model: Model, rows: Sequence[Arrays]) -> Arrays:
    """Rows of one rank as rectangles, each axis padded to the longest."""
    return {name: _padded(name, [row[name] for row in rows], model) for name in rows[0]}


def _padded(name: str, arrays: Sequence[npt.NDArray[Any]], model: Model) -> npt.NDArray[Any]:
    if len({array.shape for array in arrays}) == 1:
        return np.stack(arrays)
    if len({array.ndim for array in arrays}) > 1:
        raise DataError(f"rows have `{name}` with {arrays[0].ndim} and with other numbers of axes")
    shape = tuple(np.max([array.shape for array in arrays], axis=0).tolist())
    return _filled(name, arrays, shape, model)


def _filled(name: str, arrays: Sequence[npt.NDArray[Any]], shape: tuple[int, ...], model: Model) -> npt.NDArray[Any]:
    """Arrays of one input in one, each padded to a shape."""
    left = _pads_left(model) and name in {"input_ids", MASK}
    reads = name.endswith("input_ids") and hasattr(model.processor, "pad_token_id")
    filling = padding_of(model.processor, model.about).token if reads else 0
    whole = np.full((len(arrays), *shape), filling or 0, arrays[0].dtype)
    for line, array in zip(whole, arrays, strict=True):
        places = zip(shape, array.shape, strict=True)
        line[tuple(slice(most - here, most) if left else slice(here) for most, here in places)] = array
    return whole


def _pads_left(model: Model) -> bool:
    return getattr(model.processor, "padding_side", "right") == "left"


def _decode(model: Model, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
    """The first output of every row as one vector; null where a number of it is NaN or infinite."""
    name, whole = next(iter(outputs.items()))
    if len(whole) != len(rows):
        raise DataError(
            f"the model's output `{name}` has {counted(len(whole), 'row')} for {len(rows)}", hint="probes can read it"
        )
    left = _pads_left(model)
    vectors = [
        _valid(values, row, left=left).ravel().astype(np.float64) for values, row in zip(whole, rows, strict=True)
    ]
    finite = [vector if np.isfinite(vector).all() else None for vector in vectors]
    return pa.table({"vector": pa.array(finite, pa.list_(pa.float64()))})


def _valid(values: npt.NDArray[Any], row: Arrays, *, left: bool) -> npt.NDArray[Any]:
    """An output without the positions that the row itself does not have, which are in front where rows are padded there."""
    if MASK not in row or values.ndim <= 1:
        return values
    own = row[MASK] != 0  # rows of a fixed length were padded before they came here
    here = values[max(0, len(values) - len(own)) :] if left else values[: len(own)]
    return here[own] if own.shape == here.shape[:1] else here


def _size(row: Arrays) -> int:
    """What a row costs, in tokens."""
    return max(1, *(_tokens(array) for array in row.values()))


def _tokens(array: npt.NDArray[Any]) -> int:
    if array.ndim == 1 and array.dtype.kind in "iu":
        return len(array)
    return math.ceil(array.size / NUMBERS_A_TOKEN)
