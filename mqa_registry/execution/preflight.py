"""The preflight: whatever is wrong with a suite's data and checks and shows without predicting, all of it at once."""

from __future__ import annotations

import os
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mqa_registry.boundary import ROW_SECONDS, ContributionCall
from mqa_registry.contributions import Comparison, Metric, Slice
from mqa_registry.errors import ContributionError, DataError, ExitCode, MqaError, Problem, SuiteError, UsageError
from mqa_registry.sample_predictions import has_sample, measure_sample
from mqa_registry.types import read_targets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from mqa_registry.observations import Observations
    from mqa_registry.plan import Case, Plan
    from mqa_registry.suite import Use
    from mqa_registry.types import Rows


def preflight(plan: Plan, rows: Mapping[str, Rows], schema: str, classes: Sequence[str]) -> None:
    """Raise everything that is wrong with the data and the checks, where anything is.

    `schema` and `classes` are those of the predictions. What metrics need of the targets, what measures say of their
    options before these classes, and the columns that slices read are looked at.
    """
    problems: dict[Problem, None] = {}
    plan = replace(plan, cases=tuple(case for case in plan.cases if all(view.rows.data in rows for view in case.views)))
    for data in _labelled(plan):
        try:
            read_targets(rows[data], schema, classes, data=data)
        except DataError as error:
            problems[Problem(error.message, error.hint)] = None
    for case in plan.cases:
        problems |= dict.fromkeys(_problems(case, rows, schema, classes))
    raise_problems(problems)


def raise_problems(problems: Collection[Problem]) -> None:
    """All of them at once, if there are any: as one line where it is one without a place in the suite."""
    if len(problems) == 1 and (only := next(iter(problems))).location is None:
        raise DataError(only.message, hint=only.hint)
    if problems:
        raise SuiteError(list(problems))


def examine_again(plan: Plan, observations: Observations) -> None:
    """The same for a suite that is to judge what another one has seen, as far as that goes."""
    seen = (one.predictions for one in observations.views.values() if one.predictions is not None)
    predictions = next(seen, None)
    if predictions is not None:
        preflight(plan, observations.rows, predictions.schema, predictions.classes)


def _labelled(plan: Plan) -> dict[str, None]:
    """The data sets whose targets some metric reads."""
    cases = (case for case in plan.cases if isinstance(case.check.measure.contribution, Metric))
    return dict.fromkeys(view.rows.data for case in cases for view in case.views)


def _problems(case: Case, rows: Mapping[str, Rows], schema: str, classes: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with one case, each where it stands in the suite."""
    measure, by = case.check.measure, case.check.by
    kind = measure.contribution
    if isinstance(kind, Metric | Comparison) and schema in kind.schemas and has_sample(schema):
        # A metric may need rows that mean something; of made-up ones, only what it says of its options counts.
        yield from wrong_input(measure, partial(measure_sample, measure, schema, classes), UsageError)
    data = dict.fromkeys(view.rows.data for view in case.views)
    if by is not None:
        for name in data:
            yield from wrong_input(by, partial(_sliced, by, rows[name]), MqaError)
    if isinstance(kind, Comparison) and len(data) > 1:
        yield from _other_rows(case, rows)


def wrong_input(use: Use, step: Callable[[], object], kind: type[MqaError]) -> Iterator[Problem]:
    """What a contribution says is wrong with the user's input; a crash is its check's own, once that is judged."""
    try:
        # A stream of its own: what closes it here must not be without one when its check is judged.
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


def _sliced(by: Use, rows: Rows) -> object:
    """What a slice says of the first row, or of the whole table; one that sees predictions is asked later."""
    sees = by.contribution_as(Slice).inputs
    if sees == "predictions":
        return None
    return by.call(rows.table if sees == "table" else next(iter(rows.whole())))


def _other_rows(case: Case, rows: Mapping[str, Rows]) -> Iterator[Problem]:
    """A comparison of two data sets needs the same rows in both."""
    for step in case.steps:
        if step.reference is None or step.reference.rows.data == step.view.rows.data:
            continue
        mine, theirs = (set(rows[view.rows.data].ids.to_pylist()) for view in (step.view, step.reference))
        if mine != theirs:
            yield Problem(
                f"check `{case.check.name}` compares different rows: the reference has {len(mine & theirs):,} of"
                f" {len(mine):,}",
                "a comparison needs the same ids on both sides",
                case.check.measure.at,
            )
            return
