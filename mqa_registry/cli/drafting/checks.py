"""The checks of a new suite: what the plugins suggest, without those that cannot run on the rows, or never pass on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mqa_registry import plan as plans
from mqa_registry.boundary import ContributionCall, Contributor, check_suggestions
from mqa_registry.contributions import Suggestion
from mqa_registry.errors import MqaError, SuiteError, UsageError
from mqa_registry.execution import SilentProgress, perturb_rows, validate_inputs
from mqa_registry.execution.rows.preflight import preflight
from mqa_registry.judging.required_rows import count_rows, find_required_rows
from mqa_registry.naming import counted, referenced_names
from mqa_registry.observations import PerturbedRows
from mqa_registry.suite import suite_of_tables, validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mqa_registry.contributions import RunContext, SuggestedCheck, SuiteContext
    from mqa_registry.plan import Plan
    from mqa_registry.plugins import Catalog
    from mqa_registry.types import Rows

PERTURBED_ROWS = 200  # rows that tell whether a perturbation changes any


@dataclass(frozen=True)
class LeftOut:
    """What was suggested and is not in the suite, and why."""

    what: str
    reason: str


@dataclass(frozen=True)
class Trial:
    """What suggested checks are tried with: the rest of the suite, its rows, and the classes of the model."""

    tables: Mapping[str, Any]
    path: Path
    catalog: Catalog
    rows: Mapping[str, Rows]
    schema: str
    classes: tuple[str, ...]

    def plan(self, *checks: Mapping[str, Any]) -> Plan:
        """The plan of the suite with these checks; a SuiteError where one is wrong."""
        tables = {**self.tables, "check": [to_plain(check) for check in checks]}
        raw = suite_of_tables(self.path.name, tables, self.path.parent)
        return plans.make(validate(raw, self.catalog, files=True))


def collect_checks(catalog: Catalog, context: SuiteContext) -> tuple[list[SuggestedCheck], list[LeftOut]]:
    """The checks that all plugins suggest, in their order, and what failed to suggest any."""
    checks: list[SuggestedCheck] = []
    failed = [LeftOut(f"plugin `{one.name}`", one.broken) for one in catalog.plugins.values() if one.broken]
    for name, contribution in catalog.each((Suggestion,)):
        assert isinstance(contribution, Suggestion)
        contributor = Contributor(contribution.kind, name, contribution.function)
        try:
            with ContributionCall(contributor):
                suggested = contribution.function(context)
            checks += check_suggestions(contributor, suggested)
        except MqaError as error:
            failed.append(LeftOut(f"`{name}`", error.message))
    return sorted(checks, key=lambda check: check.order), failed


def sift_checks(checks: Sequence[SuggestedCheck], trial: Trial) -> tuple[list[SuggestedCheck], list[LeftOut]]:
    """The checks that can run and pass on the rows, and those that cannot."""
    kept: dict[str, SuggestedCheck] = {}
    left_out: list[LeftOut] = []
    for check in checks:
        name = name_check(check.table)
        if reason := "another check has its name" if name in kept else find_obstacle(check.table, trial):
            left_out.append(LeftOut(f"`{name}`", reason))
        else:
            kept[name] = check
    return list(kept.values()), left_out


def find_obstacle(check: Mapping[str, Any], trial: Trial) -> str:
    """Why a check cannot run on the rows, or never pass on them; empty where nothing stands against it."""
    try:
        plan = trial.plan(check)
        preflight(plan, trial.rows, trial.schema, trial.classes)
    except SuiteError as error:
        return error.problems[0].message
    except MqaError as error:
        return error.message
    if not plan.cases:
        return "there is no second backend to compare"
    return next(_find_shortages(plan, trial.rows), "")


def _find_shortages(plan: Plan, rows: Mapping[str, Rows]) -> Iterator[str]:
    for need in find_required_rows(plan, count_rows(plan, rows)):
        if need.is_enough:
            continue
        if need.required is not None and need.available >= need.required:
            yield "it takes two groups with rows enough to compare"
            continue
        group = f"its group `{need.group}`" if need.group else "it"
        least = "no number is enough" if need.required is None else f"it takes {need.required:,}"
        yield f"{group} has {counted(need.available, 'row')}, and {least}"
    some = {name: replace(one, table=one.table.slice(0, PERTURBED_ROWS)) for name, one in rows.items()}
    for row_set, perturbed in perturb_rows(plan, some, SilentProgress()).items():
        if row_set.perturb and (not isinstance(perturbed, PerturbedRows) or not perturbed.changed):
            yield f"it changes none of {counted(min(PERTURBED_ROWS, len(rows[row_set.data])), 'row')}"


def check_suite(checks: Sequence[SuggestedCheck], trial: Trial, context: RunContext) -> None:
    """Raise what `mqa validate` would find in the suite with these checks: a UsageError with its first problem."""
    try:
        validate_inputs(trial.plan(*(check.table for check in checks)), context)
    except SuiteError as error:
        problem = error.problems[0]
        raise UsageError(problem.message, hint=problem.hint) from None


def to_plain(value: Any) -> Any:
    """A value of a suite with dicts for other mappings."""
    if isinstance(value, Mapping):
        return {name: to_plain(one) for name, one in value.items()}
    return [to_plain(one) for one in value] if isinstance(value, list) else value


def name_check(table: Mapping[str, Any]) -> str:
    """The name of a check: its own, or that of its contributions."""
    parts = (" + ".join(referenced_names(table[key])) for key in ("measure", "perturb", "by") if key in table)
    return str(table.get("name") or " / ".join(parts))
