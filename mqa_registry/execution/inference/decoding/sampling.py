"""Sampling: which tokens may be drawn, with which probabilities, and the draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.execution.inference.decoding.sequences import log_softmax
from mqa_registry.stats.randomness import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import Sampling

    Floats: TypeAlias = npt.NDArray[np.floating[Any]]


def sampling_probabilities(logits: Floats, sampling: Sampling) -> npt.NDArray[np.float64]:
    """The probability of each token of being drawn, shape (rows, vocabulary).

    As in nucleus sampling (Holtzman et al., 2020), `top_p` keeps the fewest most probable tokens that have so much of
    what `top_k` left. Tokens with the same logit as the k-th are kept.
    """
    scaled = logits.astype(np.float64) / sampling.temperature
    if 0 < sampling.top_k < scaled.shape[-1]:
        lowest = np.partition(scaled, -sampling.top_k, axis=-1)[:, -sampling.top_k, None]
        scaled = np.where(scaled < lowest, -np.inf, scaled)
    probabilities = np.exp(log_softmax(scaled))
    if sampling.top_p < 1:
        order = np.argsort(-probabilities, axis=-1, kind="stable")
        by_rank = np.take_along_axis(probabilities, order, axis=-1)
        before = np.cumsum(by_rank, axis=-1) - by_rank  # what more probable tokens have together
        kept = np.where(before < sampling.top_p, by_rank, 0.0)
        np.put_along_axis(probabilities, order, kept, axis=-1)
    normalized: npt.NDArray[np.float64] = probabilities / np.sum(probabilities, axis=-1, keepdims=True)
    return normalized


class RowSampler:
    """Draws tokens for the rows of a batch, each from a stream of random numbers of its own."""

    def __init__(self, sampling: Sampling, keys: Sequence[bytes]) -> None:
        """`keys` say what each row is, and nothing about its batch."""
        self._sampling = sampling
        self._generators = [generator(sampling.seed, "sampling", key.hex()) for key in keys]

    def choose(self, logits: Floats, rows: Sequence[int]) -> npt.NDArray[np.int64]:
        """A token for each of these rows, whose logits have the shape (rows, vocabulary).

        The token is where the cumulative probability passes a uniform number: two backends that draw by the same key
        draw the same token unless their probabilities differ by about as much.
        """
        cumulative = np.cumsum(sampling_probabilities(logits, self._sampling), axis=-1)
        uniform = np.array([self._generators[row].random() for row in rows])
        passed = cumulative > uniform[:, None] * cumulative[:, -1:]
        tokens: npt.NDArray[np.int64] = np.argmax(passed, axis=-1)
        return tokens
