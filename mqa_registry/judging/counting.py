"""Counting: a measure's answer as a function of how often each row is counted, so that rows can be drawn again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_registry.contributions import Quantile, Scores, Statistic
from mqa_registry.judging.quantiles import SLACK

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]


def counted(answer: Floats | Bools | Scores | Statistic | Quantile | float, rows: int) -> Statistic:
    """The answer as a statistic that says how many cells there are."""
    if isinstance(answer, Quantile):
        return _quantile(answer)
    if isinstance(answer, Scores):
        return _mean(answer.values, [end for end in (answer.low, answer.high) if math.isfinite(end)])
    if not isinstance(answer, Statistic):
        return _mean(np.asarray(answer, dtype=np.float64))
    return answer if answer.cells is not None else Statistic(answer.of, np.arange(rows), rows)


def _mean(scores: Floats, unseen: Sequence[float] = ()) -> Statistic:
    """The sum of the scores by the number of rows that have a say; `unseen` are scores that a row may have, too."""
    values, cells = _celled(scores)
    values = np.append(values, unseen)

    def of(counts: Floats) -> Floats:
        rows = counts.sum(axis=-1)
        mean: Floats = np.divide(counts @ values, rows, out=np.full(rows.shape, math.nan), where=rows > 0)
        return mean

    return Statistic(of, cells, len(values))


def _quantile(quantile: Quantile) -> Statistic:
    """The smallest value that at least this share of the rows does not exceed."""
    values, cells = _celled(quantile.values)
    ranked = np.append(values, math.nan)  # which has a cell, too, so that there is one where no row has a say

    def of(counts: Floats) -> Floats:
        rows = counts.sum(axis=-1)
        wanted = np.ceil((quantile.share - SLACK) * rows) - 0.5  # counts are whole
        place = np.argmax(np.cumsum(counts, axis=-1) >= wanted[..., None], axis=-1)
        found: Floats = np.where(rows > 0, ranked[place], math.nan)
        return found

    return Statistic(of, cells, len(ranked))


def _celled(scores: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The different scores, in order, and which each row has; -1 for a row that has no say."""
    speaking = ~np.isnan(scores)
    values, places = np.unique(scores[speaking], return_inverse=True)
    cells = np.full(len(scores), -1)
    cells[speaking] = places
    return values, cells
