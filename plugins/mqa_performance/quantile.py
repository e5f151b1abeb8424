"""Quantiles of repetitions, as statistics that can be resampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_registry import Statistic

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


def quantile(values: Floats, share: float) -> Statistic:
    """The smallest value that at least this share of the values does not exceed: one that was really measured."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]

    def of(counts: Floats) -> Floats:
        total = counts.sum(axis=-1)
        # Half a count of slack, so that rounding of the share never skips a value.
        wanted = np.ceil(share * total - 1e-9)[..., None]
        place = np.argmax(np.cumsum(counts[..., order], axis=-1) >= wanted - 0.5, axis=-1)
        return np.where(total > 0, ranked[place], np.nan)

    return Statistic(of)
