"""Predictions and targets by hand, groups of rows, and statistics as the judge evaluates them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import Predictions


@pytest.fixture(scope="session")
def coded():
    """Schema `label` from class numbers below `k`; with two classes they are `no` and `yes`."""

    def make(codes, k=2):
        classes = ("no", "yes") if k == 2 else tuple(f"class-{code}" for code in range(k))
        labels = pa.array([classes[code] for code in codes], pa.string())
        return Predictions("label", pa.table({"id": [str(n) for n in range(len(codes))], "label": labels}), classes)

    return make


@pytest.fixture(scope="session")
def grouped():
    """Groups as the judge gives them, from one name a row."""

    def make(names):
        return {str(name): np.flatnonzero(np.asarray(names) == name) for name in np.unique(names)}

    return make


@pytest.fixture(scope="session")
def value():
    """A statistic's number on the rows at hand."""

    def of(statistic):
        return float(statistic.compute(counts(statistic)))

    return of


def counts(statistic):
    """How often each bin occurs."""
    bins = np.asarray(statistic.bins)
    return np.bincount(bins[bins >= 0], minlength=statistic.n_bins).astype(np.float64)
