"""The task `transformers/token-classification`: named entities and other spans of a text, by the tags of its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import Codec, DataError, OutputReading, TagScheme, Task, counted
from mqa_transformers.live_model import TAGGER, describe_classifier
from mqa_transformers.loading import TAGGING
from mqa_transformers.tasks.outputs import find_logits
from mqa_transformers.tasks.tag_decoding import (
    Aggregation,
    TokenScores,
    are_probabilities,
    decisions_column,
    find_spans,
    merge_decisions,
    resolve_overlaps,
    softmax,
)
from mqa_transformers.tasks.token_windows import TEXT, TOKENS, place_tokens, tokenize
from mqa_transformers.tasks.tokenization import IDS, MASK, check_row_length, resolve_max_length
from mqa_transformers.tasks.windowed_codec import WINDOWS, WindowedCodec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Example, LiveModel, Model, ModelDescription
    from mqa_transformers.tasks.tag_decoding import Decisions

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Floats: TypeAlias = npt.NDArray[np.float64]

OFFSETS, WORDS = "offsets", "words"  # of every token: what the model does not read
IS_SPLIT = "is_split"  # of a row: whether it came as words
# Of different lengths, so that an exporter that traces a model with them sees that lengths differ.
SAMPLE: tuple[Example, ...] = (
    {TEXT: "Ada Lovelace was born in London."},
    {TEXT: "Nothing happened."},
    {
        TEXT: "The University of Oslo and the city of Bergen have signed a contract with Nordic Rail, said Kari Nordmann."
    },
)
SPAN = pa.list_(
    pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string()), ("score", pa.float64())])
)


@dataclass(frozen=True, kw_only=True)
class TokenClassificationOptions:
    """How tags become spans, and how long texts are read.

    `aggregation` is a strategy of transformers; left out, it is `simple` of a `text`, and `first` of `tokens`, whose words
    are those given. `none` makes every token a span under its tag. Texts longer than `max_length` tokens are cut; left out,
    it is the longest input that the model takes. With a `stride`, they are read in windows that have so many tokens in common.
    """

    aggregation: Aggregation | None = None
    max_length: int | None = None
    stride: int | None = None


class TokenClassification(Task[TokenClassificationOptions]):
    """Named entities and other spans of a text, by the tags of its tokens.

    A row has a `text`, or `tokens`, the words of a text as CoNLL has them. Tags are BIO, BILOU, BIOES or IO, by the names of
    the model's labels.
    """

    name = TAGGING
    schema = "spans"
    fields: Mapping[str, str] = {TEXT: "text", TOKENS: "words"}
    optional = (TEXT, TOKENS)
    sample = SAMPLE
    metric = "metrics/span-f1"
    needs = TAGGING

    def bind(self, model: Model, options: TokenClassificationOptions) -> Codec:
        if not getattr(model.processor, "is_fast", False):
            raise DataError(
                f"the tokenizer `{type(model.processor).__name__}` gives no offsets, by which spans are found in a text",
                hint="save its fast version next to the model: a `tokenizer.json`",
            )
        limit = resolve_max_length(model, options.max_length, pair=False)
        if options.stride is not None:
            _check_stride(model, options, limit)
        return TokenClassificationCodec(model, options, limit)

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_classifier(live, TAGGER)


class TokenClassificationCodec(WindowedCodec):
    """Texts or words cut to `limit` tokens, or in windows of so many; spans of a model's logits for every token."""

    whole_row = (IS_SPLIT,)
    per_token = (OFFSETS, WORDS)

    def __init__(
        self, model: Model, options: TokenClassificationOptions, limit: int | None, length: int | None = None
    ) -> None:
        super().__init__(model, length)
        self._options = options
        self._window = limit  # tokens of one part, where rows have parts
        self._scheme = TagScheme.of(model.labels)
        self.limit = limit if options.stride is None else None

    @property
    def splits(self) -> bool:
        """With a `stride`: each window is a part."""
        return self._options.stride is not None

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        windows = tokenize(self._tokenizer, examples, self._window, self._options.stride)
        return [self._encode_one(example, one) for example, one in zip(examples, windows, strict=True)]

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        return self._decode(outputs, rows, are_logits=True)

    def read_outputs(self, outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
        if len(outputs) != 1 or "logits" in outputs:
            return None
        name, values = find_logits(outputs)
        tokens = values.reshape(-1, values.shape[-1])
        tokens = tokens[np.abs(tokens).sum(axis=1) > 0]  # windows are padded with zeros
        if values.dtype.kind != "f" or not are_probabilities(tokens):
            return None
        return OutputReading(
            partial(self._decode, are_logits=False),
            f"probabilities: the tags of each token in `{name}` sum to 1, and are used unchanged",
        )

    def full_costs(self, examples: Sequence[Example], rows: Sequence[Arrays]) -> list[int]:
        """The numbers of tokens before texts were cut."""
        assert self.limit is not None  # nothing is cut without one
        costs = [self.cost(row) for row in rows]
        return [
            cost if cost < self.limit else max(cost, self._count_tokens(example))
            for cost, example in zip(costs, examples, strict=True)
        ]

    def _count_tokens(self, example: Example) -> int:
        """The number of tokens of an example that is not cut."""
        ((whole,),) = tokenize(self._tokenizer, [example], None, None)
        return len(whole.ids)

    def with_length(self, length: int) -> Codec:
        check_row_length(self._model, length)
        window = length if self._window is None else min(self._window, length)
        if self._options.stride is not None:
            _check_stride(self._model, self._options, window)
        return TokenClassificationCodec(self._model, self._options, window, length)

    def _encode_one(self, example: Example, windows: Sequence[Any]) -> Arrays:
        """The windows of one example, end to end."""
        words = example.get(TOKENS)
        arrays = self._join_windows(windows)
        placed = [place_tokens(self._tokenizer, window, example.get(TEXT), words) for window in windows]
        arrays |= {OFFSETS: np.concatenate([offsets for offsets, _ in placed])}
        arrays |= {WORDS: np.concatenate([numbers for _, numbers in placed])}
        arrays |= {IS_SPLIT: np.array([words is not None], np.int64)}
        return arrays if arrays[IDS].size else self._with_first_token(arrays)

    def _with_first_token(self, arrays: Arrays) -> Arrays:
        """A row of one padding token, where a tokenizer makes none of an empty text."""
        rest = {name: np.zeros(1, np.int64) for name in arrays}
        own = {IDS: np.array([self._pad_token_id]), MASK: np.array([1]), WORDS: np.array([-1]), WINDOWS: np.array([1])}
        return rest | own | {OFFSETS: np.zeros((1, 2), np.int64)}

    def _decode(self, outputs: Arrays, rows: Sequence[Arrays], *, are_logits: bool) -> pa.Table:
        name, values = find_logits(outputs)
        labels = self._model.labels
        if values.ndim != 3 or values.shape[-1] != len(labels):
            raise DataError(
                f"the model gives `{name}` of shape {values.shape}, and its configuration names {counted(len(labels), 'label')}",
                hint="a token classifier gives the shape (rows, tokens, labels)",
            )
        decided = [self._decode_row(row, one, are_logits=are_logits) for row, one in zip(rows, values, strict=True)]
        spans = pa.array([None if one is None else one[0] for one in decided], SPAN)
        return pa.table({"spans": spans, "decisions": decisions_column([one and one[1] for one in decided], labels)})

    def _decode_row(
        self, row: Arrays, values: npt.NDArray[Any], *, are_logits: bool
    ) -> tuple[list[Any], Decisions] | None:
        """The spans and decisions of one row; None where a number of it is NaN or infinite."""
        own = self._own_outputs(values, row).astype(np.float64)
        if not np.isfinite(own).all():
            return None
        scores = softmax(own) if are_logits else own
        aggregation = self._options.aggregation or ("first" if row[IS_SPLIT].any() else "simple")
        ends = np.cumsum(row[WINDOWS])
        windows = [
            TokenScores(scores[end - n : end], row[OFFSETS][end - n : end], row[WORDS][end - n : end]).decide(
                aggregation
            )
            for end, n in zip(ends, row[WINDOWS], strict=True)
        ]
        spans = [find_spans(one, self._model.labels, self._scheme, aggregation) for one in windows]
        joined = spans[0] if len(spans) == 1 else resolve_overlaps(chain.from_iterable(spans))
        return joined, merge_decisions(windows)

    def _token_outputs(self, outputs: Arrays) -> Sequence[str]:
        return (find_logits(outputs)[0],)


def _check_stride(model: Model, options: TokenClassificationOptions, limit: int | None) -> None:
    """A DataError where windows cannot have that many tokens in common."""
    assert options.stride is not None
    if options.aggregation == "none":
        raise DataError(
            'windows overlap, and `aggregation = "none"` does not join what they have in common',
            hint="leave `stride` out, or choose another aggregation",
        )
    if limit is None:
        raise DataError("`stride` needs windows of a length", hint="say how many tokens they have: `max_length = ...`")
    room = limit - int(model.processor.num_special_tokens_to_add(pair=False))
    if not 0 <= options.stride < room:
        raise DataError(f"`stride` is {options.stride}, and windows have {room} tokens of the text", hint="choose less")
