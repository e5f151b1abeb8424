"""The kind of a metric: whether it gives a proportion, another mean, a statistic, a quantile, or a number by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.contributions import Metric, Quantile, Scores, Statistic
from mqa_registry.sample_predictions import has_sample, measure_sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.suite import Use


class MetricKind(Enum):
    """What a measure gives of some rows."""

    PROPORTION = auto()  # a score of 0 or 1 for each
    MEAN = auto()  # any other score for each
    SCORES = auto()  # a score for each, between ends that depend on the predictions
    STATISTIC = auto()  # a number that is resampled
    POINT = auto()  # a number without an interval
    UNKNOWN = auto()  # it cannot be found out on rows that are made up


@dataclass(frozen=True)
class BoundedScores:
    """A score for each row, from `low` to `high` whatever the predictions are."""

    low: float
    high: float


Kind: TypeAlias = MetricKind | Quantile | BoundedScores


def find_metric_kind(measure: Use, classes: Sequence[str] = ()) -> Kind:
    """The kind, found by measuring two rows that are made up; `classes` are labels that the data has.

    A quantile is a kind that says of what share it is, and scores with a range say from where to where.
    """
    schemas = [schema for schema in getattr(measure.contribution, "takes", ()) if has_sample(schema)]
    if not schemas:
        return MetricKind.UNKNOWN
    try:
        kind = _kind_of(measure_sample(measure, schemas[0], classes))
    except Exception:  # it may well need rows that mean something: then its kind shows once there are some
        return MetricKind.UNKNOWN
    metric = measure.contribution
    if kind is MetricKind.MEAN and isinstance(metric, Metric) and all(map(math.isfinite, metric.range)):
        return BoundedScores(*metric.range)
    return kind


def _kind_of(raw: Any) -> MetricKind | Quantile:
    if isinstance(raw, Statistic):
        return MetricKind.STATISTIC
    if isinstance(raw, Quantile):
        return raw
    if isinstance(raw, Scores):
        return MetricKind.SCORES
    scores = np.asarray(raw, dtype=np.float64)
    if scores.ndim == 0:
        return MetricKind.POINT
    return MetricKind.PROPORTION if np.isin(scores[~np.isnan(scores)], (0, 1)).all() else MetricKind.MEAN
