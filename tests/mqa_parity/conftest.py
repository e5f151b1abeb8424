"""Predictions by hand, in any schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from mqa_registry import Predictions, as_predictions

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def predicted() -> Callable[..., Predictions]:
    """Predictions of one schema from its columns."""

    def make(schema: str, classes: tuple[str, ...] | None = None, **columns: Any) -> Predictions:
        rows = len(next(iter(columns.values())))
        return as_predictions(pa.table({"id": [str(n) for n in range(rows)], **columns}), schema, classes)

    return make
