"""Counts: how many rows there are for each check, before anything is predicted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.contributions import Comparison
from mqa_registry.data import labels_in
from mqa_registry.errors import ContributionError
from mqa_registry.judging.groups import groups_of, sees_answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from mqa_registry.data import Rows
    from mqa_registry.plan import Case, Plan
    from mqa_registry.suite import Check


@dataclass(frozen=True)
class Counts:
    """Rows of every data set, those with a target among them, the sizes of the groups of every check, and the labels."""

    whole: Mapping[str, int]
    labelled: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def rows(self, case: Case) -> int:
        """How many rows can have a say in a case; of two data sets, of the smaller one."""
        count = self.whole if isinstance(case.check.measure.contribution, Comparison) else self.labelled
        views = (view for step in case.steps for view in (step.view, step.reference) if view is not None)
        return min(count[view.rows.data] for view in views)

    def sizes(self, case: Case) -> Mapping[str, int]:
        """The same for every group."""
        return self.groups.get(case.check.name, {})


def count(plan: Plan, rows: Mapping[str, Rows]) -> Counts:
    """Count the rows of every data set, and of every group that a check makes of them."""
    labelled = {name: _labelled(one) for name, one in rows.items()}
    return Counts(
        {name: len(one) for name, one in rows.items()},
        {name: int(mask.sum()) for name, mask in labelled.items()},
        {check.name: _sizes(check, rows[check.data], labelled[check.data]) for check in plan.suite.checks if check.by},
        {name: tuple(sorted(labels_in(one))) for name, one in rows.items()},
    )


def _labelled(rows: Rows) -> npt.NDArray[np.bool_]:
    if "target" not in rows.table.column_names:
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(rows.table.column("target").is_valid().to_numpy(), dtype=bool)


def _sizes(check: Check, rows: Rows, labelled: npt.NDArray[np.bool_]) -> dict[str, int]:
    assert check.by is not None
    if sees_answers(check.by):
        return {}
    counted = np.ones_like(labelled) if isinstance(check.measure.contribution, Comparison) else labelled
    try:
        groups = groups_of(rows, check.by)
    except ContributionError:  # a slice that crashes is its own check's verdict, once that is judged
        return {}
    return {name: int(counted[places].sum()) for name, places in groups.items()}
