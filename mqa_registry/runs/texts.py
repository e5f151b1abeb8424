"""Records without texts: what is left of observations when nothing that a row says may be kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.contributions import Slice
from mqa_registry.errors import NotRunError
from mqa_registry.judging.groups import group_names_of, sees_predictions
from mqa_registry.predict import Failure
from mqa_registry.types import Rows, get_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.plan import Plan, Sight
    from mqa_registry.predict import Observations, ObservedView, ProbeResult
    from mqa_registry.suite import Suite, Use
    from mqa_registry.types import Example

ROLES = ("id", "target", "cluster")
LEFT_OUT = Failure("the run was kept without texts, and these predictions are texts", "run it without `--no-examples`")


def without_texts(plan: Plan, observations: Observations) -> tuple[Observations, dict[str, str]]:
    """The observations with ids, targets and predictions alone, and the columns that have each slice's groups instead."""
    slices = {use.key: use for check in plan.suite.checks if (use := check.by) and not sees_predictions(use)}
    columns = {key: f"groups {number}" for number, key in enumerate(slices)}
    spoken = {view.rows.data for view, seen in observations.views.items() if _speaks(seen)}
    used = {(check.data, use.key) for check in plan.suite.checks if (use := check.by) and use.key in slices}
    rows = {}
    for name, whole in observations.rows.items():
        groups = {columns[key]: _groups(whole, use) for key, use in slices.items() if (name, key) in used}
        rows[name] = _bare(whole, spoken=name in spoken, groups=groups)
    views = {view: _view(seen, spoken=view.rows.data in spoken) for view, seen in observations.views.items()}
    sights = {sight: _sighted(sight, seen) for sight, seen in observations.sights.items()}
    return replace(observations, rows=rows, views=views, sights=sights), columns


def with_groups(suite: Suite, columns: Mapping[str, str]) -> Suite:
    """The suite with slices that read the groups which were kept."""
    return replace(
        suite,
        checks=tuple(
            check if sees_predictions(check.by) else replace(check, by=check.by and _reading(check.by, columns))
            for check in suite.checks
        ),
    )


def _reading(use: Use, columns: Mapping[str, str]) -> Use:
    column = columns.get(use.key)

    def groups(example: Example) -> Any:
        if column is None or column not in example:
            raise NotRunError(
                f"the run was kept without texts, and not with the groups of `{use.name}`",
                hint="run it without `--no-examples`, or with this check",
            )
        return example[column]

    return replace(use, contribution=Slice(use.contribution.name, groups), options={})


def _groups(rows: Rows, use: Use) -> pa.Array:
    try:
        found = [list(names) for names in group_names_of(rows, use)]
    except Exception:  # its crash is the check's verdict; here there is nothing to keep
        return None
    return pa.array(found, pa.list_(pa.string()))


def _view(seen: ObservedView, *, spoken: bool) -> ObservedView:
    failure = _untold(seen.failure)
    if seen.perturbed is None or _speaks(seen):
        return replace(seen, perturbed=None, predictions=None, failure=failure or LEFT_OUT)
    return replace(
        seen,
        perturbed=replace(seen.perturbed, rows=_bare(seen.perturbed.rows, spoken=spoken, groups={})),
        failure=failure,
    )


def _sighted(sight: Sight, seen: ProbeResult) -> ProbeResult:
    """What a probe saw without its columns of texts: they stay, and are empty."""
    table = seen.table
    if table is not None:
        columns = [
            _nothing(table, name) if name in sight.probe.texts else table.column(name) for name in table.schema.names
        ]
        table = pa.table(columns, schema=table.schema)
    return replace(seen, table=table, failure=_untold(seen.failure))


def _nothing(table: pa.Table, name: str) -> pa.Array:
    return pa.nulls(table.num_rows, table.schema.field(name).type)


def _untold(failure: Failure | None) -> Failure | None:
    return failure and replace(failure, trace=failure.trace and "left out, as it may quote a row")


def _speaks(seen: ObservedView) -> bool:
    return seen.predictions is not None and get_schema(seen.predictions.schema).may_quote_rows


def _bare(rows: Rows, *, spoken: bool, groups: Mapping[str, pa.Array]) -> Rows:
    roles = [role for role in ROLES if role in rows.table.column_names and not (spoken and role == "target")]
    table = rows.table.select(roles)
    for name, column in groups.items():
        if column is not None:
            table = table.append_column(name, column)
    return Rows(table, ())
