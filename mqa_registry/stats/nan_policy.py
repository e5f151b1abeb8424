"""NaN policy: a row whose score is NaN is ignored, as by `nan_policy="omit"` of scipy."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from mqa_registry.stats.estimates import Bools, Floats, Ints

    ScoreArray = TypeVar("ScoreArray", Floats, Bools, Floats | Bools)


def omit_nan(scores: ScoreArray, clusters: Ints | None = None) -> tuple[ScoreArray, Ints | None]:
    """The scores of the rows that are not ignored, and their clusters, both of shape (rows,)."""
    ignored = is_ignored(scores)
    if not ignored.any():
        return scores, clusters
    return scores[~ignored], clusters[~ignored] if clusters is not None else None


def is_ignored(scores: Floats | Bools) -> Bools:
    """Whether each row is ignored, shape (rows,)."""
    return np.zeros(len(scores), dtype=bool) if scores.dtype == bool else np.isnan(scores)
