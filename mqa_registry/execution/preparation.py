"""Preparation: the rows as the model sees them, the model, and what replays bring, with all that can be refused by then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.boundary import check_predictions
from mqa_registry.contributions import Backend, Replay
from mqa_registry.errors import ContributionError, DataError, ExitCode, MqaError, NotRunError
from mqa_registry.execution.datasets import load
from mqa_registry.execution.model_building import build_model
from mqa_registry.execution.perturbation import apply_perturbations
from mqa_registry.execution.preflight import preflight
from mqa_registry.execution.row_lengths import fixed_lengths
from mqa_registry.naming import counted
from mqa_registry.observations import Failure, ObservedView, PerturbedRows, PreparedData
from mqa_registry.types import distinct_labels, get_schema, unknown_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mqa_registry.contributions import ModelUnderTest, RunContext, Task
    from mqa_registry.execution.progress import Progress
    from mqa_registry.plan import Plan, RowSet, View
    from mqa_registry.suite import Use
    from mqa_registry.types import Rows

CHECKING = "checking what the suite asks"


def load_rows(plan: Plan, context: RunContext) -> dict[str, Rows]:
    """Read the data sets that the plan needs."""
    suite, task = plan.suite, _task(plan)
    names = dict.fromkeys(row_set.data for row_set in plan.row_sets)
    return {name: load(suite.data[name], task, context, suite.seed) for name in names}


def prepare(plan: Plan, context: RunContext, progress: Progress) -> PreparedData:
    """Read the data sets that the plan needs, and perturb their rows.

    The preflight comes before all that is costly: an error has everything that is wrong with the suite's data and checks.
    """
    progress.stage("reading the data")
    rows, lost = _load(plan, context)
    model_under_test, unmade = _build_model(plan, context, rows)
    if model_under_test is not None:
        progress.stage(CHECKING)
        preflight(plan, rows, model_under_test.task.schema, model_under_test.model.labels)
    seen = perturb_rows(plan, rows, progress, lost)
    replayed = {view: _replayed(plan, view, seen[view.rows]) for view in _to_replay(plan)}
    classes = _classes(model_under_test, replayed.values(), rows.values())
    if model_under_test is None and unmade is None and (schema := _schema(replayed.values())):
        progress.stage(CHECKING)
        preflight(plan, rows, schema, classes)
    replayed = {view: with_classes(one, classes) for view, one in replayed.items()}
    return PreparedData(rows, seen, model_under_test, unmade, replayed, classes)


def examine(plan: Plan, context: RunContext) -> dict[str, Rows]:
    """Read the rows, and look for all that a run would refuse before it predicts; nothing is perturbed, or kept.

    Of replayed predictions, those for the rows as they are are read; of backends, the files that they name.
    """
    rows = load_rows(plan, context)
    model_under_test = _model_under_test(plan, context, rows)
    if model_under_test is not None:
        backends = {name: plan.suite.backends[name] for name in live_backends_of(plan)}
        for use in backends.values():
            _identified(use, model_under_test)
        fixed_lengths(backends, model_under_test)
        preflight(plan, rows, model_under_test.task.schema, model_under_test.model.labels)
        return rows
    views = [view for view in _to_replay(plan) if not view.rows.perturb]
    replayed = [_replayed(plan, view, PerturbedRows(rows[view.rows.data])) for view in views]
    if schema := _schema(replayed):
        preflight(plan, rows, schema, _classes(None, replayed, rows.values()))
    return rows


def perturb_rows(
    plan: Plan, rows: Mapping[str, Rows], progress: Progress, lost: Mapping[str, Failure] | None = None
) -> dict[RowSet, PerturbedRows | Failure]:
    """Every set of rows as the model sees it; of data sets that were lost, why."""
    if any(row_set.perturb for row_set in plan.row_sets):
        progress.stage("perturbing rows")
    task = _task(plan)
    return {
        one: lost[one.data]
        if lost and one.data in lost
        else apply_perturbations(rows[one.data], one.perturb, task, plan.suite.seed)
        for one in plan.row_sets
    }


def _load(plan: Plan, context: RunContext) -> tuple[dict[str, Rows], dict[str, Failure]]:
    """The data sets that the plan needs, and why there is nothing of those whose source is broken or cannot run."""
    suite, task = plan.suite, _task(plan)
    rows: dict[str, Rows] = {}
    lost: dict[str, Failure] = {}
    for name in dict.fromkeys(row_set.data for row_set in plan.row_sets):
        try:
            rows[name] = load(suite.data[name], task, context, suite.seed)
        except (ContributionError, NotRunError) as error:
            lost[name] = Failure.of(error)
    return rows, lost


def _task(plan: Plan) -> Task[Any] | None:
    return cast("Task[Any]", plan.suite.model.task.contribution) if plan.suite.model else None


def live_backends_of(plan: Plan) -> list[str]:
    """The backends that the plan needs and that run the model, by name."""
    seen = (view for sight in plan.sights if sight.probe.inputs == "runner" for view in sight.views)
    names = dict.fromkeys(view.backend for view in (*plan.views, *seen))
    return [name for name in names if not isinstance(plan.suite.backends[name].contribution, Replay)]


def _to_replay(plan: Plan) -> list[View]:
    live = live_backends_of(plan)
    return [view for view in plan.views if view.backend not in live]


def _model_under_test(plan: Plan, context: RunContext, rows: Mapping[str, Rows]) -> ModelUnderTest | None:
    """The model under test, which is not built yet; None where no backend runs it."""
    suite = plan.suite
    if suite.model is None or not live_backends_of(plan):
        return None
    return build_model(suite.model, context, first_rows(plan, rows))


def _build_model(
    plan: Plan, context: RunContext, rows: Mapping[str, Rows]
) -> tuple[ModelUnderTest | None, Failure | None]:
    """The model under test, or why there is none: its source or task is broken, or cannot run here."""
    try:
        return _model_under_test(plan, context, rows), None
    except (ContributionError, NotRunError) as error:
        return None, Failure.of(error)


def _identified(use: Use, model_under_test: ModelUnderTest) -> None:
    """Let a backend say what it would run; what only this machine lacks is for the run to say."""
    try:
        use.call_method(use.contribution_as(Backend).identity, model_under_test)
    except MqaError as error:
        if error.exit_code is ExitCode.WRONG_INPUT:
            raise


def first_rows(plan: Plan, rows: Mapping[str, Rows]) -> Rows | None:
    """Those of the suite's first data set, else of the first that the plan needs."""
    return rows.get(next(iter(plan.suite.data)), next(iter(rows.values()), None))


