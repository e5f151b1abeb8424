"""Rates: shares of a group's rows by which groups are held against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from mqa_fairness.tables import Floats
    from mqa_registry import Predictions, Targets


@dataclass(frozen=True)
class Rate:
    """The share of rows answered as positive, `among` all, those that are positive, or those that are not.

    `without` is why a group may have no such share.
    """

    name: str
    among: tuple[int, ...]  # right answers: 1 for the positive class
    without: str = ""

    def of(self, tables: Floats) -> Floats:
        """The rate of every table, shape (..., 4) to (...)."""
        hits = sum(tables[..., 2 * right + 1] for right in self.among)
        rows = hits + sum(tables[..., 2 * right] for right in self.among)
        return quotient(np.asarray(hits), np.asarray(rows))

    def scores(self, predictions: Predictions, targets: Targets, code: int) -> npt.NDArray[np.float64]:
        """A score a row, whose mean is the rate."""
        counted = np.isin(targets.codes == code, self.among)
        return np.where(counted, predictions.codes == code, np.nan)


SELECTION = Rate("selection_rate", (0, 1))
TRUE_POSITIVE = Rate("true_positive_rate", (1,), "no row of `{}` is positive")
FALSE_POSITIVE = Rate("false_positive_rate", (0,), "every row of `{}` is positive")
ODDS = (TRUE_POSITIVE, FALSE_POSITIVE)


def shown(
    predictions: Predictions, targets: Targets, classes: Mapping[int, str], rates: tuple[Rate, ...]
) -> dict[str, npt.NDArray[np.float64]]:
    """What a report shows of every group: its rates, of each class where there are several."""
    return {
        rate.name if len(classes) == 1 else f"{rate.name} of {name}": rate.scores(predictions, targets, code)
        for code, name in classes.items()
        for rate in rates
    }


def quotient(part: Floats, whole: Floats) -> Floats:
    """`part / whole`, NaN where `whole` is not above 0."""
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0))
