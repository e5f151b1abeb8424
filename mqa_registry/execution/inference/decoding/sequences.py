"""Generated sequences: their tokens, log probabilities and scores, and what a codec decodes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class GeneratedSequence:
    """The tokens of one row so far, with their log probabilities. `is_valid` is false once its logits had NaN."""

    tokens: tuple[int, ...] = ()
    log_probabilities: tuple[float, ...] = ()
    is_valid: bool = True

    def __len__(self) -> int:
        return len(self.tokens)

    def append(self, token: int, log_probability: float) -> GeneratedSequence:
        """The sequence with one more token."""
        return GeneratedSequence((*self.tokens, token), (*self.log_probabilities, log_probability))

    def invalidate(self) -> GeneratedSequence:
        """The sequence as it stands, marked as one that cannot go on."""
        return GeneratedSequence(self.tokens, self.log_probabilities, is_valid=False)

    def score(self, length_penalty: float = 0.0) -> float:
        """The sum of its log probabilities, divided by its length to the power of `length_penalty`; NaN if invalid."""
        if not self.is_valid:
            return float("nan")
        return float(sum(self.log_probabilities) / max(1, len(self)) ** length_penalty)


def log_softmax(logits: Floats) -> npt.NDArray[np.float64]:
    """Log probabilities of each row of logits; NaN in a row with NaN."""
    with np.errstate(invalid="ignore"):  # infinity less infinity
        shifted = logits.astype(np.float64) - np.max(logits, axis=-1, keepdims=True)
    log_probabilities: npt.NDArray[np.float64] = shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
    return log_probabilities


def to_outputs(sequences: Sequence[GeneratedSequence], length_penalty: float = 0.0) -> dict[str, npt.NDArray[Any]]:
    """The outputs `tokens`, `lengths`, `log_probabilities` and `score`, as `Generation` describes them, padded with 0."""
    lengths = np.array([len(one) for one in sequences], np.int64)
    tokens = np.zeros((len(sequences), max(lengths, default=0)), np.int64)
    log_probabilities = np.zeros(tokens.shape)
    for row, one in enumerate(sequences):
        tokens[row, : len(one)] = one.tokens
        log_probabilities[row, : len(one)] = one.log_probabilities
    scores = np.array([one.score(length_penalty) for one in sequences])
    return {"tokens": tokens, "lengths": lengths, "log_probabilities": log_probabilities, "score": scores}
