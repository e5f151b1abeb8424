"""Rehearsal: what a measure gives of two rows that are made up, before any model has run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import PER_ROW
from mqa_registry.contributions import Metric
from mqa_registry.types import SCHEMAS, Predictions, get_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.suite import Use


def can_rehearse(schema: str) -> bool:
    """Whether predictions of a schema can be made up."""
    return schema in SCHEMAS and SCHEMAS[schema].sample(()) is not None


def rehearse(measure: Use, schema: str, classes: Sequence[str] = ()) -> Any:
    """What a metric or comparison gives of two rows of a schema that can be made up; raises what it raises.

    `classes` are those of the model, or of the data; two names stand for them where they are fewer. The predictions
    are good, but not sure, and two of them differ: a measure that gives scores between 0 and 1 is told from one that
    gives 0 or 1.
    """
    pair = _sample(schema, classes), _sample(schema, classes, as_targets=True)
    with np.errstate(all="ignore"):
        if isinstance(measure.contribution, Metric) and measure.contribution.takes_groups:
            return measure.call(*pair, {"one": np.array([0]), "two": np.array([1])}, seconds=PER_ROW)
        return measure.call(*pair, seconds=PER_ROW)


def _sample(schema: str, classes: Sequence[str], *, as_targets: bool = False) -> Predictions:
    sample = get_schema(schema).sample(classes, as_targets=as_targets)
    assert sample is not None, f"schema `{schema}` has no sample"
    columns, names = sample
    return Predictions(schema, pa.table({"id": pa.array(["1", "2"]), **columns}), names)
