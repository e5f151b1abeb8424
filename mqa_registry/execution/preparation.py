"""Preparing a run: its rows, unperturbed and perturbed, its model and its replayed predictions, all of them checked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mqa_registry.contributions import Backend, Replay
from mqa_registry.errors import ContributionError, DataError, ExitCode, MqaError, NotRunError
from mqa_registry.execution.inference.batching import find_fixed_lengths
from mqa_registry.execution.model_building import build_model
from mqa_registry.execution.rows.columns import columns_read
from mqa_registry.execution.rows.datasets import load_dataset
from mqa_registry.execution.rows.preflight import check_probe_options, preflight
from mqa_registry.execution.rows.replays import replay
from mqa_registry.execution.rows.row_sets import RowSets
from mqa_registry.observations import Failure, ObservedView, PerturbedRows
from mqa_registry.types import distinct_labels, get_schema, unknown_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from mqa_registry.contributions import ModelUnderTest, RunContext
    from mqa_registry.execution.resources import Progress
    from mqa_registry.execution.rows.row_sets import PerturbAll
    from mqa_registry.execution.workspace import Workspace
    from mqa_registry.plan import Plan, RowSet, View
    from mqa_registry.suite import Use
    from mqa_registry.types import Rows

CHECKING = "checking what the suite asks"
PERTURBING = "perturbing rows"


def load_rows(plan: Plan, context: RunContext) -> dict[str, Rows]:
    """Read the data sets that the plan needs."""
    suite, task = plan.suite, plan.task
    names = dict.fromkeys(row_set.data for row_set in plan.row_sets)
    return {name: load_dataset(suite.data[name], task, context, suite.seed, columns_read(plan, name)) for name in names}


@dataclass(frozen=True)
class PreparedData:
    """All that is to be predicted: the unperturbed rows by data set, and every set of rows, made as it is needed.

    `model_under_test` is the model, not built yet, where a backend is to run it or a probe encodes rows, `model_failure` why there
    is none where its source or task failed; `replays` are the predictions that the other backends bring, among the same `classes`.
    """

    rows: Mapping[str, Rows]
    row_sets: RowSets
    model_under_test: ModelUnderTest | None = None
    model_failure: Failure | None = None
    replays: Mapping[View, ObservedView] = field(default_factory=dict)
    classes: tuple[str, ...] = ()


def prepare(
    plan: Plan,
    context: RunContext,
    progress: Progress,
    *,
    workspace: Workspace | None = None,
    perturb_all: PerturbAll | None = None,
) -> PreparedData:
    """Read the data sets that the plan needs and the predictions that are replayed, with the rows that those are for.

    `perturb_all` perturbs shards, as `RowSets` has it. The preflight comes before all that is costly: its error has
    everything that is wrong with the data and the checks.
    """
    progress.stage("reading the data")
    rows, data_failures = _load_rows(plan, context)
    model_under_test, model_failure = _try_build_model(plan, context, rows)
    if model_under_test is not None:
        progress.stage(CHECKING)
        preflight(plan, rows, model_under_test.task.schema, model_under_test.model.labels)
    row_sets = RowSets(plan, rows, failures=data_failures, workspace=workspace, perturb_all=perturb_all)
    early = _sets_before_predicting(plan)
    if any(row_set.perturb for row_set in early):
        progress.stage(PERTURBING)
    row_sets.make(early)
    replays = {view: _replay_view(plan, view, row_sets[view.rows], context.scratch) for view in _replayed_views(plan)}
    classes = _find_classes(model_under_test, replays.values(), rows.values())
    if model_under_test is None and model_failure is None and (schema := _find_schema(replays.values())):
        progress.stage(CHECKING)
        preflight(plan, rows, schema, classes)
    replays = {view: with_classes(observed, classes) for view, observed in replays.items()}
    return PreparedData(rows, row_sets, model_under_test, model_failure, replays, classes)


def validate_inputs(plan: Plan, context: RunContext) -> dict[str, Rows]:
    """Read the rows, and raise all errors that a run would raise before it predicts. Nothing is perturbed or stored.

    Of replayed predictions, only those for unperturbed rows are read. Backends check the files that they name.
    """
    rows = load_rows(plan, context)
    model_under_test = _build_model(plan, context, rows)
    if model_under_test is not None:
        backends = {name: plan.suite.backends[name] for name in live_backends_of(plan)}
        for use in backends.values():
            _check_identity(use, model_under_test)
        find_fixed_lengths(backends, model_under_test)
        preflight(plan, rows, model_under_test.task.schema, model_under_test.model.labels)
        check_probe_options(plan, rows, model_under_test)
        return rows
    views = [view for view in _replayed_views(plan) if not view.rows.perturb]
    replays = [_replay_view(plan, view, PerturbedRows(rows[view.rows.data]), context.scratch) for view in views]
    if schema := _find_schema(replays):
        preflight(plan, rows, schema, _find_classes(None, replays, rows.values()))
    check_probe_options(plan, rows, None)
    return rows


def perturb_rows(plan: Plan, rows: Mapping[str, Rows], progress: Progress) -> dict[RowSet, PerturbedRows | Failure]:
    """Every set of rows of a plan, with its perturbations applied."""
    if any(row_set.perturb for row_set in plan.row_sets):
        progress.stage(PERTURBING)
    row_sets = RowSets(plan, rows)
    row_sets.make()
    return {row_set: row_sets[row_set] for row_set in plan.row_sets}


def _sets_before_predicting(plan: Plan) -> list[RowSet]:
    """The sets of rows that are read before anything is predicted: by replayed views, and by probes that check them."""
    replayed = [view.rows for view in _replayed_views(plan)]
    checked = [view.rows for request in plan.probe_requests if request.probe.checks for view in request.views]
    return list(dict.fromkeys([*replayed, *checked]))


# Data sets.


def _load_rows(plan: Plan, context: RunContext) -> tuple[dict[str, Rows], dict[str, Failure]]:
    """The data sets that the plan needs, and the failures of those whose source crashes or cannot run here."""
    suite, task = plan.suite, plan.task
    rows: dict[str, Rows] = {}
    failures: dict[str, Failure] = {}
    for name in dict.fromkeys(row_set.data for row_set in plan.row_sets):
        try:
            rows[name] = load_dataset(suite.data[name], task, context, suite.seed, columns_read(plan, name))
        except (ContributionError, NotRunError) as error:
            failures[name] = Failure.of(error)
    return rows, failures


def first_rows(plan: Plan, rows: Mapping[str, Rows]) -> Rows | None:
    """The rows of the suite's first data set, else of the first that the plan needs."""
    return rows.get(next(iter(plan.suite.data)), next(iter(rows.values()), None))


