"""The tokens of a question and its context, in windows over the context: which of them may be an answer, and where each stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import DataError
from mqa_transformers.tasks.tokenization import LENGTH_HINT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Example

    Ints: TypeAlias = npt.NDArray[np.int64]

QUESTION, CONTEXT = "question", "context"  # the fields of an example
OTHER, IN_CONTEXT, NO_ANSWER = (
    0,
    1,
    2,
)  # what a token may be: none of an answer, one of it, or the one that says there is none

# As the pipeline for question answering of transformers 4 has them, in tokens.
USUAL_WINDOW, USUAL_STRIDE, USUAL_QUESTION = 384, 128, 64
OTHER_WINDOWS, OTHER_STRIDES = (128, 256, 384, 512), (0, 32, 64, 128)  # that deployments have


@dataclass(frozen=True)
class WindowSizes:
    """In tokens: the whole `window`, how many tokens of the context two windows have in common, and the longest question."""

    window: int
    stride: int
    question: int

    @classmethod
    def resolve(cls, tokenizer: Any, window: int, *, stride: int | None, question: int | None) -> WindowSizes:
        """The sizes that are asked for, else the usual ones as far as they fit; a DataError where they cannot be."""
        own = window - int(tokenizer.num_special_tokens_to_add(pair=True))
        if own < 2:
            raise DataError(f"windows of {window} tokens have no room for a question and a context", hint=LENGTH_HINT)
        question_length = min(USUAL_QUESTION, own // 2) if question is None else question
        room = own - question_length
        if question_length < 1 or room < 1:
            raise DataError(
                f"`max_question_length` is {question_length}, and windows have {own} tokens for question and context",
                hint="choose less",
            )
        stride = min(USUAL_STRIDE, room // 2) if stride is None else stride
        if not 0 <= stride < room:
            raise DataError(
                f"`stride` is {stride}, and next to the longest question windows have {room} tokens of the context",
                hint="choose less",
            )
        return cls(window, stride, question_length)

    def others(self, tokenizer: Any, limit: int | None) -> Iterator[tuple[str, WindowSizes]]:
        """Other windows and strides that deployments have, in words that continue a sentence; those that differ in one come first.

        `limit` is the number of tokens that the model takes, if any.
        """
        special = int(tokenizer.num_special_tokens_to_add(pair=True))
        windows = [one for one in OTHER_WINDOWS if one != self.window and (limit is None or one <= limit)]
        strides = [one for one in OTHER_STRIDES if one != self.stride]
        tried = [
            *((self.window, stride) for stride in strides),
            *((window, self.stride) for window in windows),
            *((window, stride) for window in windows for stride in strides),
        ]
        for window, stride in tried:
            if stride < window - special - self.question:
                sizes = WindowSizes(window, stride, self.question)
                yield self.describe_other(sizes), sizes

    def describe_other(self, other: WindowSizes) -> str:
        """What other sizes are, in words that continue a sentence."""
        names = {"window": "windows have", "stride": "two windows have in common", "question": "questions are cut to"}
        pairs = {name: (getattr(other, name), getattr(self, name)) for name in names}
        return " and ".join(
            f"{names[name]} {theirs} tokens in place of {own}" for name, (theirs, own) in pairs.items() if theirs != own
        )


def tokenize(
    tokenizer: Any, examples: Sequence[Example], sizes: WindowSizes, *, question_first: bool
) -> list[list[Any]]:
    """The encodings of the windows of every example, of which each has the whole question.

    A tokenizer that gives no more than one for an example gives the first.
    """
    questions = _cut_questions(tokenizer, [example[QUESTION] for example in examples], sizes.question)
    contexts = [example[CONTEXT] for example in examples]
    encoded = tokenizer(
        *((questions, contexts) if question_first else (contexts, questions)),
        truncation="only_second" if question_first else "only_first",
        max_length=sizes.window,
        stride=sizes.stride,
        return_overflowing_tokens=True,
        verbose=False,
    )
    windows: list[list[Any]] = [[] for _ in examples]
    samples = encoded.get("overflow_to_sample_mapping", range(len(examples)))
    for sample, window in zip(samples, encoded.encodings, strict=True):
        windows[sample].append(window)
    return windows


def place_tokens(tokenizer: Any, window: Any, *, question_first: bool, whole_words: bool) -> tuple[Ints, Ints]:
    """What each token of a window may be, shape (tokens,), and where an answer with it begins and ends, shape (tokens, 2).

    Positions are characters of the context. With `whole_words`, an answer has the whole words that its tokens are of.
    """
    is_context = np.array([one == int(question_first) for one in window.sequence_ids], bool)
    roles = np.where(is_context, IN_CONTEXT, OTHER)
    ids = np.array(window.ids, np.int64)
    if tokenizer.cls_token_id is not None:
        roles[np.flatnonzero(ids == tokenizer.cls_token_id)[:1]] = NO_ANSWER
    offsets = np.where(is_context[:, None], np.array(window.offsets, np.int64).reshape(-1, 2), 0)
    if whole_words and is_context.any():
        words = np.array([-1 if word is None else word for word in window.word_ids], np.int64)[is_context]
        first = np.flatnonzero(np.diff(words, prepend=words[0] - 1))
        lengths = np.diff(np.append(first, len(words)))
        own = offsets[is_context]
        starts, ends = np.minimum.reduceat(own[:, 0], first), np.maximum.reduceat(own[:, 1], first)
        offsets[is_context] = np.column_stack([np.repeat(starts, lengths), np.repeat(ends, lengths)])
    return roles.astype(np.int64), offsets


def _cut_questions(tokenizer: Any, questions: Sequence[str], length: int) -> list[str]:
    """The questions without what makes them longer than so many tokens."""
    encodings = tokenizer(list(questions), add_special_tokens=False, verbose=False).encodings
    return [_cut(tokenizer, text, one, length) for text, one in zip(questions, encodings, strict=True)]


def _cut(tokenizer: Any, text: str, encoding: Any, length: int) -> str:
    """A text that ends where its token number `length` does, or before that where what is left has more tokens."""
    kept = length
    while len(encoding.ids) > length:
        text = text[: encoding.offsets[kept - 1][1]] if kept else ""
        (encoding,) = tokenizer([text], add_special_tokens=False, verbose=False).encodings
        kept = min(kept, len(encoding.ids)) - 1
    return text
