"""Sample predictions: two made-up rows of a schema, on which a measure is tried before any model runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import ROW_SECONDS
from mqa_registry.contributions import Metric
from mqa_registry.types import SCHEMAS, Predictions, get_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.suite import Use


def has_sample(schema: str) -> bool:
    """Whether there are sample predictions of a schema."""
    return schema in SCHEMAS and SCHEMAS[schema].sample(()) is not None


def measure_sample(measure: Use, schema: str, classes: Sequence[str] = ()) -> Any:
    """What a metric or comparison returns for sample predictions of a schema that has some; raises what it raises.

    `classes` are those of the model, or of the data; two names stand for them where they are fewer. The predictions are
    right and not certain, and the two rows differ: so a measure with scores between 0 and 1 shows that its scores are
    not all 0 or 1.
    """
    pair = _make_sample(schema, classes), _make_sample(schema, classes, as_targets=True)
    with np.errstate(all="ignore"):
        if isinstance(measure.contribution, Metric) and measure.contribution.takes_groups:
            return measure.call(*pair, {"one": np.array([0]), "two": np.array([1])}, seconds=ROW_SECONDS)
        return measure.call(*pair, seconds=ROW_SECONDS)


def _make_sample(schema: str, classes: Sequence[str], *, as_targets: bool = False) -> Predictions:
    sample = get_schema(schema).sample(classes, as_targets=as_targets)
    assert sample is not None, f"schema `{schema}` has no sample"
    columns, names = sample
    return Predictions(schema, pa.table({"id": pa.array(["1", "2"]), **columns}), names)