def _replayed(plan: Plan, view: View, seen: PerturbedRows | Failure) -> ObservedView:
    if isinstance(seen, Failure):
        return ObservedView(None, failure=seen)
    return replay(view, plan.suite.backends[view.backend], seen)


def _schema(replayed: Iterable[ObservedView]) -> str:
    """The schema of replayed predictions; empty where there are none."""
    return next((one.predictions.schema for one in replayed if one.predictions is not None), "")


def _classes(
    model_under_test: ModelUnderTest | None, replayed: Iterable[ObservedView], rows: Iterable[Rows]
) -> tuple[str, ...]:
    """The classes that all predictions are drawn from: the model's, else those that replayed predictions bring."""
    known = model_under_test.model.labels if model_under_test is not None else ()
    brought = [observed.predictions for observed in replayed if observed.predictions is not None]
    brought = [predictions for predictions in brought if get_schema(predictions.schema).has_classes]
    if known or not brought:
        return known
    named = tuple(dict.fromkeys(name for predictions in brought for name in predictions.classes))
    if any(predictions.probabilities is not None for predictions in brought):
        return named
    return tuple(sorted({*named, *unknown_labels({label for one in rows for label in distinct_labels(one)}, named)}))


def with_classes(observed: ObservedView, classes: tuple[str, ...]) -> ObservedView:
    predictions = observed.predictions
    if predictions is None or not get_schema(predictions.schema).has_classes:
        return observed
    strangers = sorted(set(predictions.classes) - set(classes))
    if strangers:
        known = ", ".join(f"`{name}`" for name in classes)
        raise DataError(f"replayed predictions have the label `{strangers[0]}`", hint=f"the model knows {known}")
    return replace(observed, predictions=predictions.with_classes(classes))


def replay(view: View, use: Use, seen: PerturbedRows) -> ObservedView:
    """The predictions for the rows of one view; rows that have none are a DataError, further ones are left alone."""
    try:
        brought = check_predictions(
            use.contributor, use.call_method(use.contribution_as(Replay).read, view.rows.name), ""
        )
    except NotRunError as error:
        return ObservedView(seen, failure=Failure.of_refusal(error))
    except ContributionError as error:
        return ObservedView(seen, failure=Failure.of_error(error))
    places = pc.index_in(seen.rows.ids, brought.ids.combine_chunks())
    if places.null_count:
        strangers = seen.rows.ids.filter(places.is_null())
        raise DataError(
            f"backend `{view.backend}` has no prediction for {len(strangers):,} of {counted(len(places), 'row')} of"
            f" `{view.rows.name}`, `{strangers[0]}` among them",
            hint="predictions are joined by `id`; `mqa rows SUITE --out DIR` writes every row with its id",
        )
    return ObservedView(seen, brought.take(places.combine_chunks() if isinstance(places, pa.ChunkedArray) else places))
