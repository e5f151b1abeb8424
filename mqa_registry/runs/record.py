"""The record of a run: what a store keeps of it, enough to judge it again without model and data.

A record without texts has ids, targets, predictions and groups alone, and nothing that a row says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.contributions import Replay
from mqa_registry.errors import redact
from mqa_registry.judging.groups import sees_predictions
from mqa_registry.observations import Failure, Observations, ObservedView, ProbeResult
from mqa_registry.runs.kept_groups import add_groups, make_groups
from mqa_registry.suite.overrides import EXECUTION
from mqa_registry.types import Rows, get_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mqa_registry.findings import Finding
    from mqa_registry.judging import Result
    from mqa_registry.observations import LostRows
    from mqa_registry.plan import Plan, ProbeRequest, View
    from mqa_registry.reports import Report
    from mqa_registry.suite import RawSuite, Suite

    Recipe = Mapping[str, Any]

ROLES = ("id", "target", "cluster")
NO_TEXTS = Failure("the run was kept without texts, and these predictions are texts", "run it without `--no-examples`")
RUN_AGAIN = "run the suite: `mqa run SUITE`"


@dataclass(frozen=True)
class Record:
    """One finished run.

    `views` holds the observations of each view by its recipe, and `probe_results` those of each probe. A recipe is all that a
    view depends on, as the suite writes it. `findings` say how the model was run where that is not as usual. `groups` names
    for some slices the column of `rows` with its groups: for those that open files, and without texts for all. `tags` are the names of the run in
    its store.
    """

    run: str
    started: datetime
    raw: RawSuite
    digest: str
    environment: Mapping[str, Any]
    rows: Mapping[str, Rows]
    views: Mapping[str, ObservedView]
    probe_results: Mapping[str, ProbeResult]
    groups: Mapping[str, str]
    report: Report
    texts: bool = True
    findings: tuple[Finding, ...] = ()
    tags: tuple[str, ...] = ()

    @classmethod
    def of(cls, raw: RawSuite, plan: Plan, observations: Observations, report: Report, *, texts: bool) -> Record:
        """The record of a run; without `texts`, it has nothing that a row says."""
        observations, groups = (add_groups if texts else _remove_texts)(plan, observations)
        return cls(
            run=report.run,
            started=report.started,
            raw=replace(raw, root=raw.root.without((EXECUTION,))),  # no observation depends on it
            digest=plan.suite.digest,
            environment=report.environment,
            rows=observations.rows,
            views={_key(view_recipe(plan.suite, view)): seen for view, seen in observations.views.items()},
            probe_results={
                _key(probe_recipe(plan.suite, request)): result
                for request, result in observations.probe_results.items()
            },
            groups=groups,
            report=report,
            texts=texts,
            findings=observations.findings,
        )

    def observations(self, plan: Plan) -> Observations:
        """The observations that a plan needs. A view that the run did not predict has a failure that says why."""
        views = {view: self._find_view(plan.suite, view) for view in plan.views}
        probe_results = {request: self._find_probe_result(plan.suite, request) for request in plan.probe_requests}
        return Observations(self.rows, views, probe_results, findings=self.findings)

    def comparable_observations(self, plan: Plan) -> Observations:
        """The observations of a plan's views that this run predicted too, whatever model and backend options it had.

        The rows may be others. A view that the run did not predict has a failure that says so; probes are left out.
        """
        by_part = {_part_of(json.loads(recipe)): seen for recipe, seen in self.views.items()}
        views = {}
        for view in plan.views:
            name = f"`{view.rows.name}` on `{view.backend}`"
            failure = Failure(f"the run `{self.run}` did not predict {name} in this way", RUN_AGAIN)
            views[view] = by_part.get(_part_of(view_recipe(plan.suite, view)), ObservedView(None, failure=failure))
        return Observations(self.rows, views)

    def locate(self, results: Sequence[Result]) -> tuple[Result, ...]:
        """The results with the positions that their checks had in the suite's files, which the kept suite has not."""
        locations = {result.check: result.location for result in self.report.results}
        return tuple(replace(result, location=locations.get(result.check)) for result in results)

    def _find_view(self, suite: Suite, view: View) -> ObservedView:
        recipe = view_recipe(suite, view)
        observed = self.views.get(_key(recipe))
        return observed or ObservedView(None, failure=Failure(self._explain_missing(view, recipe), RUN_AGAIN))

    def _find_probe_result(self, suite: Suite, request: ProbeRequest) -> ProbeResult:
        observed = self.probe_results.get(_key(probe_recipe(suite, request)))
        reason = f"the run `{self.run}` did not probe `{request.view.rows.name}` by `{request.use.name}` in this way"
        return observed or ProbeResult(failure=Failure(reason, RUN_AGAIN))

    def _explain_missing(self, view: View, recipe: Recipe) -> str:
        """Why a view is missing: the run predicted none like it, or one that differs in part."""
        name = f"`{view.rows.name}` on `{view.backend}`"
        similar = [
            other
            for other in map(json.loads, self.views)
            if all(other[key] == recipe[key] for key in ("view", "perturb"))
        ]
        if not similar:
            return f"the run `{self.run}` did not predict {name}"
        different = [key for key in recipe if similar[0][key] != recipe[key]]
        return f"the run `{self.run}` predicted {name} with another {' and '.join(different)}"


