"""Padding: which token fills rows up, so that a model knows it for padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry import Model

LONGER = "export it for longer rows, or with dynamic axes"


@dataclass(frozen=True)
class Padding:
    """The token that rows are padded with, None where there is none; `remark` where the files do not agree on it."""

    token: int | None
    remark: str = ""


def padding_of(tokenizer: Any, about: Mapping[str, Any]) -> Padding:
    """The model's own padding token, by which a decoder finds the last token of a row; else the tokenizer's.

    `about` are the facts of the model: its `pad_token`, whether it is `unpadded`, and how many tokens it has, `vocabulary`.
    """
    own, known, size = tokenizer.pad_token_id, about.get("pad_token"), about.get("vocabulary")
    if known is not None and own is not None and known != own:
        return Padding(
            known,
            f"the configuration pads with {_named(tokenizer, known)} and the tokenizer with {_named(tokenizer, own)}:"
            " rows are padded with the former, which the model takes for padding",
        )
    if known is not None:
        return Padding(known)
    if own is not None and size is not None and own >= size:
        return Padding(None, f"the tokenizer pads with {_named(tokenizer, own)}, and the model has {size:,} tokens")
    if own is not None and about.get("unpadded") and missing_pad_token(tokenizer, size) is not None:
        return Padding(
            own, f"the configuration names no padding token: {_named(tokenizer, own)} of the tokenizer is set"
        )
    return Padding(own)


def check_length(model: Model, length: int) -> None:
    """A DataError where rows of so many tokens have no room for a text, or more tokens than the model takes."""
    own, most = int(model.processor.num_special_tokens_to_add(pair=False)), model.about.get("positions")
    if length <= own:
        raise DataError(
            f"a backend takes rows of exactly {length} tokens, and {own} of them are the tokenizer's own",
            hint=LONGER,
        )
    if most is not None and length > most:
        raise DataError(
            f"a backend takes rows of exactly {length} tokens, and the model takes {most} at most",
            hint="is it an export of this model?",
        )


def missing_pad_token(tokenizer: Any, vocabulary: int | None) -> int | None:
    """The token that a model without a padding token of its own can take for one: the tokenizer's.

    None where that is beyond the model's tokens, or ends texts too: then the model would not see the end of a text.
    """
    token = getattr(tokenizer, "pad_token_id", None)
    if token is None or (vocabulary is not None and token >= vocabulary):
        return None
    ids = tokenizer("a")["input_ids"]
    return None if token in ids else int(token)


def _named(tokenizer: Any, token: int) -> str:
    return f"`{tokenizer.convert_ids_to_tokens(token)}` ({token})"
