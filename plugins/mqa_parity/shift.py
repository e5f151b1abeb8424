"""How far scores move from one prediction to another, and which way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_registry import DataError, positive_class

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions


def score_shift(
    reference: Predictions, candidate: Predictions, *, positive: str | None = None
) -> npt.NDArray[np.float64]:
    """The mean by which the probability of a class rises from the reference.

    From -1 to 1, signed: per row the candidate's probability less the reference's, so that rises and falls cancel.
    `positive` is the class, the second of two unless it is named. Of a schema `value` it is the number itself. A row
    that has a number on one side alone has no say.
    """
    if reference.schema == "value":
        return np.asarray(candidate.values - reference.values)
    code = positive_class(reference.classes, positive)
    before, after = reference.probabilities, candidate.probabilities
    if before is None or after is None:
        raise DataError(
            "the predictions are labels alone, and this comparison needs probabilities",
            hint="count how often the answer changes with `parity/flip-rate`",
        )
    return np.asarray(after[:, positive_class(candidate.classes, reference.classes[code])] - before[:, code])
