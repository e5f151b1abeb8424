"""The task `transformers/text-classification`: which one class a text, or a pair of texts, belongs to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import Codec, DataError, counted
from mqa_transformers.padding import LONGER, check_length, padding_of
from mqa_transformers.reading import LOGITS, decoded, reading_of
from mqa_transformers.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry import Example, Model

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

# Of different lengths, so that whoever traces a model with them sees that lengths differ.
SAMPLE: tuple[Example, ...] = (
    {"text": "A film that says little, and says it beautifully."},
    {"text": ""},
    {
        "text": "Two hours of rain on a window would have held my attention longer than this did, and cost nothing at all."
    },
)

MULTI_LABEL = "multi_label_classification"
OTHERWISE = (MULTI_LABEL, "regression")  # what a `problem_type` may be, and is no choice of one class

MASK = "attention_mask"
ENDLESS = 1_000_000  # tokenizers write a larger number for `no bound`


def text_classification(model: Model, *, max_length: int | None = None) -> Codec:
    """Which one class a text, or a pair of texts, belongs to.

    Texts longer than `max_length` tokens are cut; left out, it is the longest input that the model takes.
    """
    check_chooses(model.about.get("problem_type"), model.labels)
    longest = _longest(model.processor, model, max_length)
    return _codec(model, longest, None)


def _codec(model: Model, longest: int | None, length: int | None) -> Codec:
    """Texts are cut to the `longest`; where a `length` is given, every row is padded to it."""
    tokenizer, padding = model.processor, padding_of(model.processor, model.about)
    pad_token = padding.token or 0
    beyond = Vocabulary.of(tokenizer, model.about.get("vocabulary"))
    return Codec(
        encode=partial(_encode, tokenizer, longest, pad_token)
        if length is None
        else partial(_encode_padded, tokenizer, longest, pad_token, length),
        collate=partial(_collate, tokenizer, pad_token, 1),
        decode=partial(_decode, model.labels),
        size=_size,
        mask=MASK,
        reading=partial(reading_of, model.labels),
        full_sizes=None if longest is None else partial(_full_sizes, tokenizer, longest),
        limit=longest,
        unusable=None if beyond is None else partial(beyond.first_row, partial(_encode, tokenizer, longest, 0)),
        remarks=[remark for remark in (padding.remark, beyond.remark if beyond else "") if remark],
        length=length,
        of_length=partial(_of_length, model, longest),
    )


def _of_length(model: Model, longest: int | None, length: int) -> Codec:
    """The same with rows of so many tokens."""
    check_length(model, length)
    return _codec(model, length if longest is None else min(longest, length), length)


def chooses(problem_type: object, labels: Sequence[str]) -> bool:
    """Whether a model with such a configuration chooses one class for a row."""
    return problem_type not in OTHERWISE and len(labels) >= 2


def check_chooses(problem_type: object, labels: Sequence[str]) -> None:
    """A DataError where a model with such a configuration does not choose one class for a row; it says what it does."""
    if chooses(problem_type, labels):
        return
    if not labels:
        raise DataError("the model names no classes, and `text-classification` chooses between at least two")
    if problem_type == MULTI_LABEL:
        what = f"this is a multi-label model: it gives a row any number of its {len(labels)} labels"
        judged = 'labels predicted elsewhere are judged through `replay/file` with `schema = "labels"`'
    else:
        what = (
            f"this is a regression model: it gives a row {'a number' if len(labels) == 1 else 'numbers'} and no class"
        )
        judged = 'numbers predicted elsewhere are judged through `replay/file` with `schema = "value"`'
    kind = (
        f"`problem_type` is `{problem_type}`"
        if problem_type in OTHERWISE
        else f"it has {counted(len(labels), 'label')}"
    )
    raise DataError(
        f"{what} ({kind}), and `text-classification` gives a row one class",
        hint=f'mqa has no task of its own for it yet: `task = "forward"` holds its outputs against an export\'s; {judged}',
    )


def _longest(tokenizer: Any, model: Model, asked: int | None) -> int | None:
    """The number of tokens that texts are cut to; None where nothing sets a bound."""
    bounds = [tokenizer.model_max_length, model.about.get("positions")]
    most = min((int(bound) for bound in bounds if bound is not None and bound < ENDLESS), default=None)
    if asked is None:
        return most
    least = int(tokenizer.num_special_tokens_to_add(pair=True)) + 2
    if asked < least or (most is not None and asked > most):
        upper = "" if most is None else f" to {most}"
        raise DataError(f"`max_length` is {asked}, and this model takes {least}{upper} tokens")
    return asked


def _encode(tokenizer: Any, longest: int | None, pad_token: int, examples: Sequence[Example]) -> list[Arrays]:
    if not examples:
        return []
    rows = tokenizer(
        *_columns(examples), truncation=longest is not None, max_length=longest, return_attention_mask=True
    )
    names = list(rows)
    return [
        _whole(pad_token, {name: np.asarray(values, np.int64) for name, values in zip(names, row, strict=True)})
        for row in zip(*(rows[name] for name in names), strict=True)
    ]


def _encode_padded(
    tokenizer: Any, longest: int | None, pad_token: int, length: int, examples: Sequence[Example]
) -> list[Arrays]:
    if examples and "text_pair" in examples[0] and length < tokenizer.num_special_tokens_to_add(pair=True) + 2:
        raise DataError(f"rows of {length} tokens have no room for a pair of texts", hint=LONGER)
    rows = _encode(tokenizer, longest, pad_token, examples)
    return [{name: table[0] for name, table in _collate(tokenizer, pad_token, length, [row]).items()} for row in rows]


def _columns(examples: Sequence[Example]) -> list[list[str]]:
    return [[example[name] for example in examples] for name in ("text", "text_pair") if name in examples[0]]


def _whole(pad_token: int, row: dict[str, npt.NDArray[np.int64]]) -> Arrays:
    """A row of at least one token: where a tokenizer makes nothing of an empty text, a padding token stands for it."""
    if row["input_ids"].size:
        return row
    return {name: np.zeros(1, np.int64) for name in row} | {
        "input_ids": np.array([pad_token]),
        MASK: np.array([1]),
    }


def _full_sizes(tokenizer: Any, longest: int, examples: Sequence[Example], rows: Sequence[Arrays]) -> list[int]:
    """The numbers of tokens before texts were cut; only rows as long as the limit are encoded again, as a whole."""
    sizes = [int(np.count_nonzero(row[MASK])) for row in rows]
    full = [place for place, size in enumerate(sizes) if size >= longest]
    if full:
        whole = tokenizer(*_columns([examples[place] for place in full]), truncation=False, verbose=False)
        for place, ids in zip(full, whole["input_ids"], strict=True):
            sizes[place] = max(sizes[place], len(ids))
    return sizes


def _collate(tokenizer: Any, pad_token: int, least: int, rows: Sequence[Arrays]) -> Arrays:
    """Rows of tokens as rectangles, padded to the longest, and to the `least` at least, on the tokenizer's side."""
    padding = {"input_ids": pad_token, "token_type_ids": tokenizer.pad_token_type_id}
    width = max(least, *(_size(row) for row in rows))
    batch = {}
    for name in rows[0]:
        table = np.full((len(rows), width), padding.get(name, 0), np.int64)
        for line, row in zip(table, rows, strict=True):
            values = row[name]
            line[_place(tokenizer, width, len(values))] = values
        batch[name] = table
    return batch


def _place(tokenizer: Any, width: int, length: int) -> slice:
    return slice(width - length, width) if tokenizer.padding_side == "left" else slice(length)


def _decode(labels: Sequence[str], outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
    """The likeliest label and all probabilities; nulls where a logit is NaN or infinite."""
    logits = _logits(outputs, (len(rows), len(labels)))
    answered = np.asarray(np.isfinite(logits).all(axis=1))[:, None]
    return decoded(labels, np.where(answered, _softmax(np.where(answered, logits, 0.0)), np.nan))


def _logits(outputs: Arrays, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    named = outputs.get(LOGITS)
    if named is None and len(outputs) == 1:
        named = next(iter(outputs.values()))  # the only output of an ONNX file, whatever its maker called it
    if named is None:
        raise DataError(f"the model has no output `logits`; it has {', '.join(f'`{name}`' for name in outputs)}")
    if named.shape != shape:
        rows, labels = shape
        raise DataError(
            f"the model gives logits of shape {named.shape} for {counted(rows, 'row')}, and its configuration names {counted(labels, 'label')}"
        )
    return named.astype(np.float64)


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powers: npt.NDArray[np.float64] = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _size(row: Arrays) -> int:
    return len(row["input_ids"])
