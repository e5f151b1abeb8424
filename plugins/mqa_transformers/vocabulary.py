"""Vocabularies: a tokenizer with more tokens than its model has embeddings for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Example

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

SHOWN = 3  # tokens that a remark lists
CHUNK = 2048  # rows encoded at a time


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

    def first_row(
        self, encode: Callable[[Sequence[Example]], Sequence[Arrays]], examples: Sequence[Example]
    ) -> tuple[int, str] | None:
        """The first example that is encoded with a token which the model does not have, and why it cannot be run."""
        for start in range(0, len(examples), CHUNK):
            for place, row in enumerate(encode(examples[start : start + CHUNK]), start):
                most = int(row["input_ids"].max(initial=0)) if "input_ids" in row else 0
                if most >= self.model:
                    return place, f"it has {self.named(most)}, and {self.remark}"
        return None

    def named(self, token: int) -> str:
        """A token as people know it, with its number."""
        return f"`{self.tokenizer.convert_ids_to_tokens(token)}` ({token})"
