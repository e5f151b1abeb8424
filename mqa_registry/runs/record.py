"""A record: all that a store keeps of one run, enough to judge it again without model and data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import Replay
from mqa_registry.predict import Failure, Observations, Observed, Sighted
from mqa_registry.reports import to_json
from mqa_registry.runs.texts import without_texts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mqa_registry.findings import Finding
    from mqa_registry.plan import Plan, Sight, View
    from mqa_registry.reports import Report
    from mqa_registry.suite import RawSuite, Suite
    from mqa_registry.types import Rows

    Recipe = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """One finished run.

    `views` are what was seen of each view, by its recipe: all that the view depends on, as the suite spells it; `sights`
    likewise what each probe saw.
    `findings` say how the model was run where that is not as usual.
    `groups` has, for a run that was kept without texts, the column of `rows` with the groups of each slice.
    """

    run: str
    started: datetime
    raw: RawSuite
    digest: str
    environment: Mapping[str, Any]
    rows: Mapping[str, Rows]
    views: Mapping[str, Observed]
    sights: Mapping[str, Sighted]
    groups: Mapping[str, str]
    report: Mapping[str, Any]
    texts: bool = True
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, raw: RawSuite, plan: Plan, observations: Observations, report: Report, *, texts: bool) -> Record:
        """What there is to keep of a run; without `texts`, nothing that a row says."""
        groups: dict[str, str] = {}
        if not texts:
            observations, groups = without_texts(plan, observations)
        return cls(
            report.run,
            report.started,
            raw,
            plan.suite.digest,
            report.environment,
            observations.rows,
            {_key(recipe(plan.suite, view)): seen for view, seen in observations.views.items()},
            {_key(sight_recipe(plan.suite, sight)): seen for sight, seen in observations.sights.items()},
            groups,
            to_json(report),
            texts,
            observations.findings,
        )

    def observations(self, plan: Plan) -> Observations:
        """What the run saw of the views of a plan; of a view that it did not predict, the reason why there is nothing."""
        views = {view: self._seen(plan.suite, view) for view in plan.views}
        sights = {sight: self._sighted(plan.suite, sight) for sight in plan.sights}
        return Observations(self.rows, views, sights, findings=self.findings)

    def _seen(self, suite: Suite, view: View) -> Observed:
        wanted = recipe(suite, view)
        found = self.views.get(_key(wanted))
        return found or Observed(None, failure=Failure(self._reason(view, wanted), "run the suite: `mqa run SUITE`"))

    def _sighted(self, suite: Suite, sight: Sight) -> Sighted:
        found = self.sights.get(_key(sight_recipe(suite, sight)))
        reason = f"the run `{self.run}` did not let `{sight.use.name}` look at `{sight.view.rows.name}` like that"
        return found or Sighted(failure=Failure(reason, "run the suite: `mqa run SUITE`"))

    def _reason(self, view: View, wanted: Recipe) -> str:
        """Why a view is not there: nothing like it was predicted, or something that differs from it in part."""
        name = f"`{view.rows.name}` on `{view.backend}`"
        same = ("view", "perturb")
        near = [one for one in map(json.loads, self.views) if all(one[key] == wanted[key] for key in same)]
        if not near:
            return f"the run `{self.run}` did not predict {name}"
        differ = [key for key in wanted if near[0][key] != wanted[key]]
        return f"the run `{self.run}` predicted {name} with another {' and '.join(differ)}"


def recipe(suite: Suite, view: View) -> dict[str, Any]:
    """All that a view depends on, as the suite spells it, in the values that JSON has."""
    data, backend = suite.data[view.rows.data], suite.backends.get(view.backend)
    runs_model = suite.model is not None and backend and not isinstance(backend.contribution, Replay)
    model = suite.model if runs_model else None
    drawn = bool(view.rows.perturb) or data.sample is not None
    whole = {
        "view": [view.rows.data, view.backend],
        "perturb": [use.as_table() for use in view.rows.perturb],
        "data": [data.source.as_table(), dict(data.columns), data.sample, data.limit],
        "backend": backend.as_table() if backend else None,
        "model": [model.source.as_table(), model.task.as_table()] if model else None,
        "seed": suite.seed if drawn else None,
    }
    return dict(json.loads(_key(whole)))


def sight_recipe(suite: Suite, sight: Sight) -> dict[str, Any]:
    """All that a sight depends on: the probe and its version, and what its views depend on."""
    views = [recipe(suite, view) for view in sight.views]
    return {"probe": sight.use.as_table(), "version": sight.probe.version, "seed": suite.seed, "views": views}


def _key(recipe: Recipe) -> str:
    return json.dumps(recipe, sort_keys=True, default=str)
