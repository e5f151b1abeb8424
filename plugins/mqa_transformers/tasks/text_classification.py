"""The task `transformers/text-classification`: one class, any number of labels, or a number for a text or a pair of texts."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import ClassificationTask, ClassifierOptions, Codec, DataError, InputVariant
from mqa_transformers.live_model import describe_classifier
from mqa_transformers.loading import TEXT_CLASSIFICATION, read_tokenizer
from mqa_transformers.tasks.text_preprocessing import different_tokenizers, fit_tokenizer, usual_mistakes
from mqa_transformers.tasks.tokenization import (
    IDS,
    LENGTH_HINT,
    MASK,
    OversizedVocabulary,
    check_row_length,
    choose_padding,
    count_fewest_tokens,
    count_uncut_tokens,
    find_max_length,
    pad_rows,
    resolve_max_length,
    with_first_token,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry import ClassifierHead, Example, LiveModel, Model, ModelDescription, OutputReading

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


@dataclass(frozen=True, kw_only=True)
class TextClassificationOptions(ClassifierOptions):
    """How texts are read: those longer than `max_length` tokens are cut; left out, it is the longest input that the model takes."""

    max_length: int | None = None


class TextClassification(ClassificationTask[TextClassificationOptions]):
    """What a text, or a pair of texts, is: one class, any number of labels, or a number.

    Which of them follows from the `problem_type` of the model's configuration, or from its labels: one label is a number.
    """

    name = TEXT_CLASSIFICATION
    fields: Mapping[str, str] = {"text": "text", "text_pair": "text"}
    metric = "metrics/accuracy"
    number_metric = "metrics/mae"
    optional = ("text_pair",)
    sample = SAMPLE
    needs = TEXT_CLASSIFICATION

    def bind(self, model: Model, options: TextClassificationOptions) -> Codec:
        head = self.make_head(model, options)
        return TextClassificationCodec(model, resolve_max_length(model, options.max_length, pair=True), head)

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_classifier(live)


class TextClassificationCodec(Codec):
    """Texts cut to `limit` tokens and, where rows have a `length`, padded to that; `head` reads the model's outputs."""

    padding_mask = MASK

    def __init__(self, model: Model, limit: int | None, head: ClassifierHead, length: int | None = None) -> None:
        self._model = model
        self._head = head
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
        if examples and "text_pair" in examples[0] and self.length < count_fewest_tokens(self._tokenizer, pair=True):
            raise DataError(f"rows of {self.length} tokens have no room for a pair of texts", hint=LENGTH_HINT)
        rows = self._encode(examples, self._pad_token_id)
        batches = (self._pad([row], self.length) for row in rows)
        return [{name: array[0] for name, array in batch.items()} for batch in batches]

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        return self._pad(rows, max(1, *map(self.cost, rows)))

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        return self._head.decode(outputs, rows)

    def cost(self, row: Arrays) -> int:
        """The number of tokens."""
        return len(row[IDS])

    def read_outputs(self, outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
        return self._head.infer_reading(outputs, rows)

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
        return TextClassificationCodec(self._model, limit, self._head, length)

    def with_processor(self, folder: Path) -> Codec:
        tokenizer = fit_tokenizer(read_tokenizer(folder), self._tokenizer)
        return self._with_tokenizer(tokenizer, find_max_length(tokenizer, self._model))

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

    def _pad(self, rows: Sequence[Arrays], width: int) -> Arrays:
        return pad_rows(self._tokenizer, rows, rows[0], width, self._pad_token_id)

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


def _text_fields(examples: Sequence[Example]) -> list[str]:
    return [name for name in FIELDS if name in examples[0]]
