"""Flips of spans, and of tokens behind masks: how sure the reference was of what the candidate decides otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_parity.margins import Margins

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

BLOCK_ROWS = 1 << 14  # compared at a time
DECISIONS, TOKENS = "decisions", "tokens"


def measure_spans(reference: Predictions, candidate: Predictions) -> Margins | None:
    """The margin of the least certain token of each row, and how far that moved; of a row that flipped, the surest that did.

    That token alone would have flipped the row. A margin is NaN where tokens are unknown, or are others. None where one side
    has spans without decisions on tokens.
    """
    if any(DECISIONS not in side.table.column_names for side in (reference, candidate)):
        return None
    return _measure_decisions(reference, candidate, DECISIONS, decided="label", at=("start", "end"))


def measure_tokens(reference: Predictions, candidate: Predictions) -> Margins:
    """The same of the tokens behind the masks of each row; NaN where there are as many no longer, or one has no margin."""
    return _measure_decisions(reference, candidate, TOKENS, decided="token")


def same_tokens(reference: Predictions, candidate: Predictions) -> Bools:
    """Whether both sides give the same tokens in each row; where the reference has targets, which are empty, whether all are right."""
    pairs = zip(reference.to_pylist(), candidate.to_pylist(), strict=True)
    return np.array([_agree(one, other) for one, other in pairs], bool)


def _agree(one: Sequence[dict[str, object]] | None, other: Sequence[dict[str, object]] | None) -> bool:
    if one is None or other is None:
        return one is other
    if not one:
        return all(token["rank"] == 1 for token in other)
    return [token["token"] for token in one] == [token["token"] for token in other]


def _measure_decisions(
    reference: Predictions, candidate: Predictions, column: str, *, decided: str, at: Sequence[str] = ()
) -> Margins:
    """The margins of rows of decisions, each with a `margin`, that a side `decided` at the same positions of a text."""
    one, other = (side.table.column(column) for side in (reference, candidate))
    starts = range(0, len(reference), BLOCK_ROWS)
    blocks = [
        _margins_of_block(one.slice(start, BLOCK_ROWS), other.slice(start, BLOCK_ROWS), decided, at) for start in starts
    ]
    margins, moves = (np.concatenate([np.zeros(0), *(block[part] for block in blocks)]) for part in (0, 1))
    return Margins(margins, moves)


def _margins_of_block(
    reference: pa.ChunkedArray, candidate: pa.ChunkedArray, decided: str, at: Sequence[str]
) -> tuple[Floats, Floats]:
    margins, moves = np.full(len(reference), np.nan), np.full(len(reference), np.nan)
    lengths = [np.asarray(pc.fill_null(pc.list_value_length(side), -1).to_numpy()) for side in (reference, candidate)]
    rows = np.flatnonzero((lengths[0] == lengths[1]) & (lengths[0] > 0))
    if not len(rows):
        return margins, moves
    one, other = (pc.list_flatten(side.take(pa.array(rows))) for side in (reference, candidate))
    starts = np.concatenate([[0], np.cumsum(lengths[0][rows])[:-1]])
    is_same_token = np.logical_and.reduce([np.ones(len(one), bool), *(_equal(one, other, name) for name in at)])
    flipped = ~_equal(one, other, decided)
    p, q = (np.asarray(pc.struct_field(side, "margin").to_numpy(), np.float64) for side in (one, other))
    has_flipped = np.logical_or.reduceat(flipped, starts)
    surest = np.maximum.reduceat(np.where(flipped, p, -np.inf), starts)
    least = np.minimum.reduceat(p, starts)
    is_aligned = np.logical_and.reduceat(is_same_token, starts)
    # The gap of the least certain token, where it moved most among those that are as uncertain.
    is_least = p == np.repeat(least, np.diff(np.append(starts, len(p))))
    moved = np.maximum.reduceat(np.where(is_least, np.abs(p - q), 0.0), starts)
    margins[rows] = np.where(is_aligned, np.where(has_flipped, surest, least), np.nan)
    moves[rows] = np.where(is_aligned, moved, np.nan)
    return margins, moves


def _equal(one: pa.ChunkedArray, other: pa.ChunkedArray, name: str) -> Bools:
    same = pc.equal(pc.struct_field(one, name), pc.struct_field(other, name))
    return np.asarray(pc.fill_null(same, fill_value=False).to_numpy(), bool)
