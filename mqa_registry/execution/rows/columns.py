"""The columns of a data set that the checks of a plan read, so that no others are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.boundary import check_columns
from mqa_registry.contributions import Probe, Slice
from mqa_registry.errors import ContributionError, NotRunError

if TYPE_CHECKING:
    from mqa_registry.plan import Plan
    from mqa_registry.suite import Use


def columns_read(plan: Plan, data: str) -> frozenset[str] | None:
    """The columns of a data set that slices and probes read besides its fields and roles; None where it may be any."""
    names: set[str] = set()
    cases = (case for case in plan.cases if any(view.rows.data == data for view in case.views))
    for use in dict.fromkeys(use for case in cases for use in case.check.uses):
        declared = _declared_columns(use)
        if declared is None:
            return None
        names |= declared
    return frozenset(names)


def _declared_columns(use: Use) -> frozenset[str] | None:
    """The columns that a contribution says it reads; None where it does not say, or fails to."""
    kind = use.contribution
    try:
        if isinstance(kind, Probe):
            return check_columns(use.contributor, use.call_method(kind.columns))
        if not isinstance(kind, Slice) or kind.inputs == "predictions":
            return frozenset()
        return None if kind.columns is None else check_columns(use.contributor, use.call_function(kind.columns))
    except (ContributionError, NotRunError):
        return None
