"""Vocabularies: a tokenizer with more tokens than its model has embeddings for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

SHOWN = 3  # tokens that a remark lists


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer that can give tokens which its model does not have: those from number `model` on."""

    tokenizer: Any
    model: int

    @classmethod
    def of(cls, tokenizer: Any, model: int | None) -> Self | None:
        """A tokenizer with a model of so many tokens; None where it has no others."""
        return cls(tokenizer, model) if model is not None and len(tokenizer) > model else None

    @property
    def remark(self) -> str:
        """That the two do not fit, and the tokens in which they do not."""
        total = len(self.tokenizer)
        names = ", ".join(self.named(token) for token in range(self.model, min(total, self.model + SHOWN)))
        more = total - self.model - SHOWN
        return (
            f"the tokenizer has {total:,} tokens, the model {self.model:,}: it has no embedding for {names}"
            f"{f' and {more:,} more' if more > 0 else ''}"
        )

    def named(self, token: int) -> str:
        """A token as people know it, with its number."""
        return f"`{self.tokenizer.convert_ids_to_tokens(token)}` ({token})"