# The model and the backends that run it.


def live_backends_of(plan: Plan) -> list[str]:
    """The names of the backends that the plan needs and that run the model."""
    probed = (view for request in plan.probe_requests if request.probe.inputs == "runner" for view in request.views)
    names = dict.fromkeys(view.backend for view in (*plan.views, *probed))
    return [name for name in names if not isinstance(plan.suite.backends[name].contribution, Replay)]


def is_candidate(plan: Plan, backend: str) -> bool:
    """Whether a backend comes after another that runs the model, which shows that the task can read the model's outputs."""
    first = next(iter(plan.suite.backends))
    return backend != first and first in live_backends_of(plan)


def _try_build_model(
    plan: Plan, context: RunContext, rows: Mapping[str, Rows]
) -> tuple[ModelUnderTest | None, Failure | None]:
    """The model under test, or the failure of its source or task: it crashed, or cannot run here."""
    try:
        return _build_model(plan, context, rows), None
    except (ContributionError, NotRunError) as error:
        return None, Failure.of(error)


def _build_model(plan: Plan, context: RunContext, rows: Mapping[str, Rows]) -> ModelUnderTest | None:
    """The model under test, whose weights are not loaded yet; None where no backend runs it and no probe encodes rows for it."""
    suite = plan.suite
    is_read = any(request.probe.encodes for request in plan.probe_requests)
    if suite.model is None or not (is_read or live_backends_of(plan)):
        return None
    return build_model(suite.model, context, first_rows(plan, rows))


def _check_identity(use: Use, model_under_test: ModelUnderTest) -> None:
    """Raise where a backend finds the user's input wrong. What is missing on this machine is left to the run."""
    try:
        use.call_method(use.contribution_as(Backend).identity, model_under_test)
    except MqaError as error:
        if error.exit_code is ExitCode.WRONG_INPUT:
            raise


# Replayed predictions, and the classes of all predictions.


def _replayed_views(plan: Plan) -> list[View]:
    live = live_backends_of(plan)
    return [view for view in plan.views if view.backend not in live]


def _replay_view(
    plan: Plan, view: View, row_set: PerturbedRows | Failure, scratch: Callable[[], Path] | None = None
) -> ObservedView:
    if isinstance(row_set, Failure):
        return ObservedView(None, failure=row_set)
    return replay(view, plan.suite.backends[view.backend], row_set, scratch)


def _find_schema(replays: Iterable[ObservedView]) -> str:
    """The schema of replayed predictions; empty where there are none."""
    return next((observed.predictions.schema for observed in replays if observed.predictions is not None), "")


def _find_classes(
    model_under_test: ModelUnderTest | None, replays: Iterable[ObservedView], rows: Iterable[Rows]
) -> tuple[str, ...]:
    """The classes of all predictions: those of the model, else those of the replayed predictions.

    Replayed labels without probabilities need not show every class: further labels of the targets count as classes.
    """
    model_classes = model_under_test.model.labels if model_under_test is not None else ()
    replayed = [observed.predictions for observed in replays if observed.predictions is not None]
    replayed = [predictions for predictions in replayed if get_schema(predictions.schema).has_classes]
    if model_classes or not replayed:
        return model_classes
    classes = tuple(dict.fromkeys(name for predictions in replayed for name in predictions.classes))
    if any(predictions.probabilities is not None for predictions in replayed):
        return classes
    targets = {label for one in rows for label in distinct_labels(one)}
    return tuple(sorted({*classes, *unknown_labels(targets, classes)}))


def with_classes(observed: ObservedView, classes: tuple[str, ...]) -> ObservedView:
    """The view with its predictions in terms of these classes; a DataError where a prediction has another label."""
    predictions = observed.predictions
    if predictions is None or not get_schema(predictions.schema).has_classes:
        return observed
    unknown = sorted(set(predictions.classes) - set(classes))
    if unknown:
        names = ", ".join(f"`{name}`" for name in classes)
        raise DataError(f"replayed predictions have the label `{unknown[0]}`", hint=f"the model knows {names}")
    return replace(observed, predictions=predictions.with_classes(classes))
