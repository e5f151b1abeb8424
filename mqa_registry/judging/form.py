"""The form of a measure's answers: a share of rows, another mean, a statistic, a quantile, or a number of the whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.contributions import Metric, Quantile, Scores, Statistic
from mqa_registry.predict import can_rehearse, rehearsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.suite import Use


class Form(Enum):
    """What a measure gives of some rows."""

    SHARE = auto()  # a score of 0 or 1 for each
    MEAN = auto()  # any other score for each
    SCORES = auto()  # a score for each, between ends that depend on the answers
    STATISTIC = auto()  # a number that is resampled
    WHOLE = auto()  # a number without an interval
    UNKNOWN = auto()  # it cannot be found out on rows that are made up


@dataclass(frozen=True)
class Bounded:
    """A score for each row, from `low` to `high` whatever the answers are."""

    low: float
    high: float


def form_of(measure: Use, classes: Sequence[str] = ()) -> Form | Quantile | Bounded:
    """The form, found by measuring two rows that are made up; `classes` are labels that the data has.

    A quantile is a form of its own, which says of what share it is, and so are scores with a range.
    """
    takes = [schema for schema in getattr(measure.contribution, "takes", ()) if can_rehearse(schema)]
    if not takes:
        return Form.UNKNOWN
    try:
        form = _form(rehearsed(measure, takes[0], classes))
    except Exception:  # it may well need rows that mean something: then its form shows once there are some
        return Form.UNKNOWN
    kind = measure.contribution
    bounded = form is Form.MEAN and isinstance(kind, Metric) and all(map(math.isfinite, kind.range))
    return Bounded(*kind.range) if bounded and isinstance(kind, Metric) else form


def _form(answer: Any) -> Form | Quantile:
    if isinstance(answer, Statistic):
        return Form.STATISTIC
    if isinstance(answer, Quantile):
        return answer
    if isinstance(answer, Scores):
        return Form.SCORES
    scores = np.asarray(answer, dtype=np.float64)
    if scores.ndim == 0:
        return Form.WHOLE
    return Form.SHARE if np.isin(scores[~np.isnan(scores)], (0, 1)).all() else Form.MEAN
