"""Best cases: how the rows would have to score for a bound to hold with the fewest of them, by the kind of the metric.

A proportion is best at an end of its scale, a drop where no row changes, a gap where the groups are equal. Of a metric
whose interval depends on more than the number of rows, there is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.contributions import Metric, Quantile, Scores, Statistic
from mqa_registry.sample_predictions import has_sample, measure_sample
from mqa_registry.stats.nan_policy import omit_nan
from mqa_registry.stats.sample_size import (
    can_hold_drop,
    can_hold_equal_groups,
    can_hold_mean,
    can_hold_proportion,
    can_hold_quantile,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mqa_registry.plan import Case
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
    """A score for each row, from `low` to `high` for all predictions."""

    low: float
    high: float


Kind: TypeAlias = MetricKind | Quantile | BoundedScores

WHY_UNKNOWN = {
    MetricKind.MEAN: "depends on how far the rows' scores lie apart",
    MetricKind.SCORES: "depends on how sure the predictions are",
    MetricKind.STATISTIC: "resampled: depends on the rows",
    MetricKind.POINT: "no interval: the number itself is held",
    MetricKind.UNKNOWN: "not known before it is measured",
}


@dataclass(frozen=True)
class BestCase:
    """A bound in its best case: whether so many rows, or two groups of so many, would clear it."""

    words: str
    clears: Callable[[int, int], bool]


def find_best_case(case: Case, expect: Mapping[str, float], kind: Kind, confidence: float) -> BestCase | str:
    """The best case of one bound; where it has no number of rows, the reason."""
    if case.check.gate == "point":
        return BestCase("the bare estimate is held", lambda rows, _: rows > 0)
    if expect.keys() & {"min", "max"}:
        low, high = expect.get("min", -math.inf), expect.get("max", math.inf)
        if isinstance(kind, Quantile):
            return _best_quantile(low, high, kind.share, confidence)
        if isinstance(kind, BoundedScores):
            return _best_bounded_mean(low, high, kind, confidence)
        return _best_proportion(low, high, confidence) if kind is MetricKind.PROPORTION else WHY_UNKNOWN[kind]
    if kind is not MetricKind.PROPORTION:
        return WHY_UNKNOWN[kind if isinstance(kind, MetricKind) else MetricKind.MEAN]
    return WHY_UNKNOWN[MetricKind.STATISTIC] if "min_ratio" in expect else _best_difference(case, expect, confidence)


def find_metric_kind(measure: Use, classes: Sequence[str] = ()) -> Kind:
    """The kind, found by measuring two rows that are made up; `classes` are labels that the data has.

    A quantile is a kind that says of what share it is, and scores with a range say from where to where.
    """
    schemas = [schema for schema in getattr(measure.contribution, "schemas", ()) if has_sample(schema)]
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
    return MetricKind.PROPORTION if np.isin(omit_nan(scores)[0], (0, 1)).all() else MetricKind.MEAN


def _best_proportion(low: float, high: float, confidence: float) -> BestCase:
    """The share of rows that lies deepest between the bounds."""
    if math.isfinite(low) and math.isfinite(high):
        words = "the share lies in between"
    else:
        words = "each row scores 1" if math.isinf(high) else "each row scores 0"
    return BestCase(words, lambda rows, _: can_hold_proportion(rows, low, high, confidence))


def _best_quantile(low: float, high: float, share: float, confidence: float) -> BestCase:
    """A quantile of rows that all lie between the bounds."""
    return BestCase(
        "no row lies beyond the bound", lambda rows, _: can_hold_quantile(rows, share, low, high, confidence)
    )


def _best_bounded_mean(low: float, high: float, kind: BoundedScores, confidence: float) -> BestCase:
    """The mean of scores with a range, all of them as far from the bound as they can be, or halfway between two."""
    best = kind.high if math.isinf(high) else kind.low if math.isinf(low) else (low + high) / 2
    best = min(max(best, kind.low), kind.high)
    span = kind.low, kind.high
    return BestCase(
        f"each row scores {best:g}",
        lambda rows, _: can_hold_mean(rows, best, span, low=low, high=high, confidence=confidence),
    )


def _best_difference(case: Case, expect: Mapping[str, float], confidence: float) -> BestCase:
    """Two proportions that lie as near as they can, or where that is not enough, as far apart."""
    ((word, bound),) = expect.items()
    if word == "max_gap":
        return BestCase(
            "two equal groups, each row scores 1",
            lambda one, two: can_hold_equal_groups(one, two, -bound, bound, confidence),
        )
    if any(step.reference and step.reference.rows.data != step.view.rows.data for step in case.steps):
        return BestCase(
            "other rows, as many, each scores 1",
            lambda one, two: can_hold_equal_groups(one, two, -math.inf, bound, confidence),
        )
    if bound > 0:
        return BestCase("no row changes", lambda rows, _: can_hold_drop(rows, bound, confidence))
    words = "each row gets better" if word == "max_drop" else "each row gets worse"
    return BestCase(words, lambda rows, _: can_hold_drop(rows, bound, confidence, all_better=True))
