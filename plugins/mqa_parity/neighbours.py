"""Neighbour flips: rows whose nearest neighbours, among all rows, are others on the candidate than on the reference.

A cosine of 0.96 between two vectors of a row says little of what a search finds: neighbours lie closer together than that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import numpy as np
from annotated_types import Ge

from mqa_parity.comparisons import cosine
from mqa_parity.examples import round_for_report
from mqa_parity.flips import Flips, list_flips
from mqa_parity.margins import Margins
from mqa_registry import DataError, Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float32]
    Ints: TypeAlias = npt.NDArray[np.int64]

Similarity: TypeAlias = Literal["cosine", "dot"]
Count: TypeAlias = Annotated[int, Ge(1)]

BLOCK_BYTES = 1 << 25  # of the similarities of some rows to all
MAX_TIE_LIMIT = 0.05  # a neighbour that is nearer by so much is no tie, however far all rows moved


def neighbour_flips(
    reference: Predictions, candidate: Predictions, *, k: Count = 1, similarity: Similarity = "cosine"
) -> npt.NDArray[np.bool_]:
    """The share of rows whose `k` nearest neighbours are others than on the reference.

    From 0 to 1. The neighbours of a row are the other rows of its data set that are most similar to it; the order among the
    `k` does not matter. `similarity` is the cosine of their vectors, or their dot product. All pairs of rows are compared: the time
    grows with the square of their number.

    A report says how many rows flipped, how many of these are `ties` and how many are `damage`, as for `parity/flip-rate`. The
    margin of a row is how much more similar its last neighbour is than the next row, and of one that flipped, how much more
    similar a neighbour that it lost was than the one that came in its place. Beside it stands the mean cosine of the two
    vectors of a row.
    """
    flipped = np.zeros(len(reference), bool)
    for block in _compare_blocks(reference, candidate, k, similarity):
        flipped[block.rows] = block.flipped
    return flipped


def neighbour_evidence(
    reference: Predictions, candidate: Predictions, *, k: Count = 1, similarity: Similarity = "cosine"
) -> Evidence:
    """The number of flips, of ties and of damage among them, all flips, the largest margin first, and the mean cosine."""
    n_rows = len(reference)
    flipped, margins, moves = np.zeros(n_rows, bool), np.full(n_rows, np.nan), np.zeros(n_rows)
    for block in _compare_blocks(reference, candidate, k, similarity):
        flipped[block.rows], margins[block.rows], moves[block.rows] = block.flipped, block.margins, np.abs(block.moves)
    limit = Margins(margins, moves, MAX_TIE_LIMIT).tie_limit(flipped)
    listed = list_flips(reference, Flips(flipped, margins, limit))
    mean_cosine = float(np.nanmean(cosine(reference, candidate))) if n_rows else float("nan")
    return Evidence(
        remarks=listed.remarks,
        notes=[f"the mean cosine of a row's two vectors is {mean_cosine:.4g}"] if np.isfinite(mean_cosine) else (),
        examples=listed.examples,
        details={**listed.details, "mean_cosine": round_for_report(mean_cosine)},
    )


@dataclass(frozen=True)
class _Block:
    """Some rows: whether their neighbours flipped, their margins, and how far the reference's own margins moved."""

    rows: slice
    flipped: npt.NDArray[np.bool_]
    margins: Floats
    moves: Floats


def _compare_blocks(reference: Predictions, candidate: Predictions, k: int, similarity: Similarity) -> Iterator[_Block]:
    one, other = (_read_vectors(side, similarity) for side in (reference, candidate))
    n_rows = len(one)
    if n_rows < k + 2:
        raise DataError(
            f"{n_rows} rows have no {k} nearest neighbours that could be others",
            hint="give more rows, or a smaller `k`",
        )
    size = max(1, BLOCK_BYTES // (4 * n_rows))
    for start in range(0, n_rows, size):
        rows = slice(start, min(start + size, n_rows))
        yield _compare_block(rows, _similarities(one, rows), _similarities(other, rows), k)


def _compare_block(rows: slice, before: Floats, after: Floats, k: int) -> _Block:
    """Some rows, by the similarities of each to all rows, shape (rows, all)."""
    nearest, now = _find_nearest(before, k + 1), _find_nearest(after, k)
    last, following = nearest[:, k - 1 : k], nearest[:, k : k + 1]
    own = nearest[:, :k]
    is_lost = ~(own[:, :, None] == now[:, None, :]).any(axis=2)
    is_gained = ~(now[:, :, None] == own[:, None, :]).any(axis=2)
    flipped = is_lost.any(axis=1)
    gaps = np.take_along_axis(before, last, 1) - np.take_along_axis(before, following, 1)
    gaps_now = np.take_along_axis(after, last, 1) - np.take_along_axis(after, following, 1)
    lost = np.where(is_lost, np.take_along_axis(before, own, 1), -np.inf).max(axis=1)
    gained = np.where(is_gained, np.take_along_axis(before, now, 1), np.inf).min(axis=1)
    margins = np.where(flipped, lost - gained, gaps[:, 0])
    return _Block(rows, flipped, margins, (gaps_now - gaps)[:, 0])


def _read_vectors(predictions: Predictions, similarity: Similarity) -> Floats:
    """The vectors as rows by dimensions; of length 1 where cosines are asked for."""
    vectors = predictions.values
    if similarity == "cosine":
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return vectors.astype(np.float32)


def _similarities(vectors: Floats, rows: slice) -> Floats:
    """How similar some rows are to all; no row is its own neighbour."""
    similarities = vectors[rows] @ vectors.T
    similarities[np.arange(len(similarities)), np.arange(rows.start, rows.stop)] = -np.inf
    return similarities


def _find_nearest(similarities: Floats, count: int) -> Ints:
    """The most similar rows, the nearest first; of equal ones those that stand first in the data."""
    unordered = np.argpartition(-similarities, count - 1, axis=1)[:, :count]
    unordered.sort(axis=1)
    order = np.argsort(-np.take_along_axis(similarities, unordered, 1), axis=1, kind="stable")
    return np.take_along_axis(unordered, order, 1)
