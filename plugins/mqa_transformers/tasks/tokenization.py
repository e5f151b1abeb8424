"""Texts as tokens: the padding token, the length of rows, and tokens that the model has no embedding for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Example, Model

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

IDS, MASK, TYPE_IDS = "input_ids", "attention_mask", "token_type_ids"
LENGTH_HINT = "export it for longer rows, or with dynamic axes"
MAX_NAMED_TOKENS = 3  # in a remark
CHUNK_ROWS = 2048  # encoded at a time
UNBOUNDED = 1_000_000  # tokenizers write a larger number where they set no bound


@dataclass(frozen=True)
class Padding:
    """The id of the token that rows are padded with, None where there is none.

    `remark` says what was chosen where the files of the model do not agree on it.
    """

    token_id: int | None
    remark: str = ""


def choose_padding(tokenizer: Any, facts: Mapping[str, Any]) -> Padding:
    """The model's own padding token, by which a decoder finds the last token of a row; else the tokenizer's.

    `facts` are those of the model: its `pad_token_id` and `vocab_size`, and whether it `has_no_pad_token`.
    """
    own, configured, size = tokenizer.pad_token_id, facts.get("pad_token_id"), facts.get("vocab_size")
    if configured is not None and own is not None and configured != own:
        return Padding(
            configured,
            f"the configuration pads with {name_token(tokenizer, configured)} and the tokenizer with"
            f" {name_token(tokenizer, own)}: rows are padded with the former, which the model takes for padding",
        )
    if configured is not None:
        return Padding(configured)
    if own is not None and size is not None and own >= size:
        return Padding(None, f"the tokenizer pads with {name_token(tokenizer, own)}, and the model has {size:,} tokens")
    if own is not None and facts.get("has_no_pad_token") and find_unused_pad_token(tokenizer, size) is not None:
        return Padding(
            own, f"the configuration names no padding token: {name_token(tokenizer, own)} of the tokenizer is set"
        )
    return Padding(own)


def find_unused_pad_token(tokenizer: Any, vocab_size: int | None) -> int | None:
    """The tokenizer's padding token, for a model that names none.

    None where the model has no embedding for it, or where it also ends texts: the model would then not see their end.
    """
    token = getattr(tokenizer, "pad_token_id", None)
    if token is None or (vocab_size is not None and token >= vocab_size):
        return None
    return None if token in tokenizer("a")[IDS] else int(token)


def resolve_max_length(model: Model, requested: int | None, *, pair: bool) -> int | None:
    """The number of tokens that texts are cut to; None where nothing sets a bound. A DataError where it is impossible.

    The fewest that a text, or a `pair` of texts, takes are the special tokens and one of each text.
    """
    upper = find_max_length(model.processor, model)
    if requested is None:
        return upper
    lower = count_fewest_tokens(model.processor, pair=pair)
    if requested < lower or (upper is not None and requested > upper):
        to_upper = "" if upper is None else f" to {upper}"
        raise DataError(f"`max_length` is {requested}, and this model takes {lower}{to_upper} tokens")
    return requested


def find_max_length(tokenizer: Any, model: Model) -> int | None:
    """The longest input that a tokenizer gives and a model takes, in tokens; None where nothing sets a bound."""
    bounds = [tokenizer.model_max_length, model.about.get("max_positions")]
    return min((int(bound) for bound in bounds if bound is not None and bound < UNBOUNDED), default=None)


def count_fewest_tokens(tokenizer: Any, *, pair: bool) -> int:
    """The fewest tokens that a text, or a pair of texts, takes: the special ones, and one of each text."""
    return int(tokenizer.num_special_tokens_to_add(pair=pair)) + (2 if pair else 1)


def pads_left(tokenizer: Any) -> bool:
    """Whether rows are padded in front. What has no side, as an image processor, pads behind."""
    return getattr(tokenizer, "padding_side", "right") == "left"


def pad_rows(
    tokenizer: Any, rows: Sequence[Arrays], names: Iterable[str], width: int, pad_token_id: int
) -> dict[str, npt.NDArray[np.int64]]:
    """One batch: these arrays of rows, each of shape (rows, width), padded on the tokenizer's side."""
    fill_values = {IDS: pad_token_id, TYPE_IDS: tokenizer.pad_token_type_id}
    is_left = pads_left(tokenizer)
    batch = {}
    for name in names:
        batch[name] = np.full((len(rows), width), fill_values.get(name, 0), np.int64)
        for line, row in zip(batch[name], rows, strict=True):
            n_tokens = len(row[name])
            line[slice(width - n_tokens, width) if is_left else slice(n_tokens)] = row[name]
    return batch


