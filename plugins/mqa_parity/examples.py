"""Rows of observations as the evidence of a probe shows them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from mqa_registry import ExampleRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

MAX_EXAMPLES = 5


def select_worst_rows(observations: pa.Table, badness: Floats, columns: Sequence[str]) -> list[ExampleRow]:
    """The worst rows of the data, each once, with some columns of its worst observation; rows of badness 0 are none."""
    order = pa.array(np.argsort(-badness, kind="stable")[: np.count_nonzero(badness > 0)])
    worst: dict[str, dict[str, Any]] = {}
    for row in observations.select(["id", "fields", *columns]).take(order).to_pylist():
        if row["id"] is not None:
            worst.setdefault(row["id"], row)
    return [_make_example(row) for row in list(worst.values())[:MAX_EXAMPLES]]


def _make_example(row: Mapping[str, Any]) -> ExampleRow:
    values = {name: value for name, value in row.items() if name not in ("id", "fields") and value != ""}
    details = {name: round_for_report(value) for name, value in values.items()}
    return ExampleRow(row["id"], json.loads(row["fields"]) if row["fields"] else {}, details=details)


def round_for_report(value: Any) -> Any:
    """A number as reports show it, with four digits; None for NaN and infinities. Other values are unchanged."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.4g}") if math.isfinite(value) else None


def read_floats(table: pa.Table, name: str) -> Floats:
    """A column of numbers."""
    return np.array(table.column(name).to_numpy(), np.float64)
