"""The task `transformers/question-answering`: the part of a context that answers a question, or none."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import Codec, DataError, InputVariant, Task
from mqa_transformers.live_model import READER, describe_classifier
from mqa_transformers.loading import QUESTION_ANSWERING, read_tokenizer
from mqa_transformers.tasks.answer_decoding import COLUMNS, WindowLogits, decide
from mqa_transformers.tasks.answer_windows import (
    CONTEXT,
    QUESTION,
    USUAL_WINDOW,
    WindowSizes,
    place_tokens,
    tokenize,
)
from mqa_transformers.tasks.text_preprocessing import (
    ChangedTokenizer,
    describe_other,
    fit_tokenizer,
    mistaken_tokenizers,
)
from mqa_transformers.tasks.tokenization import check_row_length, find_max_length, pads_left, resolve_max_length
from mqa_transformers.tasks.windowed_codec import WINDOWS, WindowedCodec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Example, LiveModel, Model, ModelDescription

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

ROLES, OFFSETS = "roles", "offsets"  # of every token: what the model does not read
CHARACTERS = "characters"  # of a row: the code points of its context
LOGITS = ("start_logits", "end_logits")
# Of different lengths, so that an exporter that traces a model with them sees that lengths differ.
SAMPLE: tuple[Example, ...] = (
    {QUESTION: "Who was born in London?", CONTEXT: "Ada Lovelace was born in London in 1815."},
    {QUESTION: "When?", CONTEXT: "In May."},
    {
        QUESTION: "Which company has signed the contract with the city?",
        CONTEXT: "The city of Bergen has signed a contract of ten years with Nordic Rail, the mayor said on Monday.",
    },
)


@dataclass(frozen=True, kw_only=True)
class QuestionAnsweringOptions:
    """How long texts are read, and which answers there may be.

    A context is read in windows of `max_length` tokens, question and special tokens included, of which two have `stride`
    tokens of the context in common; a longer question than `max_question_length` tokens is cut. Left out, they are 384, 128
    and 64, or what of them the model has room for. An answer has at most `max_answer_length` tokens, and the whole words that
    these are of, unless `whole_words` is false. `n_best` candidates are kept.

    With a `no_answer_threshold`, there may be no answer: where its score, in logarithms, is so far above that of the best
    answer. 0.0 takes whichever is likelier. Left out, there always is an answer.
    """

    max_length: int | None = None
    stride: int | None = None
    max_question_length: int | None = None
    max_answer_length: int = 15
    whole_words: bool = True
    n_best: int = 5
    no_answer_threshold: float | None = None


class QuestionAnswering(Task[QuestionAnsweringOptions]):
    """The part of a context that answers a question, or none.

    The model gives two logits for each token: that an answer begins with it, and that it ends with it. Answers are those of the
    pipeline of transformers.
    """

    name = QUESTION_ANSWERING
    schema = "answer"
    fields: Mapping[str, str] = {QUESTION: "text", CONTEXT: "text"}
    sample = SAMPLE
    metric = "metrics/answer-f1"
    needs = QUESTION_ANSWERING

    def bind(self, model: Model, options: QuestionAnsweringOptions) -> Codec:
        _require_offsets(model.processor)
        if options.max_answer_length < 1 or options.n_best < 2:
            raise DataError(
                "`max_answer_length` is 1 at least, and `n_best` 2",
                hint="the second candidate tells how sure the first is",
            )
        if options.no_answer_threshold is not None and model.processor.cls_token_id is None:
            raise DataError(
                "the tokenizer has no `[CLS]` token, whose logits would say that there is no answer",
                hint="leave `no_answer_threshold` out",
            )
        limit = resolve_max_length(model, options.max_length, pair=True)
        return QuestionAnsweringCodec(model, options, _find_window(options, limit))

    def describe(self, live: LiveModel) -> ModelDescription | None:
        return describe_classifier(live, READER)


def _require_offsets(tokenizer: Any) -> None:
    """A DataError where a tokenizer does not say where in a text its tokens stand."""
    if not getattr(tokenizer, "is_fast", False):
        raise DataError(
            f"the tokenizer `{type(tokenizer).__name__}` gives no offsets, by which answers are found in a context",
            hint="save its fast version next to the model: a `tokenizer.json`",
        )


def _find_window(options: QuestionAnsweringOptions, limit: int | None) -> int:
    """The length of a window in tokens, where a tokenizer and a model take so many at most."""
    usual = USUAL_WINDOW if limit is None else min(limit, USUAL_WINDOW)
    return options.max_length or usual


class QuestionAnsweringCodec(WindowedCodec):
    """Questions and contexts in windows of at most so many tokens; answers of the logits of all windows."""

    whole_row = (CHARACTERS,)
    per_token = (ROLES, OFFSETS)

    def __init__(self, model: Model, options: QuestionAnsweringOptions, window: int, length: int | None = None) -> None:
        super().__init__(model, length)
        self._options = options
        self._question_first = not pads_left(model.processor)
        self._sizes = self._resolve_sizes(model.processor, window)

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        if not examples:
            return []
        windows = tokenize(self._tokenizer, examples, self._sizes, question_first=self._question_first)
        return [self._encode_one(example, one) for example, one in zip(examples, windows, strict=True)]

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        start, end = (outputs[name] for name in self._token_outputs(outputs))
        if start.ndim != 2 or start.shape != end.shape:
            raise DataError(
                f"the model gives logits of the shapes {start.shape} and {end.shape}",
                hint="a model for question answering gives two of the shape (rows, tokens)",
            )
        decided = [self._decode_row(*one) for one in zip(start, end, rows, strict=True)]
        return pa.table(
            {name: pa.array([one and one[name] for one in decided], kind) for name, kind in COLUMNS.items()}
        )

    def with_length(self, length: int) -> Codec:
        check_row_length(self._model, length)
        return QuestionAnsweringCodec(self._model, self._options, min(self._sizes.window, length), length)

    def with_processor(self, folder: Path) -> Codec:
        tokenizer = fit_tokenizer(read_tokenizer(folder), self._tokenizer)
        _require_offsets(tokenizer)
        window = _find_window(self._options, find_max_length(tokenizer, self._model))
        return self._with(tokenizer, self._resolve_sizes(tokenizer, window), question_first=not pads_left(tokenizer))

    def variants(self, other: Codec | None = None) -> Iterator[InputVariant]:
        """Towards a deployment's tokenizer, its windows are tried, too, and at last the tokenizer itself."""
        tokenizer, sizes, question_first = self._tokenizer, self._sizes, self._question_first
        for difference, changed in mistaken_tokenizers(tokenizer):
            yield InputVariant(difference, self._with(changed, sizes, question_first=question_first))
        order = "the context stands before the question" if question_first else "the question stands before the context"
        yield InputVariant(order, self._with(tokenizer, sizes, question_first=not question_first))
        first = ChangedTokenizer(tokenizer, {"return_overflowing_tokens": False})
        cut = "contexts are cut where their first window ends"
        yield InputVariant(cut, self._with(first, sizes, question_first=question_first))
        theirs = other if isinstance(other, QuestionAnsweringCodec) else None
        if theirs is not None and theirs._sizes != sizes:  # noqa: SLF001 - of the same class
            changed = self._with(tokenizer, theirs._sizes, question_first=question_first)  # noqa: SLF001 - likewise
            yield InputVariant(sizes.describe_other(theirs._sizes), changed)  # noqa: SLF001 - likewise
        for difference, changed_sizes in sizes.others(tokenizer, find_max_length(tokenizer, self._model)):
            yield InputVariant(difference, self._with(tokenizer, changed_sizes, question_first=question_first))
        if theirs is not None:
            yield InputVariant(describe_other(tokenizer, theirs._tokenizer), theirs)  # noqa: SLF001 - likewise

    def _with(self, tokenizer: Any, sizes: WindowSizes, *, question_first: bool) -> QuestionAnsweringCodec:
        """A copy that encodes by another tokenizer, in other windows or in another order."""
        codec = copy(self)
        codec._tokenizer, codec._sizes, codec._question_first = tokenizer, sizes, question_first  # noqa: SLF001 - its own
        return codec

    def _resolve_sizes(self, tokenizer: Any, window: int) -> WindowSizes:
        options = self._options
        return WindowSizes.resolve(tokenizer, window, stride=options.stride, question=options.max_question_length)

    def _token_outputs(self, outputs: Arrays) -> Sequence[str]:
        """The names of the logits of where an answer begins and ends: the usual ones, else those that say so."""
        if all(name in outputs for name in LOGITS):
            return LOGITS
        named = [[name for name in outputs if word in name.lower()] for word in ("start", "end")]
        if all(len(names) == 1 for names in named):
            return [names[0] for names in named]
        listed = ", ".join(f"`{name}`" for name in outputs)
        raise DataError(
            f"the model has no outputs `start_logits` and `end_logits`; it has {listed}",
            hint="name them so when it is exported",
        )

    def _encode_one(self, example: Example, windows: Sequence[Any]) -> Arrays:
        """The windows of one example, end to end."""
        whole_words, question_first = self._options.whole_words, self._question_first
        placed = [
            place_tokens(self._tokenizer, window, question_first=question_first, whole_words=whole_words)
            for window in windows
        ]
        characters = np.frombuffer(example[CONTEXT].encode("utf-32-le"), np.uint32)
        return self._join_windows(windows) | {
            ROLES: np.concatenate([roles for roles, _ in placed]),
            OFFSETS: np.concatenate([offsets for _, offsets in placed]),
            CHARACTERS: characters,
        }

    def _decode_row(self, start: npt.NDArray[Any], end: npt.NDArray[Any], row: Arrays) -> dict[str, Any] | None:
        """The answer of one row; None where a number of it is NaN or infinite."""
        own = [self._own_outputs(logits, row).astype(np.float64) for logits in (start, end)]
        if not all(np.isfinite(logits).all() for logits in own):
            return None
        ends = np.cumsum(row[WINDOWS])
        windows = [
            WindowLogits(*(array[stop - n : stop] for array in (*own, row[ROLES], row[OFFSETS])))
            for stop, n in zip(ends, row[WINDOWS], strict=True)
        ]
        return decide(
            windows,
            row[CHARACTERS].tobytes().decode("utf-32-le"),
            n_best=self._options.n_best,
            max_length=self._options.max_answer_length,
            threshold=self._options.no_answer_threshold,
        )
