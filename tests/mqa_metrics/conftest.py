"""Predictions and targets by hand, and statistics as the judge evaluates them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import Predictions, Statistic

Make: TypeAlias = Callable[..., Predictions]


def _predictions(schema: str, values: Sequence[Any], classes: Sequence[str], probabilities: Any) -> Predictions:
    kinds = {
        "label": pa.string(), "labels": pa.list_(pa.string()), "text": pa.string(), "spans": None, "value": pa.float64(),
    }  # fmt: skip
    columns = {
        "id": pa.array([str(n) for n in range(len(values))], pa.string()),
        schema: pa.array(list(values), kinds[schema]),
    }
    if probabilities is not None:
        columns["probability"] = pa.array([list(row) for row in probabilities], pa.list_(pa.float64()))
    return Predictions(schema, pa.table(columns), tuple(classes))


@pytest.fixture(scope="session")
def label() -> Make:
    """Schema `label` from labels."""

    def make(labels: Sequence[str], classes: Sequence[str] = ("negative", "positive"), p: Any = None) -> Predictions:
        return _predictions("label", labels, classes, p)

    return make


@pytest.fixture(scope="session")
def coded(label: Make) -> Make:
    """Schema `label` from class numbers below `k`, named so that their order is that of the numbers."""

    def make(codes: Sequence[int], k: int = 2, p: Any = None) -> Predictions:
        return label([f"class-{code:03d}" for code in codes], [f"class-{code:03d}" for code in range(k)], p)

    return make


@pytest.fixture(scope="session")
def labels() -> Make:
    """Schema `labels` from a table of rows by classes."""

    def make(table: Any) -> Predictions:
        names = [f"class-{code}" for code in range(np.shape(table)[1])]
        return _predictions("labels", [[names[c] for c in np.flatnonzero(row)] for row in table], names, None)

    return make


@pytest.fixture(scope="session")
def spans() -> Make:
    """Schema `spans` from (start, end, label) tuples."""

    def make(rows: Sequence[Sequence[tuple[int, int, str]]]) -> Predictions:
        kind = pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())]))
        values = [[{"start": start, "end": end, "label": name} for start, end, name in row] for row in rows]
        ids = pa.array([str(n) for n in range(len(rows))], pa.string())
        return Predictions("spans", pa.table({"id": ids, "spans": pa.array(values, kind)}))

    return make


@pytest.fixture(scope="session")
def text() -> Make:
    """Schema `text`."""
    return lambda values: _predictions("text", values, (), None)


@pytest.fixture(scope="session")
def predict() -> Make:
    """Any schema without classes, from its name and values."""
    return lambda schema, values: _predictions(schema, values, (), None)


@pytest.fixture(scope="session")
def at() -> Callable[..., Any]:
    """A statistic, or row scores, where row n is counted `times[n]` times; every row once if left out."""

    def evaluate(measured: Any, times: Any = None) -> Any:
        if isinstance(measured, Statistic):
            return measured.compute(counts_of(measured, times))
        scores = np.asarray(measured, np.float64)
        repeated = np.repeat(scores, np.ones(len(scores), int) if times is None else times)
        counted = repeated[~np.isnan(repeated)]
        return counted.mean() if counted.size else np.nan

    return evaluate


def counts_of(statistic: Statistic, times: Any) -> Any:
    """How often each bin is counted, for one vector of row counts or a stack of them."""
    if statistic.bins is None:
        return np.asarray(times, np.float64)
    rows = statistic.bins >= 0
    times = np.ones(len(rows)) if times is None else np.asarray(times)
    stacked = np.atleast_2d(times)
    counts = np.stack([np.bincount(statistic.bins[rows], row[rows], statistic.n_bins) for row in stacked])
    return counts.reshape(*times.shape[:-1], statistic.n_bins)
