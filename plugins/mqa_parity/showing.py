"""Rows of observations as evidence shows them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

MOST = 5


def examples(observations: pa.Table, badness: Floats, columns: Sequence[str]) -> list[dict[str, Any]]:
    """The worst rows of the data, each once, with some columns of the observation that shows it worst.

    Rows that are not bad at all are no examples.
    """
    order = pa.array(np.argsort(-badness, kind="stable")[: np.count_nonzero(badness > 0)])
    shown: dict[str, dict[str, Any]] = {}
    for row in observations.select(["id", "fields", *columns]).take(order).to_pylist():
        if row["id"] is not None:
            shown.setdefault(row["id"], row)
    return [_example(row) for row in list(shown.values())[:MOST]]


def plain(value: Any) -> Any:
    """A number as a report shows it: four digits; null where there is none."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.4g}") if math.isfinite(value) else None


def floats(table: pa.Table, column: str) -> Floats:
    """A column of numbers."""
    return np.array(table.column(column).to_numpy(), np.float64)


def _example(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: plain(value) for name, value in row.items() if name != "fields" and value != ""}
    return shown | ({"fields": json.loads(row["fields"])} if row["fields"] else {})
