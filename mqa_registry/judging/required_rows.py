"""Required rows: how many rows each check has, and the fewest with which it can pass at all, before predicting.

The fewest are those of the best case, which is named with them: with fewer rows a check is INCONCLUSIVE however good
the model is. With as many it may still be, where the model is not that good. A proportion is best at an end of its
scale, a drop where no row changes, a gap where the groups are equal. Of a metric whose interval depends on more than the
number of rows, there is no best case.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.contributions import Comparison, Metric, Quantile, Scores, Statistic
from mqa_registry.errors import ContributionError
from mqa_registry.expect import QUANTITIES, words_of
from mqa_registry.judging.groups import groups_of, sees_predictions
from mqa_registry.naming import counted
from mqa_registry.sample_predictions import has_sample, measure_sample
from mqa_registry.stats.nan_policy import omit_nan
from mqa_registry.stats.sample_size import (
    can_hold_drop,
    can_hold_equal_groups,
    can_hold_mean,
    can_hold_proportion,
    can_hold_quantile,
    find_fewest_rows,
)
from mqa_registry.types import distinct_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mqa_registry.plan import Case, Plan
    from mqa_registry.stats.estimates import Bools
    from mqa_registry.suite import Check, Use
    from mqa_registry.types import Rows


@dataclass(frozen=True)
class RowCounts:
    """Rows of every data set, those with a target among them, the sizes of the groups of every check, and the labels."""

    whole: Mapping[str, int]
    labelled: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def rows(self, case: Case) -> int:
        """How many rows a case can count; of two data sets, those of the smaller one."""
        count = self.whole if isinstance(case.check.measure.contribution, Comparison) else self.labelled
        views = (view for step in case.steps for view in (step.view, step.reference) if view is not None)
        return min(count[view.rows.data] for view in views)

    def sizes(self, case: Case) -> Mapping[str, int]:
        """The same for every group."""
        return self.groups.get(case.check.name, {})


@dataclass(frozen=True)
class RequiredRows:
    """One bound of a check: how many rows are `available`, of all or in the smallest `group` that is judged.

    `required` is the least number with which it can pass in the `best_case`; None where there is no such number.
    `is_enough` says whether those available are as many.
    """

    check: str
    expect: Mapping[str, float]
    available: int
    required: int | None
    best_case: str
    is_enough: bool = True
    group: str = ""
    is_per_group: bool = False


def count_rows(plan: Plan, rows: Mapping[str, Rows]) -> RowCounts:
    """Count the rows of every data set, and of every group that a check makes of them."""
    labelled = {name: _is_labelled(one) for name, one in rows.items()}
    return RowCounts(
        {name: len(one) for name, one in rows.items()},
        {name: int(mask.sum()) for name, mask in labelled.items()},
        {one.name: _group_sizes(one, rows[one.data], labelled[one.data]) for one in plan.suite.checks if one.by},
        {name: tuple(sorted(distinct_labels(one))) for name, one in rows.items()},
    )


def find_required_rows(plan: Plan, counts: RowCounts) -> tuple[RequiredRows, ...]:
    """What every check requires, one for each of its bounds; pure."""
    required: dict[tuple[str, ...], RequiredRows] = {}
    for case in plan.cases:
        for one in _required_by(case, counts, plan.suite.confidence):
            required.setdefault((one.check, *one.expect), one)
    return tuple(required.values())


def _is_labelled(rows: Rows) -> Bools:
    if "target" not in rows.table.column_names:
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(rows.table.column("target").is_valid().to_numpy(), dtype=bool)


def _group_sizes(check: Check, rows: Rows, labelled: Bools) -> dict[str, int]:
    assert check.by is not None
    if sees_predictions(check.by):
        return {}
    counts = np.ones_like(labelled) if isinstance(check.measure.contribution, Comparison) else labelled
    try:
        groups = groups_of(rows, check.by)
    except ContributionError:  # a slice that crashes is its own check's verdict, once that is judged
        return {}
    return {name: int(counts[positions].sum()) for name, positions in groups.items()}


def _required_by(case: Case, counts: RowCounts, confidence: float) -> Iterator[RequiredRows]:
    check, bounds = case.check, {} if case.probe_requests else case.expect.bounds()
    sizes = counts.sizes(case)
    judged = sorted((size, name) for name, size in sizes.items() if size >= case.expect.min_rows)
    for quantity in QUANTITIES:
        expect: dict[str, float] = {word: bounds[word] for word in words_of(quantity=quantity) if word in bounds}
        if not expect:
            continue
        kind = find_metric_kind(check.measure, counts.classes.get(check.data, ()))
        best = find_best_case(case, expect, kind, confidence)
        if check.by is None:
            yield _require(check.name, expect, best, (counts.rows(case),))
        elif sees_predictions(check.by):
            yield RequiredRows(check.name, expect, counts.rows(case), None, "the groups depend on the predictions")
        elif judged:
            between = quantity.need == "groups"
            is_grouped = isinstance(check.measure.contribution, Metric) and check.measure.contribution.takes_groups
            rows = [size for size, _ in judged]
            one = _require(check.name, expect, best, rows, group=judged[0][1], needs_two=between or is_grouped)
            yield replace(one, is_per_group=not is_grouped)
        else:
            largest, name = max(((size, name) for name, size in sizes.items()), default=(0, ""))
            least = case.expect.min_rows
            why = f"no group has {counted(least, 'row')}"
            yield RequiredRows(check.name, expect, largest, least, why, False, name, True)


def _require(
    check: str,
    expect: Mapping[str, float],
    best: BestCase | str,
    sizes: Sequence[int],
    *,
    group: str = "",
    needs_two: bool = False,
) -> RequiredRows:
    """What a bound requires of groups of these sizes, the smallest first, or of all rows."""
    is_enough = len(sizes) > needs_two
    if isinstance(best, str):
        return RequiredRows(check, expect, sizes[0], None, best, is_enough, group, bool(group))
    is_enough = is_enough and best.clears(sizes[0], sizes[needs_two])
    fewest = find_fewest_rows(lambda rows: best.clears(rows, rows))
    return RequiredRows(check, expect, sizes[0], fewest, best.words, is_enough, group, bool(group))


# The best case of a bound, by the kind of the metric.


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
