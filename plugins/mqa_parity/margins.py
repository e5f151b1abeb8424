"""Margins: how sure the reference was of the prediction of each row, and how far that moved on the other side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

NEIGHBOURS = 100  # rows that a flip is compared with
MIN_NEIGHBOURS = 20  # fewer do not show what is usual
USUAL_QUANTILE = 0.95  # of how far those rows moved
MIN_TIE_LIMIT = 1e-5  # float32 does not resolve smaller margins: the absolute tolerance of torch.testing.assert_close
MAX_TIE_LIMIT = 0.1  # 0.55 against 0.45 is a decision, however far all rows moved
MAX_THRESHOLD_TIE_LIMIT = MAX_TIE_LIMIT / 2  # and so is 0.55 where it counts from 0.5 on


@dataclass(frozen=True)
class Margins:
    """The margin of every row, and how far it moved, both 0 or more, of shape (rows,), and NaN where they are unknown.

    A row flips only where its margin moves by as much or more. A flip with a margin above `max_tie` is no tie.
    """

    values: Floats
    moves: Floats
    max_tie: float = MAX_TIE_LIMIT

    def tie_limit(self, flipped: Bools) -> float:
        """The largest margin of a tie: what is usual among the rows that did not flip, and have the smallest margins.

        Rows that did not move at all show nothing, such as those that a perturbation left unchanged.
        """
        moves = np.nan_to_num(self.moves)
        rows = np.flatnonzero(~np.isnan(self.values) & ~flipped & (moves > 0))
        neighbours = moves[rows[np.argsort(self.values[rows], kind="stable")][:NEIGHBOURS]]
        if len(neighbours) < MIN_NEIGHBOURS:
            return MIN_TIE_LIMIT
        usual = np.quantile(neighbours, USUAL_QUANTILE, method="higher")
        return float(np.clip(usual, MIN_TIE_LIMIT, self.max_tie))
