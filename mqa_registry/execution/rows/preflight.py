"""The preflight: everything wrong with the data and checks of a suite that shows before predicting, all at once."""

from __future__ import annotations

import os
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.boundary import ROW_SECONDS, ContributionCall
from mqa_registry.contributions import Backend, Comparison, Metric, ProbeContext, Slice, ViewContext
from mqa_registry.errors import (
    ContributionError,
    DataError,
    ExitCode,
    MissingColumnError,
    MqaError,
    Problem,
    SuiteError,
    UsageError,
)
from mqa_registry.sample_predictions import has_sample, measure_sample
from mqa_registry.stats.randomness import generator
from mqa_registry.types import read_targets
from mqa_registry.types.id_join import match_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from mqa_registry.contributions import ModelUnderTest
    from mqa_registry.observations import Observations
    from mqa_registry.plan import Case, Plan
    from mqa_registry.suite import Use
    from mqa_registry.types import Rows


def preflight(plan: Plan, rows: Mapping[str, Rows], schema: str, classes: Sequence[str]) -> None:
    """Raise one error with everything that is wrong with the data and the checks.

    `schema` and `classes` are those of the predictions. It checks that metrics can read the targets, that measures
    accept their options for these classes, that slices can read the rows, and that compared rows have the same ids.
    """
    problems: dict[Problem, None] = {}
    missing: MissingColumnError | None = None
    plan = replace(plan, cases=tuple(case for case in plan.cases if all(view.rows.data in rows for view in case.views)))
    for data in _data_with_targets(plan):
        try:
            read_targets(rows[data], schema, classes, data=data)
        except DataError as error:
            problems[Problem(error.message, error.hint)] = None
            missing = error if isinstance(error, MissingColumnError) else missing
    for case in plan.cases:
        problems |= dict.fromkeys(_case_problems(case, plan, rows, schema, classes))
    if missing is not None and len(problems) == 1:  # its column may be mapped otherwise than in a suite
        raise missing
    raise_problems(problems)


def raise_problems(problems: Collection[Problem]) -> None:
    """Raise a SuiteError with all problems, if there are any; a DataError where it is one without a location."""
    if len(problems) == 1 and (problem := next(iter(problems))).location is None:
        raise DataError(problem.message, hint=problem.hint)
    if problems:
        raise SuiteError(list(problems))


def check_probe_options(plan: Plan, rows: Mapping[str, Rows], model_under_test: ModelUnderTest | None) -> None:
    """Let probes that run no model check their options on unperturbed rows: one error with all problems."""
    problems: dict[Problem, None] = {}
    for request in plan.probe_requests:
        is_perturbed = any(view.rows.perturb for view in request.views)
        if not request.probe.checks or request.probe.inputs == "runner" or is_perturbed:
            continue
        views = [ViewContext(view.backend, rows[view.rows.data]) for view in request.views[::-1]]
        rng = generator(plan.suite.seed, "probe", request.use.key)
        context = ProbeContext(views[0], rng, views[1] if request.reference else None, model_under_test)
        step = partial(request.use.call_method, request.probe.check, context)
        problems |= dict.fromkeys(wrong_input(request.use, step, DataError))
    raise_problems(problems)


def preflight_observations(plan: Plan, observations: Observations) -> None:
    """The preflight of a suite that judges the observations of a former run, if those have predictions."""
    views = observations.views.values()
    predictions = next((view.predictions for view in views if view.predictions is not None), None)
    if predictions is not None:
        preflight(plan, observations.rows, predictions.schema, predictions.classes)


def _data_with_targets(plan: Plan) -> dict[str, None]:
    """The data sets whose targets a metric reads."""
    cases = (case for case in plan.cases if isinstance(case.check.measure.contribution, Metric))
    return dict.fromkeys(view.rows.data for case in cases for view in case.views)


def _case_problems(
    case: Case, plan: Plan, rows: Mapping[str, Rows], schema: str, classes: Sequence[str]
) -> Iterator[Problem]:
    """The problems of one case, each with its location in the suite."""
    measure, by = case.check.measure, case.check.by
    kind = measure.contribution
    yield from _unfit_schema(case, plan, schema)
    if isinstance(kind, Metric | Comparison) and schema in kind.schemas and has_sample(schema):
        # On sample predictions a metric may fail for want of real ones: only a complaint about its options counts.
        yield from wrong_input(measure, partial(measure_sample, measure, schema, classes), UsageError)
    data = dict.fromkeys(view.rows.data for view in case.views)
    if by is not None:
        for name in data:
            yield from wrong_input(by, partial(_slice_sample, by, rows[name]), MqaError)
    if isinstance(kind, Comparison) and len(data) > 1:
        yield from _different_rows(case, rows)


def _unfit_schema(case: Case, plan: Plan, schema: str) -> Iterator[Problem]:
    """The problem of a measure that cannot read what this model predicts.

    Where the task alone says what that is, the suite was refused for it when it was read.
    """
    measure, task = case.check.measure, plan.task
    schemas = getattr(measure.contribution, "schemas", ())
    if task is None or len(task.schemas) < 2 or not schemas or schema in schemas:
        return
    use = plan.suite.backends.get(case.backend)  # a probe of rows alone has none
    if use is not None and isinstance(use.contribution, Backend):
        yield Problem(
            f"`{measure.name}` reads {' or '.join(schemas)}, and the model predicts {schema}",
            f"`mqa plugins metrics` lists those that read {schema}",
            measure.at,
        )


def wrong_input(use: Use, step: Callable[[], object], kind: type[MqaError]) -> Iterator[Problem]:
    """The problem with the user's input that a contribution reports in a step. A crash is ignored: its check fails later."""
    try:
        # A separate stream: a contribution that closes it here still needs one when its check is judged.
        with (
            open(os.dup(1), "w", encoding="utf-8", errors="backslashreplace") as out,  # noqa: PTH123  # a descriptor is no path
            redirect_stdout(out),
            ContributionCall(use.contributor, seconds=ROW_SECONDS),  # of two rows, or of one
        ):
            step()
    except MqaError as error:
        reported = error.__cause__ if isinstance(error, ContributionError) else error
        if isinstance(reported, kind) and reported.exit_code is ExitCode.WRONG_INPUT:
            yield Problem(reported.message, reported.hint, use.at)
    except Exception:
        return


def _slice_sample(by: Use, rows: Rows) -> object:
    """Call a slice on the first row, or on the whole table. One that reads predictions cannot be called yet.

    Nor can one that opens files where the rows have none, as those of a kept run.
    """
    match by.contribution_as(Slice).inputs:
        case "predictions":
            return None
        case "table":
            return by.call(rows.table)
        case "examples":
            return by.call(islice(rows.examples(), 1)) if rows.blobs else None
        case "example":
            return by.call(next(iter(rows.whole())))


def _different_rows(case: Case, rows: Mapping[str, Rows]) -> Iterator[Problem]:
    """The problem of a comparison of two data sets whose ids differ."""
    for step in case.steps:
        if step.reference is None or step.reference.rows.data == step.view.rows.data:
            continue
        ids, reference_ids = (rows[view.rows.data].ids for view in (step.view, step.reference))
        shared = int(np.count_nonzero(match_ids(ids, reference_ids) >= 0))
        if shared < max(len(ids), len(reference_ids)):
            yield Problem(
                f"check `{case.check.name}` compares different rows: the reference has {shared:,} of {len(ids):,}",
                "a comparison needs the same ids on both sides",
                case.check.measure.at,
            )
            return
