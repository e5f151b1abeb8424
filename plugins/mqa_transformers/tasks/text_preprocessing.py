"""Preprocessing of texts: a tokenizer as it is, or used as a deployment uses it by mistake."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

USUAL_LENGTHS = (32, 64, 128, 256, 512)  # tokens that deployments cut texts to


class ChangedTokenizer:
    """A tokenizer that is called otherwise: with other arguments, or with texts in lower case. All else is the tokenizer's."""

    def __init__(
        self, tokenizer: Any, arguments: Mapping[str, Any] | None = None, *, lower_cases: bool = False
    ) -> None:
        self._tokenizer = tokenizer
        self._arguments = dict(arguments or {})
        self._lower_cases = lower_cases

    def __call__(self, *columns: Sequence[str], **arguments: Any) -> Any:
        """What the tokenizer gives for a batch of texts, or of pairs."""
        texts = [[text.lower() for text in column] for column in columns] if self._lower_cases else columns
        return self._tokenizer(*texts, **(arguments | self._arguments))

    def __getattr__(self, name: str) -> Any:
        """An attribute of the tokenizer."""
        return getattr(self._tokenizer, name)


def usual_mistakes(tokenizer: Any, limit: int | None) -> Iterator[tuple[str, Any]]:
    """What deployments do otherwise than the tokenizer of a model, in words that continue a sentence.

    `limit` is the number of tokens that texts are cut to, if any.
    """
    yield from mistaken_tokenizers(tokenizer)
    for length in USUAL_LENGTHS:
        if limit is None or length < limit:
            yield _describe_length(length, limit), _cut_to(tokenizer, length)
    other_side = "right" if getattr(tokenizer, "truncation_side", "right") == "left" else "left"
    turned = copy.deepcopy(tokenizer)
    turned.truncation_side = other_side
    yield f"long texts are cut at their {'start' if other_side == 'left' else 'end'}", turned


def mistaken_tokenizers(tokenizer: Any) -> Iterator[tuple[str, Any]]:
    """A tokenizer as deployments use it by mistake, whatever the length of texts."""
    yield "texts are in lower case before they are tokenized", ChangedTokenizer(tokenizer, lower_cases=True)
    if (cased := _without_lower_case(tokenizer)) is not None:
        yield "texts are not put into lower case", cased
    yield "special tokens are not added", ChangedTokenizer(tokenizer, {"add_special_tokens": False})


def different_tokenizers(
    tokenizer: Any, limit: int | None, other: Any, other_limit: int | None
) -> Iterator[tuple[str, Any]]:
    """What a tokenizer does otherwise than a model's own, the simplest first; the last is that it is another one."""
    yield from usual_mistakes(tokenizer, limit)
    if other_limit is not None and other_limit != limit:
        yield _describe_length(other_limit, limit), _cut_to(tokenizer, other_limit)
        for difference, changed in usual_mistakes(tokenizer, other_limit):
            yield f"{_describe_length(other_limit, limit)}, and {difference}", _cut_to(changed, other_limit)
    yield describe_other(tokenizer, other), _cut_to(other, other_limit)


def fit_tokenizer(tokenizer: Any, own: Any) -> Any:
    """A tokenizer that gives the same arrays as a model's own, of those that it has."""
    tokenizer.model_input_names = list(own.model_input_names)
    return tokenizer


def describe_other(tokenizer: Any, other: Any) -> str:
    """That a tokenizer is another than a model's own."""
    return f"the tokenizer is another: {_describe(other)} in place of {_describe(tokenizer)}"


def _cut_to(tokenizer: Any, length: int | None) -> ChangedTokenizer:
    return ChangedTokenizer(tokenizer, {"truncation": length is not None, "max_length": length})


def _without_lower_case(tokenizer: Any) -> Any:
    """The tokenizer that leaves the case of texts as it is; None where it does, or where that cannot be changed."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if not getattr(getattr(backend, "normalizer", None), "lowercase", False):
        return None
    cased = copy.deepcopy(tokenizer)
    cased.backend_tokenizer.normalizer.lowercase = False
    return cased


def _describe_length(length: int, limit: int | None) -> str:
    return f"texts are cut to {length} tokens" + ("" if limit is None else f" in place of {limit}")


def _describe(tokenizer: Any) -> str:
    return f"`{type(tokenizer).__name__}` with {len(tokenizer):,} tokens"
