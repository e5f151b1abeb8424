"""The task `transformers/text-classification`: which one class a text, or a pair of texts, belongs to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import Codec, DataError, counted
from mqa_transformers.classifier_outputs import decode_logits, infer_reading
from mqa_transformers.tokenization import (
    IDS,
    LENGTH_HINT,
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

# Of different lengths, so that an exporter that traces a model with them sees that lengths differ.
SAMPLE: tuple[Example, ...] = (
    {"text": "A film that says little, and says it beautifully."},
    {"text": ""},
    {
        "text": "Two hours of rain on a window would have held my attention longer than this did, and cost nothing at all."
    },
)
FIELDS = ("text", "text_pair")

MULTI_LABEL = "multi_label_classification"
OTHER_PROBLEMS = (MULTI_LABEL, "regression")  # values of `problem_type` other than the choice of one class

UNBOUNDED = 1_000_000  # tokenizers write a larger number where they set no bound


def text_classification(model: Model, *, max_length: int | None = None) -> Codec:
    """Which one class a text, or a pair of texts, belongs to.

    Texts longer than `max_length` tokens are cut; left out, it is the longest input that the model takes.
    """
    check_single_label(model.about.get("problem_type"), model.labels)
    return _make_codec(model, _resolve_max_length(model, max_length), None)


def is_single_label(problem_type: object, labels: Sequence[str]) -> bool:
    """Whether a model with such a configuration chooses one class for a row."""
    return problem_type not in OTHER_PROBLEMS and len(labels) >= 2


def check_single_label(problem_type: object, labels: Sequence[str]) -> None:
    """A DataError where a model with such a configuration does not choose one class for a row; it says what it does."""
    if is_single_label(problem_type, labels):
        return
    if not labels:
        raise DataError("the model names no classes, and `text-classification` chooses between at least two")
    if problem_type == MULTI_LABEL:
        what = f"this is a multi-label model: it gives a row any number of its {len(labels)} labels"
        replay = 'labels predicted elsewhere are judged through `replay/file` with `schema = "labels"`'
    else:
        what = (
            f"this is a regression model: it gives a row {'a number' if len(labels) == 1 else 'numbers'} and no class"
        )
        replay = 'numbers predicted elsewhere are judged through `replay/file` with `schema = "value"`'
    reason = (
        f"`problem_type` is `{problem_type}`"
        if problem_type in OTHER_PROBLEMS
        else f"it has {counted(len(labels), 'label')}"
    )
    raise DataError(
        f"{what} ({reason}), and `text-classification` gives a row one class",
        hint=f'mqa has no task of its own for it yet: `task = "forward"` holds its outputs against an export\'s; {replay}',
    )


def _make_codec(model: Model, max_length: int | None, row_length: int | None) -> Codec:
    """A codec that cuts texts to `max_length` tokens and, where `row_length` is given, pads every row to that."""
    tokenizer, padding = model.processor, choose_padding(model.processor, model.about)
    pad_token = padding.token or 0
    oversized = OversizedVocabulary.detect(tokenizer, model.about.get("vocabulary"))
    return Codec(
        encode=partial(_encode, tokenizer, max_length, pad_token)
        if row_length is None
        else partial(_encode_padded, tokenizer, max_length, pad_token, row_length),
        collate=partial(_collate, tokenizer, pad_token, 1),
        decode=partial(decode_logits, model.labels),
        size=_count_tokens,
        mask=MASK,
        reading=partial(infer_reading, model.labels),
        full_sizes=None if max_length is None else partial(_full_sizes, tokenizer, max_length),
        limit=max_length,
        unusable=None
        if oversized is None
        else partial(oversized.find_unusable, partial(_encode, tokenizer, max_length, 0)),
        remarks=[remark for remark in (padding.remark, oversized.remark if oversized else "") if remark],
        length=row_length,
        of_length=partial(_with_row_length, model, max_length),
    )


def _with_row_length(model: Model, max_length: int | None, row_length: int) -> Codec:
    """The codec for a backend that takes rows of so many tokens alone."""
    check_row_length(model, row_length)
    return _make_codec(model, row_length if max_length is None else min(max_length, row_length), row_length)


def _resolve_max_length(model: Model, requested: int | None) -> int | None:
    """The number of tokens that texts are cut to; None where nothing sets a bound. A DataError where it is impossible."""
    bounds = [model.processor.model_max_length, model.about.get("positions")]
    upper = min((int(bound) for bound in bounds if bound is not None and bound < UNBOUNDED), default=None)
    if requested is None:
        return upper
    lower = _min_length(model.processor)
    if requested < lower or (upper is not None and requested > upper):
        to_upper = "" if upper is None else f" to {upper}"
        raise DataError(f"`max_length` is {requested}, and this model takes {lower}{to_upper} tokens")
    return requested


def _min_length(tokenizer: Any) -> int:
    """The fewest tokens that a pair of texts takes: the special ones, and one of each text."""
    return int(tokenizer.num_special_tokens_to_add(pair=True)) + 2


def _encode(tokenizer: Any, max_length: int | None, pad_token: int, examples: Sequence[Example]) -> list[Arrays]:
    if not examples:
        return []
    columns = [[example[name] for example in examples] for name in _text_fields(examples)]
    encoded = tokenizer(*columns, truncation=max_length is not None, max_length=max_length, return_attention_mask=True)
    names = list(encoded)
    return [
        with_first_token(
            {name: np.asarray(values, np.int64) for name, values in zip(names, row, strict=True)}, pad_token
        )
        for row in zip(*(encoded[name] for name in names), strict=True)
    ]


def _encode_padded(
    tokenizer: Any, max_length: int | None, pad_token: int, row_length: int, examples: Sequence[Example]
) -> list[Arrays]:
    if examples and "text_pair" in examples[0] and row_length < _min_length(tokenizer):
        raise DataError(f"rows of {row_length} tokens have no room for a pair of texts", hint=LENGTH_HINT)
    rows = _encode(tokenizer, max_length, pad_token, examples)
    batches = (_collate(tokenizer, pad_token, row_length, [row]) for row in rows)
    return [{name: array[0] for name, array in batch.items()} for batch in batches]


def _text_fields(examples: Sequence[Example]) -> list[str]:
    return [name for name in FIELDS if name in examples[0]]


def _full_sizes(tokenizer: Any, max_length: int, examples: Sequence[Example], rows: Sequence[Arrays]) -> list[int]:
    """The numbers of tokens before texts were cut."""
    names = _text_fields(examples) if examples else []
    texts = [tuple(example[name] for name in names) for example in examples]
    return count_uncut_tokens(tokenizer, max_length, [int(np.count_nonzero(row[MASK])) for row in rows], texts)


def _collate(tokenizer: Any, pad_token: int, min_width: int, rows: Sequence[Arrays]) -> Arrays:
    """One batch, arrays of shape (rows, width): padded to the longest row, to `min_width` at least."""
    fill_values = {IDS: pad_token, "token_type_ids": tokenizer.pad_token_type_id}
    width = max(min_width, *map(_count_tokens, rows))
    batch = {}
    for name in rows[0]:
        batch[name] = np.full((len(rows), width), fill_values.get(name, 0), np.int64)
        for line, row in zip(batch[name], rows, strict=True):
            n_tokens = len(row[name])
            line[slice(width - n_tokens, width) if pads_left(tokenizer) else slice(n_tokens)] = row[name]
    return batch


def _count_tokens(row: Arrays) -> int:
    return len(row[IDS])