def view_recipe(suite: Suite, view: View) -> dict[str, Any]:
    """All that a view depends on, as the suite writes it, in values that JSON has."""
    data, backend = suite.data[view.rows.data], suite.backends.get(view.backend)
    runs_model = suite.model is not None and backend and not isinstance(backend.contribution, Replay)
    model = suite.model if runs_model else None
    is_random = bool(view.rows.perturb) or data.sample is not None
    recipe = {
        "view": [view.rows.data, view.backend],
        "perturb": [use.as_table() for use in view.rows.perturb],
        "data": [data.source.as_table(), dict(data.columns), data.sample, data.limit],
        "backend": backend.as_table() if backend else None,
        "model": [model.source.as_table(), model.task.as_table()] if model else None,
        "seed": suite.seed if is_random else None,
    }
    return dict(json.loads(_key(recipe)))


def _part_of(recipe: Recipe) -> str:
    """The part of a recipe that two views have to have in common to be compared."""
    return _key({name: recipe[name] for name in ("view", "perturb", "seed")})


def probe_recipe(suite: Suite, request: ProbeRequest) -> dict[str, Any]:
    """All that the observations of a probe depend on: the probe, its version, and the recipes of its views."""
    views = [view_recipe(suite, view) for view in request.views]
    return {"probe": request.use.as_table(), "version": request.probe.version, "seed": suite.seed, "views": views}


def _key(recipe: Recipe) -> str:
    return json.dumps(recipe, sort_keys=True, default=str)


def _remove_texts(plan: Plan, observations: Observations) -> tuple[Observations, dict[str, str]]:
    """The observations without texts, and by the key of each slice the column of rows with its groups."""
    slices = [check for check in plan.suite.checks if check.by and not sees_predictions(check.by)]
    groups, columns = make_groups(slices, observations)
    # Where predictions are texts, so are the targets.
    with_texts = {view.rows.data for view, seen in observations.views.items() if _has_texts(seen)}
    rows = {
        name: _select_roles(whole, targets=name not in with_texts, groups=groups[name])
        for name, whole in observations.rows.items()
    }
    views = {
        view: _view_without_texts(seen, targets=view.rows.data not in with_texts)
        for view, seen in observations.views.items()
    }
    probe_results = {
        request: _probe_result_without_texts(request, seen) for request, seen in observations.probe_results.items()
    }
    return replace(observations, rows=rows, views=views, probe_results=probe_results), columns


def _view_without_texts(observed: ObservedView, *, targets: bool) -> ObservedView:
    failure = _without_trace(observed.failure)
    observed = replace(observed, lost=_without_reasons(observed.lost))
    if observed.perturbed is None or _has_texts(observed):
        return replace(observed, perturbed=None, predictions=None, failure=failure or NO_TEXTS)
    rows = _select_roles(observed.perturbed.rows, targets=targets, groups={})
    return replace(observed, perturbed=replace(observed.perturbed, rows=rows), failure=failure)


def _probe_result_without_texts(request: ProbeRequest, observed: ProbeResult) -> ProbeResult:
    """The observations of a probe with its columns of texts emptied."""
    table = observed.table
    if table is not None:
        columns = [
            pa.nulls(len(table), field.type) if field.name in request.probe.text_columns else table.column(field.name)
            for field in table.schema
        ]
        table = pa.table(columns, schema=table.schema)
    return replace(
        observed, table=table, failure=_without_trace(observed.failure), lost=_without_reasons(observed.lost)
    )


def _without_reasons(lost: LostRows) -> LostRows:
    """The lost rows without what may quote them; their ids stay."""
    if not lost:
        return lost
    cause = lost.cause and replace(_without_trace(lost.cause) or lost.cause, message=redact(lost.cause.message))
    return replace(lost, named=tuple(replace(row, reason=redact(row.reason)) for row in lost.named), cause=cause)


def _without_trace(failure: Failure | None) -> Failure | None:
    return failure and replace(failure, trace=failure.trace and "left out, as it may quote a row")


def _has_texts(observed: ObservedView) -> bool:
    """Whether predictions are texts, or may quote them."""
    return observed.predictions is not None and get_schema(observed.predictions.schema).may_quote_rows


def _select_roles(rows: Rows, *, targets: bool, groups: Mapping[str, pa.Array]) -> Rows:
    """The id, cluster and, with `targets`, the target of each row, with columns of groups."""
    roles = [role for role in ROLES if role in rows.table.column_names and (targets or role != "target")]
    table = rows.table.select(roles)
    for name, column in groups.items():
        table = table.append_column(name, column)
    return Rows(table, ())
