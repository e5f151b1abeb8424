"""Rehearsal: what a measure gives of two rows that are made up, before any model has run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import PER_ROW
from mqa_registry.contributions import Metric
from mqa_registry.data import SCHEMAS, Predictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.suite import Use

# Two rows of every schema that it is easy to make up. The predictions are good, but not sure, and two of them differ: a
# measure that gives scores between 0 and 1 is told from one that gives 0 or 1.
CLASS_SCHEMAS = ("label", "labels")
PREDICTIONS: dict[str, list[Any]] = {
    "value": [0.3, 0.8],
    "vector": [[0.3, 0.8], [0.6, 0.1]],
    "text": ["one two three", "four five six"],
    "spans": [[], []],
}
TARGETS: dict[str, list[Any]] = {"value": [0.4, 0.6], "vector": [[0.4, 0.6], [0.5, 0.2]]}
REHEARSABLE_SCHEMAS = frozenset({*CLASS_SCHEMAS, *PREDICTIONS})


def rehearse(measure: Use, schema: str, classes: Sequence[str] = ()) -> Any:
    """What a metric or comparison gives of two rows of this schema, which is one of `REHEARSABLE_SCHEMAS`; raises what it raises.

    `classes` are those of the model, or of the data; two names stand for them where they are fewer.
    """
    pair = _make_up(schema, classes, PREDICTIONS), _make_up(schema, classes, PREDICTIONS | TARGETS, sure=0.65)
    with np.errstate(all="ignore"):
        if isinstance(measure.contribution, Metric) and measure.contribution.takes_groups:
            return measure.call(*pair, {"one": np.array([0]), "two": np.array([1])}, seconds=PER_ROW)
        return measure.call(*pair, seconds=PER_ROW)


def _make_up(schema: str, classes: Sequence[str], values: dict[str, list[Any]], sure: float = 0.75) -> Predictions:
    named = tuple(classes) if len(classes) > 1 else ("one", "two")
    name, kind = SCHEMAS[schema].main
    columns = {"id": pa.array(["1", "2"])}
    if schema not in CLASS_SCHEMAS:
        return Predictions(schema, pa.table(columns | {name: pa.array(values[schema], kind)}))
    rest = [0.0] * (len(named) - 2)
    columns[name] = pa.array([[one] if schema == "labels" else one for one in named[:2]], kind)
    pairs = [[sure, 1 - sure, *rest], [1 - sure, sure, *rest]]
    columns["probability"] = pa.array(pairs, pa.list_(pa.float64()))
    return Predictions(schema, pa.table(columns), named)
