"""Exact search: the ranks of some rows of a corpus by how similar their vectors are to that of a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from mqa_metrics.ranks import find_ranks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float32]
    Ints: TypeAlias = npt.NDArray[np.int64]

Similarity: TypeAlias = Literal["cosine", "dot"]

BLOCK_ROWS = 1 << 13  # of vectors that are read at a time
BLOCK_BYTES = 1 << 25  # of the similarities of some queries to the whole corpus
ROUNDING = 1e-6  # similarities in 32 bits that are nearer to each other than this, by their size, are equal


@dataclass(frozen=True)
class Hits:
    """What a query found: the ranks of the rows that it was to find, and the positions of the first results."""

    ranks: npt.NDArray[np.float64]
    first: Ints


def search(
    queries: Predictions, corpus: Predictions, relevant: Sequence[Ints], k: int, similarity: Similarity
) -> Iterator[Hits]:
    """What each query finds; `relevant` has, for each, the positions in the corpus of what it is to find, -1 of what is not there.

    A row that is as similar as a relevant one stands before it: a model to which all rows are alike finds nothing. A
    query without a vector finds nothing, and a row without one is never found.
    """
    rows, there = _read_vectors(corpus, similarity)
    size = max(1, BLOCK_BYTES // (4 * max(1, len(rows))))
    for start in range(0, len(queries), size):
        some, known = _read_vectors(queries.slice(start, min(start + size, len(queries))), similarity)
        similarities = some @ rows.T
        similarities[:, ~there] = -np.inf
        similarities[~known] = -np.inf
        for number, line in enumerate(similarities):
            yield Hits(find_ranks(line, relevant[start + number], ROUNDING), _find_first(line, k))


def _read_vectors(predictions: Predictions, similarity: Similarity) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The vectors, rows by dimensions, of length 1 where cosines are asked for; and which rows have one."""
    blocks = []
    for start in range(0, len(predictions), BLOCK_ROWS):
        block = predictions.slice(start, min(start + BLOCK_ROWS, len(predictions))).values
        if similarity == "cosine":
            lengths = np.linalg.norm(block, axis=1, keepdims=True)
            block = np.divide(block, lengths, out=np.zeros_like(block), where=lengths != 0)
        blocks.append(block.astype(np.float32))
    width = max((block.shape[1] for block in blocks), default=0)
    blocks = [block if block.shape[1] else np.full((len(block), width), np.nan, np.float32) for block in blocks]
    vectors = np.concatenate(blocks) if blocks else np.zeros((0, width), np.float32)
    there = np.isfinite(vectors).all(axis=1)
    return np.where(there[:, None], vectors, np.float32(0)), there


def _find_first(similarities: Floats, k: int) -> Ints:
    """The positions of the `k` most similar rows, the most similar first."""
    count = min(k, len(similarities))
    nearest = np.argpartition(-similarities, count - 1)[:count] if count else np.zeros(0, np.int64)
    nearest = np.sort(nearest[np.isfinite(similarities[nearest])])
    return np.asarray(nearest[np.argsort(-similarities[nearest], kind="stable")])
