"""The groups of slices in the record of a run, where it has not what the slices read: texts, or the files of rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.contributions import Slice
from mqa_registry.errors import NotRunError
from mqa_registry.judging.groups import group_names_of, opens_files, sees_predictions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.observations import Observations
    from mqa_registry.plan import Plan
    from mqa_registry.suite import Check, Suite, Use
    from mqa_registry.types import Example, Rows

GROUPS = pa.list_(pa.string())


def with_kept_groups(suite: Suite, columns: Mapping[str, str], *, texts: bool) -> Suite:
    """The suite with slices that read the groups which a record has in these columns.

    Those are slices that open files and, of a record without `texts`, all but those that see predictions.
    """
    checks = tuple(
        replace(check, by=_column_slice(check.by, columns))
        if check.by and (opens_files(check.by) or not (texts or sees_predictions(check.by)))
        else check
        for check in suite.checks
    )
    return replace(suite, checks=checks)


def add_groups(plan: Plan, observations: Observations) -> tuple[Observations, dict[str, str]]:
    """The observations with the groups of slices that open files, and by the key of each the column of rows with them."""
    checks = [check for check in plan.suite.checks if opens_files(check.by)]
    if not checks:
        return observations, {}
    groups, columns = make_groups(checks, observations)
    rows = {name: _with_columns(whole, groups[name]) for name, whole in observations.rows.items()}
    return replace(observations, rows=rows), columns


def make_groups(
    checks: Sequence[Check], observations: Observations
) -> tuple[dict[str, dict[str, pa.Array]], dict[str, str]]:
    """The groups of checks: by data set the columns with them, and by the key of each slice the column's name.

    The groups of a slice that crashes are left out: the check's verdict says that it did.
    """
    slices = {use.key: use for check in checks if (use := check.by)}
    columns = {key: f"groups {number}" for number, key in enumerate(slices)}
    used = {(check.data, check.by.key) for check in checks if check.by}
    made: dict[str, dict[str, pa.Array]] = {name: {} for name in observations.rows}
    for name, named in observations.rows.items():
        for key, use in slices.items():
            rows = observations.openable.get(name, named) if opens_files(use) else named
            column = _group_column(rows, use) if (name, key) in used else None
            if column is not None:
                made[name][columns[key]] = column
    return made, columns


def _with_columns(rows: Rows, columns: Mapping[str, pa.Array]) -> Rows:
    table = rows.table
    for name, column in columns.items():
        table = table.append_column(name, column)
    return replace(rows, table=table)


def _group_column(rows: Rows, use: Use) -> pa.Array | None:
    try:
        groups = [list(names) for names in group_names_of(rows, use)]
    except Exception:
        return None
    return pa.array(groups, GROUPS)


def _column_slice(use: Use, columns: Mapping[str, str]) -> Use:
    column = columns.get(use.key)
    missing = "files" if opens_files(use) else "texts"
    hint = "run it with this check" if opens_files(use) else "run it without `--no-examples`, or with this check"

    def read_groups(example: Example) -> Any:
        if column is None or column not in example:
            raise NotRunError(
                f"the run was kept without {missing}, and not with the groups of `{use.name}`",
                hint=hint,
            )
        return example[column]

    return replace(use, contribution=Slice(use.contribution.name, read_groups), options={})
