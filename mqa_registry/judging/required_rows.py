"""Required rows: how many rows each check has, and the fewest with which it can pass at all, before predicting.

The fewest are those of the best case, which is named with them: with fewer rows a check is INCONCLUSIVE however good
the model is. With as many it may still be, where the model is not that good.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.contributions import Comparison, Metric
from mqa_registry.errors import ContributionError
from mqa_registry.expect import QUANTITIES, words_of
from mqa_registry.judging.best_case import BestCase, find_best_case, find_metric_kind
from mqa_registry.judging.groups import groups_of, sees_predictions
from mqa_registry.naming import counted
from mqa_registry.stats.sample_size import (
    find_fewest_rows,
)
from mqa_registry.types import distinct_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.expect import Quantity
    from mqa_registry.plan import Case, Plan
    from mqa_registry.stats.estimates import Bools
    from mqa_registry.suite import Check
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
    """What each bound of a case requires; of a probe, nothing is known."""
    bounds = {} if case.probe_requests else case.expect.bounds()
    for quantity in QUANTITIES:
        expect = {word: bounds[word] for word in words_of(quantity=quantity) if word in bounds}
        if expect:
            yield _required_by_bound(case, quantity, expect, counts, confidence)


def _required_by_bound(
    case: Case, quantity: Quantity, expect: Mapping[str, float], counts: RowCounts, confidence: float
) -> RequiredRows:
    check = case.check
    if sees_predictions(check.by):
        return RequiredRows(check.name, expect, counts.rows(case), None, "the groups depend on the predictions")
    kind = find_metric_kind(check.measure, counts.classes.get(check.data, ()))
    best = find_best_case(case, expect, kind, confidence)
    if check.by is None:
        return _require(check.name, expect, best, (counts.rows(case),))
    sizes = sorted((size, name) for name, size in counts.sizes(case).items())
    judged = [(size, name) for size, name in sizes if size >= case.expect.min_rows]
    if not judged:
        largest, name = sizes[-1] if sizes else (0, "")
        least = case.expect.min_rows
        reason = f"no group has {counted(least, 'row')}"
        return RequiredRows(check.name, expect, largest, least, reason, is_enough=False, group=name, is_per_group=True)
    is_grouped = isinstance(check.measure.contribution, Metric) and check.measure.contribution.takes_groups
    needs_two = is_grouped or quantity.need == "groups"
    one = _require(check.name, expect, best, [size for size, _ in judged], group=judged[0][1], needs_two=needs_two)
    return replace(one, is_per_group=not is_grouped)


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