def check_row_length(model: Model, length: int) -> None:
    """A DataError where rows of so many tokens have no room for a text, or more tokens than the model takes."""
    special = int(model.processor.num_special_tokens_to_add(pair=False))
    max_positions = model.about.get("max_positions")
    if length <= special:
        raise DataError(
            f"a backend takes rows of exactly {length} tokens, and {special} of them are the tokenizer's own",
            hint=LENGTH_HINT,
        )
    if max_positions is not None and length > max_positions:
        raise DataError(
            f"a backend takes rows of exactly {length} tokens, and the model takes {max_positions} at most",
            hint="is it an export of this model?",
        )


def with_first_token(row: Arrays, pad_token_id: int) -> Arrays:
    """A row of at least one token: where a tokenizer makes none of an empty text, a padding token stands for it."""
    if row[IDS].size:
        return row
    return {name: np.zeros(1, np.int64) for name in row} | {IDS: np.array([pad_token_id]), MASK: np.array([1])}


def count_uncut_tokens(
    tokenizer: Any, max_length: int, lengths: Sequence[int], texts: Sequence[tuple[str, ...] | None]
) -> list[int]:
    """The number of tokens that each row has before it is cut to `max_length`.

    `lengths` are those of the rows as they were encoded. Only rows as long as the limit are encoded again; `texts` has
    the text of each row, or both texts of a pair, and None for a row that was not made of a text.
    """
    counts = list(lengths)
    cut = {row: text for row, text in enumerate(texts) if text is not None and counts[row] >= max_length}
    if cut:
        columns = [list(column) for column in zip(*cut.values(), strict=True)]
        encoded = tokenizer(*columns, truncation=False, verbose=False)
        for row, ids in zip(cut, encoded[IDS], strict=True):
            counts[row] = max(counts[row], len(ids))
    return counts


def name_token(tokenizer: Any, token: int) -> str:
    """A token's text with its id, for messages."""
    return f"`{tokenizer.convert_ids_to_tokens(token)}` ({token})"


@dataclass(frozen=True)
class OversizedVocabulary:
    """A tokenizer with more tokens than its model has embeddings for: those with an id of `model_size` and above."""

    tokenizer: Any
    model_size: int

    @classmethod
    def detect(cls, tokenizer: Any, model_size: int | None) -> Self | None:
        """The vocabulary of a tokenizer, where it is larger than that of its model; else None."""
        return cls(tokenizer, model_size) if model_size is not None and len(tokenizer) > model_size else None

    @property
    def remark(self) -> str:
        """That the two do not fit, and which tokens have no embedding."""
        total = len(self.tokenizer)
        end = min(total, self.model_size + MAX_NAMED_TOKENS)
        names = ", ".join(name_token(self.tokenizer, token) for token in range(self.model_size, end))
        return (
            f"the tokenizer has {total:,} tokens, the model {self.model_size:,}: it has no embedding for {names}"
            f"{f' and {total - end:,} more' if total > end else ''}"
        )

    def find_unusable(
        self, encode: Callable[[Sequence[Example]], Sequence[Arrays]], examples: Sequence[Example]
    ) -> tuple[int, str] | None:
        """The index of the first example with a token that the model has no embedding for, and why it cannot be run."""
        for start in range(0, len(examples), CHUNK_ROWS):
            for index, row in enumerate(encode(examples[start : start + CHUNK_ROWS]), start):
                highest = int(row[IDS].max(initial=0)) if IDS in row else 0
                if highest >= self.model_size:
                    return index, f"it has {name_token(self.tokenizer, highest)}, and {self.remark}"
        return None
