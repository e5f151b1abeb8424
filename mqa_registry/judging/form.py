"""The form of a measure's answers: a share of rows, another mean, a statistic, a quantile, or a number of the whole."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.contributions import Metric, Quantile, Statistic
from mqa_registry.data import SCHEMAS, Predictions
from mqa_registry.options import takes_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.suite import Use

# Two rows of every schema that it is easy to make up. The answers are good, but not sure, and two of them differ: a
# measure that gives scores between 0 and 1 is told from one that gives 0 or 1.
CLASSED = ("label", "labels")
ANSWERS: dict[str, list[Any]] = {
    "value": [0.3, 0.8],
    "vector": [[0.3, 0.8], [0.6, 0.1]],
    "text": ["one two three", "four five six"],
    "spans": [[], []],
}
TARGETS: dict[str, list[Any]] = {"value": [0.4, 0.6], "vector": [[0.4, 0.6], [0.5, 0.2]]}


class Form(Enum):
    """What a measure gives of some rows."""

    SHARE = auto()  # a score of 0 or 1 for each
    MEAN = auto()  # any other score for each
    STATISTIC = auto()  # a number that is resampled
    WHOLE = auto()  # a number without an interval
    UNKNOWN = auto()  # it cannot be found out on rows that are made up


def form_of(measure: Use, classes: Sequence[str] = ()) -> Form | Quantile:
    """The form, found by measuring two rows that are made up; `classes` are labels that the data has.

    A quantile is a form of its own, which says of what share it is.
    """
    takes = [schema for schema in getattr(measure.contribution, "takes", ()) if schema in {*CLASSED, *ANSWERS}]
    if not takes:
        return Form.UNKNOWN
    try:
        with np.errstate(all="ignore"):
            return _form(_answer(measure, takes[0], classes))
    except Exception:  # it may well need rows that mean something: then its form shows once there are some
        return Form.UNKNOWN


def _answer(measure: Use, schema: str, classes: Sequence[str]) -> Any:
    pair = _made_up(schema, classes, ANSWERS), _made_up(schema, classes, ANSWERS | TARGETS, sure=0.65)
    if isinstance(measure.contribution, Metric) and takes_groups(measure.contribution):
        return measure.call(*pair, {"one": np.array([0]), "two": np.array([1])})
    return measure.call(*pair)


def _made_up(schema: str, classes: Sequence[str], answers: dict[str, list[Any]], sure: float = 0.75) -> Predictions:
    named = tuple(classes) if len(classes) > 1 else ("one", "two")
    name, kind = SCHEMAS[schema].main
    columns = {"id": pa.array(["1", "2"])}
    if schema not in CLASSED:
        return Predictions(schema, pa.table(columns | {name: pa.array(answers[schema], kind)}))
    rest = [0.0] * (len(named) - 2)
    columns[name] = pa.array([[one] if schema == "labels" else one for one in named[:2]], kind)
    pairs = [[sure, 1 - sure, *rest], [1 - sure, sure, *rest]]
    columns["probability"] = pa.array(pairs, pa.list_(pa.float64()))
    return Predictions(schema, pa.table(columns), named)


def _form(answer: Any) -> Form | Quantile:
    if isinstance(answer, Statistic):
        return Form.STATISTIC
    if isinstance(answer, Quantile):
        return answer
    scores = np.asarray(answer, dtype=np.float64)
    if scores.ndim == 0:
        return Form.WHOLE
    return Form.SHARE if np.isin(scores[~np.isnan(scores)], (0, 1)).all() else Form.MEAN
