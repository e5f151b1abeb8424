"""How often the positive class is the answer: over all rows, those that are positive, and those that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_registry import positive_class

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions, Targets


def selection_rate(predictions: Predictions, targets: Targets, *, positive: str | None = None) -> npt.NDArray[np.bool_]:
    """The share of rows with the positive class for an answer.

    From 0 to 1, whatever is right. `positive` is the second of two classes unless it is named.
    """
    return np.asarray(predictions.codes == positive_class(predictions.classes, positive))


def true_positive_rate(
    predictions: Predictions, targets: Targets, *, positive: str | None = None
) -> npt.NDArray[np.float64]:
    """The share of positive rows that were answered so.

    From 0 to 1; also recall, sensitivity. `positive` is the second of two classes unless it is named. Undefined without
    positive rows.
    """
    code = positive_class(predictions.classes, positive)
    return np.where(targets.codes == code, predictions.codes == code, np.nan)


def false_positive_rate(
    predictions: Predictions, targets: Targets, *, positive: str | None = None
) -> npt.NDArray[np.float64]:
    """The share of other rows that were answered as positive.

    From 0 to 1; also fall-out, 1 - specificity. `positive` is the second of two classes unless it is named. Undefined
    where every row is positive.
    """
    code = positive_class(predictions.classes, positive)
    return np.where(targets.codes == code, np.nan, predictions.codes == code)
