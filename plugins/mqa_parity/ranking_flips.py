"""Flips of rankings: whether another order, or another choice of the first `k`, was decided by noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from mqa_parity.margins import Margins

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

    Row: TypeAlias = tuple[Sequence[str], Floats | None]  # names, the best first, and their scores

BLOCK_ROWS = 4096  # that are Python values at a time


def same_rankings(reference: Predictions, candidate: Predictions, k: int | None) -> Bools:
    """Whether both sides give the same order in each row, or the same first `k`; of targets, whether one of the first is relevant.

    Without `k`, the first one alone is held against targets.
    """
    pairs = zip(_iter_lists(reference), _iter_lists(candidate), strict=True)
    if _are_targets(reference):
        return np.array([_has_relevant(one, other, k or 1) for one, other in pairs], bool)
    return np.array([_select(one, k) == _select(other, k) for one, other in pairs], bool)


def measure_rankings(reference: Predictions, candidate: Predictions, k: int | None) -> Margins | None:
    """The gaps of the reference's scores that an order, or the first `k`, rest on, and how far the candidate's moved from them.

    Of a row that did not flip it is the gap behind the first `k`, without `k` the smallest of all neighbours. Of one that
    flipped it is the largest gap between two that changed places: of one that left the first `k` and one that came in. Scores
    have no unit, so gaps are divided by the standard deviation of the scores of a row in the reference, pooled over all rows.
    The margin is NaN where a side lacks one of the two. None without scores on both sides.
    """
    if _are_targets(reference) or not all("scores" in side.table.column_names for side in (reference, candidate)):
        return None
    margins, moves = np.full((2, len(reference)), np.nan)
    squares, count = 0.0, 0
    for row, (one, other) in enumerate(zip(_iter_rows(reference), _iter_rows(candidate), strict=True)):
        (names, scores), (others, other_scores) = one, other
        if scores is None or other_scores is None or not len(scores):
            continue
        squares, count = squares + float(((scores - scores.mean()) ** 2).sum()), count + len(scores)
        now = dict(zip(others, other_scores.tolist(), strict=True))
        margins[row], moves[row] = _measure_row(names, scores, others, now, k)
    spread = np.sqrt(squares / count) if squares else 1.0
    return Margins(margins / spread, moves / spread)


def _measure_row(
    names: Sequence[str], scores: Floats, others: Sequence[str], now: dict[str, float], k: int | None
) -> tuple[float, float]:
    """The margin of one row, and how far it moved, both in the unit of its scores; `now` has the candidate's scores by name."""
    if _select(names, k) == _select(others, k):
        cuts = np.arange(len(names) - 1) if k is None else np.arange(k - 1, min(k, len(names) - 1))
        if not len(cuts):
            return np.nan, np.nan
        gaps = scores[cuts] - scores[cuts + 1]
        least = int(gaps.argmin())
        upper, lower = (now.get(names[cuts[least] + step], np.nan) for step in (0, 1))
        return float(gaps[least]), abs(upper - lower - float(gaps[least]))
    before = dict(zip(names, scores.tolist(), strict=True))
    if k is None:
        if before.keys() != now.keys():
            return np.nan, np.nan
        moved = np.array([before[name] for name in others])
        return float((moved - np.minimum.accumulate(moved)).max(initial=0.0)), np.nan
    lost, gained = set(names[:k]) - set(others[:k]), set(others[:k]) - set(names[:k])
    if not lost or not gained:
        return np.nan, np.nan
    highest, lowest = max(before[name] for name in lost), min(before.get(name, np.nan) for name in gained)
    return highest - lowest, np.nan


def _select(ranking: Sequence[str] | None, k: int | None) -> Any:
    """What has to be the same of a ranking: its order, or which are the first `k`."""
    if ranking is None:
        return None
    return list(ranking) if k is None else frozenset(ranking[:k])


def _are_targets(side: Predictions) -> bool:
    return bool(pa.types.is_struct(side.main.type.value_type))


def _has_relevant(relevant: Sequence[dict[str, Any]] | None, ranking: Sequence[str] | None, k: int) -> bool:
    return bool({one["id"] for one in relevant or () if one["relevance"] > 0}.intersection((ranking or ())[:k]))


def _iter_lists(side: Predictions) -> Iterator[Any]:
    for start in range(0, len(side), BLOCK_ROWS):
        yield from side.slice(start, min(start + BLOCK_ROWS, len(side))).to_pylist()


def _iter_rows(side: Predictions) -> Iterator[Row]:
    """The names of every row, the best first, and their scores; None where there is no prediction."""
    for start in range(0, len(side), BLOCK_ROWS):
        some = side.slice(start, min(start + BLOCK_ROWS, len(side)))
        scores = some.table.column("scores").to_pylist()
        for names, values in zip(some.to_pylist(), scores, strict=True):
            yield names or (), None if names is None or values is None else np.array(values, np.float64)
