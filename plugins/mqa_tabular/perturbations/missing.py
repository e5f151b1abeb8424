"""Values that are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_tabular.perturbations.changes import Share, change_tables, select_columns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import numpy as np

    from mqa_registry import Example


def missing_values(
    example: Example, rng: np.random.Generator, *, severity: Share = 0.1, columns: list[str] | None = None
) -> dict[str, dict[str, Any]] | None:
    """Values that are missing, completely at random.

    `severity` is the share of values that are missing. `columns` are those that they are missing in; left out, all are.
    """

    def drop(table: Mapping[str, Any]) -> dict[str, Any]:
        names = select_columns(table, columns)
        draws = rng.random(len(names))
        return {name: None for name, draw in zip(names, draws, strict=True) if draw < severity}

    return change_tables(example, drop)
