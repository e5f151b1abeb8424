"""The tokens of texts, in windows where texts are long: where they stand, and which word each belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import DataError, place_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Example

    Ints: TypeAlias = npt.NDArray[np.int64]


TEXT, TOKENS = "text", "tokens"  # the fields of an example


def tokenize(tokenizer: Any, examples: Sequence[Example], length: int | None, stride: int | None) -> list[list[Any]]:
    """The encodings of every example, those of its windows where there is a `stride`, else one, cut to `length` tokens."""
    are_words = [example.get(TOKENS) is not None for example in examples]
    if any(not is_split and example.get(TEXT) is None for is_split, example in zip(are_words, examples, strict=True)):
        raise DataError("a row has neither a `text` nor `tokens`", hint='map one: `columns = { text = "..." }`')
    windows: list[list[Any]] = [[] for _ in examples]
    for is_split in sorted(set(are_words)):
        numbers = [number for number, one in enumerate(are_words) if one == is_split]
        encoded = tokenizer(
            [list(examples[number][TOKENS]) if is_split else examples[number][TEXT] for number in numbers],
            is_split_into_words=is_split,
            truncation=length is not None,
            max_length=length,
            stride=stride or 0,
            return_overflowing_tokens=stride is not None,
            verbose=False,
        )
        samples = encoded.get("overflow_to_sample_mapping", range(len(numbers)))
        for sample, window in zip(samples, encoded.encodings, strict=True):
            windows[numbers[sample]].append(window)
    return windows


def place_tokens(tokenizer: Any, window: Any, text: str | None, words: Sequence[str] | None) -> tuple[Ints, Ints]:
    """The first character of each token and that after its last, shape (tokens, 2), and the number of its word.

    `window` is an `Encoding` of tokenizers, of a `text`, or of `words`, whose characters are those of the words joined by
    single spaces. A token that the tokenizer added has the word -1.
    """
    offsets = np.array(window.offsets, np.int64).reshape(-1, 2)
    if words is not None:
        numbers = np.array([-1 if word is None else word for word in window.word_ids], np.int64)
        starts = np.array([start for start, _ in place_words(words)] or [0], np.int64)
        return np.where(numbers[:, None] >= 0, offsets + starts[numbers][:, None], 0), numbers
    assert text is not None
    is_added = np.array(window.special_tokens_mask, bool)
    begins = [
        not _continues_word(tokenizer, token, text, start, end)
        for token, (start, end) in zip(zip(window.tokens, window.ids, strict=True), offsets.tolist(), strict=True)
    ]
    numbers = np.cumsum(np.where(is_added, 0, begins))
    return offsets, np.where(is_added, -1, numbers)


def _continues_word(tokenizer: Any, token: tuple[str, int], text: str, start: int, end: int) -> bool:
    """Whether a token, by its text and id, is not the first of its word, as transformers tells that: by its prefix, else by a space."""
    name, number = token
    if number == tokenizer.unk_token_id:
        return False
    if getattr(tokenizer.backend_tokenizer.model, "continuing_subword_prefix", None):
        return len(name) != end - start
    return start > 0 and " " not in text[start - 1 : start + 1]
