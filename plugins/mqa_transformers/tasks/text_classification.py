"""The task `transformers/text-classification`: which one class a text, or a pair of texts, belongs to."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import Codec, DataError, InputVariant, Task, counted
from mqa_transformers.live_model import describe_classifier
from mqa_transformers.loading import TEXT_CLASSIFICATION, read_tokenizer
from mqa_transformers.tasks.classifier_outputs import decode_logits, infer_reading
from mqa_transformers.tasks.text_preprocessing import different_tokenizers, fit_tokenizer, usual_mistakes
from mqa_transformers.tasks.tokenization import (
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
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry import Example, LiveModel, Model, ModelDescription, OutputReading

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


@dataclass(frozen=True, kw_only=True)
class TextClassificationOptions:
    """Texts longer than `max_length` tokens are cut; left out, it is the longest input that the model takes."""

    max_length: int | None = None


class TextClassification(Task[TextClassificationOptions]):
    """Which one class a text, or a pair of texts, belongs to."""

    name = TEXT_CLASSIFICATION
    schema = "label"
    fields: Mapping[str, str] = {"text": "text", "text_pair": "text"}
    optional = ("text_pair",)
    sample = SAMPLE
    metric = "metrics/accuracy"
    needs = TEXT_CLASSIFICATION

    def bind(self, model: Model, options: TextClassificationOptions) -> Codec:
        check_single_label(model.about.get("problem_type"), model.labels)
        return TextClassificationCodec(model, resolve_max_length(model, options.max_length))

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_classifier(live)


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


class TextClassificationCodec(Codec):
    """Texts cut to `limit` tokens and, where rows have a `length`, padded to that; classes of a model's logits."""

    padding_mask = MASK

    def __init__(self, model: Model, limit: int | None, length: int | None = None) -> None:
        self._model = model
        self._tokenizer = model.processor
        padding = choose_padding(model.processor, model.about)
        self._pad_token_id = padding.token_id or 0
        self._oversized = OversizedVocabulary.detect(model.processor, model.about.get("vocab_size"))
        self.limit = limit
        self.length = length
        self.remarks = [one for one in (padding.remark, self._oversized.remark if self._oversized else "") if one]

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        if self.length is None:
            return self._encode(examples, self._pad_token_id)
        if examples and "text_pair" in examples[0] and self.length < _min_length(self._tokenizer):
            raise DataError(f"rows of {self.length} tokens have no room for a pair of texts", hint=LENGTH_HINT)
        rows = self._encode(examples, self._pad_token_id)
        batches = (self._pad([row], self.length) for row in rows)
        return [{name: array[0] for name, array in batch.items()} for batch in batches]

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        return self._pad(rows, max(1, *map(self.cost, rows)))

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        return decode_logits(self._model.labels, outputs, rows)

    def cost(self, row: Arrays) -> int:
        """The number of tokens."""
        return len(row[IDS])

    def read_outputs(self, outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
        return infer_reading(self._model.labels, outputs, rows)

    def full_costs(self, examples: Sequence[Example], rows: Sequence[Arrays]) -> list[int]:
        """The numbers of tokens before texts were cut."""
        assert self.limit is not None  # nothing is cut without one
        names = _text_fields(examples) if examples else []
        texts = [tuple(example[name] for name in names) for example in examples]
        lengths = [int(np.count_nonzero(row[MASK])) for row in rows]
        return count_uncut_tokens(self._tokenizer, self.limit, lengths, texts)

    def find_unusable(self, examples: Sequence[Example]) -> tuple[int, str] | None:
        """The index of the first example with a token that the model has no embedding for, and why it cannot be run."""
        if self._oversized is None:
            return None
        return self._oversized.find_unusable(lambda some: self._encode(some, 0), examples)

    def with_length(self, length: int) -> Codec:
        check_row_length(self._model, length)
        limit = length if self.limit is None else min(self.limit, length)
        return TextClassificationCodec(self._model, limit, length)

    def with_processor(self, folder: Path) -> Codec:
        tokenizer = fit_tokenizer(read_tokenizer(folder), self._tokenizer)
        return self._with_tokenizer(tokenizer, _find_max_length(tokenizer, self._model))

    def variants(self, other: Codec | None = None) -> Iterator[InputVariant]:
        if isinstance(other, TextClassificationCodec):
            found = different_tokenizers(self._tokenizer, self.limit, other._tokenizer, other.limit)  # noqa: SLF001 - of the same class
        else:
            found = usual_mistakes(self._tokenizer, self.limit)
        for difference, tokenizer in found:
            yield InputVariant(difference, self._with_tokenizer(tokenizer, self.limit))

    def _with_tokenizer(self, tokenizer: Any, limit: int | None) -> TextClassificationCodec:
        """A copy that encodes by another tokenizer."""
        codec = copy(self)
        codec._tokenizer, codec.limit = tokenizer, limit  # noqa: SLF001 - its own
        return codec

    def _encode(self, examples: Sequence[Example], pad_token_id: int) -> list[Arrays]:
        if not examples:
            return []
        columns = [[example[name] for example in examples] for name in _text_fields(examples)]
        encoded = self._tokenizer(
            *columns, truncation=self.limit is not None, max_length=self.limit, return_attention_mask=True
        )
        names = list(encoded)
        return [
            with_first_token(
                {name: np.asarray(values, np.int64) for name, values in zip(names, row, strict=True)}, pad_token_id
            )
            for row in zip(*(encoded[name] for name in names), strict=True)
        ]

    def _pad(self, rows: Sequence[Arrays], width: int) -> Arrays:
        """One batch, arrays of shape (rows, width)."""
        fill_values = {IDS: self._pad_token_id, "token_type_ids": self._tokenizer.pad_token_type_id}
        batch = {}
        for name in rows[0]:
            batch[name] = np.full((len(rows), width), fill_values.get(name, 0), np.int64)
            for line, row in zip(batch[name], rows, strict=True):
                n_tokens = len(row[name])
                line[slice(width - n_tokens, width) if pads_left(self._tokenizer) else slice(n_tokens)] = row[name]
        return batch


def resolve_max_length(model: Model, requested: int | None) -> int | None:
    """The number of tokens that texts are cut to; None where nothing sets a bound. A DataError where it is impossible."""
    upper = _find_max_length(model.processor, model)
    if requested is None:
        return upper
    lower = _min_length(model.processor)
    if requested < lower or (upper is not None and requested > upper):
        to_upper = "" if upper is None else f" to {upper}"
        raise DataError(f"`max_length` is {requested}, and this model takes {lower}{to_upper} tokens")
    return requested


def _find_max_length(tokenizer: Any, model: Model) -> int | None:
    """The longest input that a tokenizer gives and a model takes, in tokens; None where nothing sets a bound."""
    bounds = [tokenizer.model_max_length, model.about.get("max_positions")]
    return min((int(bound) for bound in bounds if bound is not None and bound < UNBOUNDED), default=None)


def _min_length(tokenizer: Any) -> int:
    """The fewest tokens that a pair of texts takes: the special ones, and one of each text."""
    return int(tokenizer.num_special_tokens_to_add(pair=True)) + 2


def _text_fields(examples: Sequence[Example]) -> list[str]:
    return [name for name in FIELDS if name in examples[0]]
