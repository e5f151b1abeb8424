"""Groups by how sure a model is of its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge, Le

from mqa_fairness.numbers import parts_of
from mqa_registry import DataError

if TYPE_CHECKING:
    from mqa_registry import Predictions


def certainty(predictions: Predictions, *, count: Annotated[int, Ge(2), Le(9)] = 4) -> list[str | None]:
    """Which of some equally large parts of the rows a row is in, by the probability of its answer.

    `count` is how many parts there are: `certainty 1/4` are the rows that the model is least sure of. Rows of one
    probability are in one part. Where a check holds its view against another one, it is that one's certainty: with
    `parity/agreement`, whether an export differs where the model was unsure anyway. A row without an answer is in no
    group.
    """
    if predictions.probabilities is None:
        raise DataError(
            "the predictions are labels alone, and certainty needs probabilities",
            hint="slice by something else, or let the backend give probabilities",
        )
    surest = predictions.probabilities.max(axis=1, initial=-np.inf)
    known = np.isfinite(surest)
    names: list[str | None] = [None] * len(surest)
    for place, part in zip(np.flatnonzero(known).tolist(), parts_of(surest[known], count).tolist(), strict=True):
        names[place] = f"certainty {part + 1}/{count}"
    return names
