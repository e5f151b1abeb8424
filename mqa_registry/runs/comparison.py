"""Comparison of two runs: the measures of both on the same rows and groups of them, judged together, without model and data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import redact_messages, supervise
from mqa_registry.contributions import Metric
from mqa_registry.errors import ExitCode, MqaError, UsageError
from mqa_registry.expect import Expect
from mqa_registry.judging.changes import count_flips, judge_changes, takes_groups
from mqa_registry.judging.groups import sees_predictions
from mqa_registry.judging.result import RunComparison, Verdict, VerdictChange
from mqa_registry.judging.samples import SampleCache, positions_of
from mqa_registry.naming import counted
from mqa_registry.plan import Case, Plan, Step, View
from mqa_registry.reports import without_texts
from mqa_registry.runs.outcome import release_verdict
from mqa_registry.suite import Check, Severity
from mqa_registry.types import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.judging.result import Change
    from mqa_registry.observations import Observations, ObservedView
    from mqa_registry.reports import Report
    from mqa_registry.runs.pipeline import ExecutedRun
    from mqa_registry.runs.record import Record
    from mqa_registry.suite import Use

MAX_NAMED_IDS = 3  # of rows that only one run has, in a message


def compare_observations(
    plan: Plan,
    observations: Observations,
    report: Report,
    earlier: Record,
    *,
    max_drop: float | None = None,
    texts: bool = True,
) -> RunComparison:
    """How a run differs from an earlier one. Both sides are measured by the plan of the run.

    Without `texts`, no text of a row is in it, nor in a message. Raises a UsageError where the rows that both runs
    predicted are not the same.
    """
    with supervise(), redact_messages(enabled=not texts):
        reference = earlier.comparable_observations(plan)
        found = _compare(plan, observations, report, reference, earlier.report, max_drop=max_drop)
    return found if texts else without_texts(found)


def _compare(
    plan: Plan,
    observations: Observations,
    report: Report,
    reference: Observations,
    reference_report: Report,
    *,
    max_drop: float | None,
) -> RunComparison:
    _require_same_rows(observations.rows, reference.rows, reference_report.run)
    common, left_out = [], []
    for case in _list_cases(plan, reference_report.run, max_drop or 0.0):
        before = reference.views[case.steps[0].view]
        if before.predictions is None:
            left_out.append(before.failure.message if before.failure else "")
            continue
        _require_same_perturbed_rows(case, observations.views[case.steps[0].view], before)
        common.append(case)
    joint = replace(
        observations,
        views={
            **observations.views,
            **{_view_in(view, reference_report.run): seen for view, seen in reference.views.items()},
        },
    )
    comparison = Plan(plan.suite, tuple(common))
    cache = SampleCache(joint)
    changes = judge_changes(comparison, cache)
    return RunComparison(
        run=report.run,
        reference=reference_report.run,
        started=f"{reference_report.started:%Y-%m-%d %H:%M}",
        verdict=_overall_verdict(changes, max_drop),
        max_drop=max_drop,
        confidence=plan.suite.confidence,
        changes=changes,
        flips=count_flips(comparison, cache, changes),
        verdict_changes=tuple(_list_verdict_changes(reference_report, report)),
        left_out=tuple(
            dict.fromkeys([*left_out, *_list_lost_rows(common, joint, report.run), *_list_groups_left_out(plan)])
        ),
    )


def hold_against(executed: ExecutedRun, earlier: Record, *, max_drop: float | None) -> ExecutedRun:
    """The run with the comparison in its report, whose verdict and exit code count.

    Where the runs cannot be compared, the report says why and ends with 3.
    """
    report, texts = executed.report, executed.record.texts and earlier.texts
    try:
        comparison = compare_observations(
            executed.plan, executed.observations, report, earlier, max_drop=max_drop, texts=texts
        )
    except MqaError as error:
        code = ExitCode.NOT_TRUSTWORTHY
        note = f"the run could not be held against `{earlier.run}`: {error.message}"
        report = replace(report, verdict=release_verdict(code), exit_code=code, note=note, hint=error.hint)
    else:
        code = _with_comparison(report.exit_code, comparison)
        report = replace(report, verdict=release_verdict(code), exit_code=code, against=comparison)
    return replace(executed, record=replace(executed.record, report=report))


def _with_comparison(code: ExitCode, comparison: RunComparison) -> ExitCode:
    """The exit code of a run and of what it is held against."""
    if code is ExitCode.NOT_TRUSTWORTHY:
        return code
    if comparison.verdict is Verdict.FAIL:
        return ExitCode.FAILED
    if comparison.verdict is Verdict.INCONCLUSIVE and code is ExitCode.OK:
        return ExitCode.INCONCLUSIVE
    return code


def _view_in(view: View, run: str) -> View:
    """The view of another run, under a name that no backend of a suite has."""
    return View(f"{view.backend} in run {run}", view.rows)


def _list_cases(plan: Plan, reference: str, bound: float) -> list[Case]:
    """A case for each metric on each view of the plan's checks, with a bound on the change from the other run.

    Then one with `by` for each way in which a check groups the rows of a view by what is the same for both runs; a
    metric that makes one number of groups has no other. Metrics whose checks do not say whether more is better are left
    out.
    """
    metrics = [case for case in plan.cases if _is_comparable(case)]
    slopes = {case.check.measure.key: case.expect.slope for case in metrics if case.expect.slope}
    wholes: dict[tuple[str, View], Case] = {}
    grouped: dict[tuple[str, View, str], Case] = {}
    for case in metrics:
        key, by = case.check.measure.key, case.check.by
        slope = slopes.get(key, 0)
        expect = Expect(max_rise=bound) if slope < 0 else Expect(max_drop=bound)
        for step in case.steps if slope else ():
            compared = _make_case(case, step, expect, _view_in(step.view, reference))
            if not takes_groups(case):
                wholes.setdefault((key, step.view), compared)
            if by is None or sees_predictions(by):
                continue
            other = grouped.get((key, step.view, by.key))
            if other is None or case.expect.min_rows < other.expect.min_rows:
                grouped[key, step.view, by.key] = _with_groups(compared, by, case.expect.min_rows)
    return [*wholes.values(), *grouped.values()]


def _list_groups_left_out(plan: Plan) -> Iterator[str]:
    """Why groups of checks are not compared: those that are made of predictions would be other rows in each run."""
    for case in plan.cases:
        if case.check.by is not None and _is_comparable(case) and sees_predictions(case.check.by):
            yield f"the groups of `{case.check.name}`: `{case.check.by.name}` makes them of predictions"


def _list_lost_rows(cases: Sequence[Case], joint: Observations, run: str) -> Iterator[str]:
    """The rows that one of the runs lost, which are left out of both."""
    for case in cases:
        for view in case.views:
            if lost := joint.views[view].lost.count:
                where = f"`{view.rows.name}` on `{case.backend}`"
                name = run if view.backend == case.backend else view.backend.removeprefix(f"{case.backend} in run ")
                yield f"{counted(lost, 'row')} of {where}, which the run `{name}` lost"


def _is_comparable(case: Case) -> bool:
    return isinstance(case.check.measure.contribution, Metric)


def _make_case(case: Case, step: Step, expect: Expect, reference: View) -> Case:
    check = Check(
        name=case.check.name,
        measure=case.check.measure,
        expect={"value": expect},
        data=step.view.rows.data,
        on=(case.backend,),
        steps=(Severity(step.view.rows.perturb),),
        interval=case.check.interval,
        max_lost=case.check.max_lost,
    )
    return Case(check, case.backend, expect, (Step(step.view, reference, step.severity),))


def _with_groups(case: Case, by: Use, min_rows: int) -> Case:
    """The same case, of each group with enough rows."""
    return replace(case, check=replace(case.check, by=by), expect=replace(case.expect, min_rows=min_rows))


def _overall_verdict(changes: Sequence[Change], max_drop: float | None) -> Verdict:
    verdicts = {change.verdict for change in changes}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    is_open = max_drop is not None and verdicts - {Verdict.PASS}
    return Verdict.INCONCLUSIVE if is_open or not changes else Verdict.PASS


def _list_verdict_changes(reference: Report, report: Report) -> Iterator[VerdictChange]:
    before = {(result.check, result.backend): result.verdict for result in reference.results}
    for result in report.results:
        verdict = before.get((result.check, result.backend))
        if verdict is not None and verdict is not result.verdict:
            yield VerdictChange(result.check, result.backend, verdict, result.verdict)


def _require_same_rows(rows: Mapping[str, Rows], reference: Mapping[str, Rows], run: str) -> None:
    """Raise a UsageError where a data set that both runs have has other rows in each."""
    for name in rows.keys() & reference.keys():
        if difference := _describe_difference(rows[name], reference[name]):
            raise UsageError(
                f"the rows of `{name}` are not those of the run `{run}`: {difference}",
                hint="compare runs of the same data, with the same `--limit`",
            )


def _describe_difference(rows: Rows, reference: Rows) -> str:
    """What differs between two sets of rows; empty where nothing does. Their order does not count."""
    ids, others = rows.ids.to_pylist(), reference.ids.to_pylist()
    for only, where in ((set(ids) - set(others), "here"), (set(others) - set(ids), "there")):
        if only:
            named = ", ".join(f"`{one}`" for one in sorted(only)[:MAX_NAMED_IDS])
            more = ", ..." if len(only) > MAX_NAMED_IDS else ""
            return f"{counted(len(only), 'row is', 'rows are')} only {where} ({named}{more})"
    positions = {one: position for position, one in enumerate(others)}
    aligned = reference.table.take([positions[one] for one in ids])
    for name in ("target", *rows.fields):
        mine, theirs = (table.column(name) if name in table.column_names else None for table in (rows.table, aligned))
        if mine is None or theirs is None or mine.equals(theirs):
            continue
        changed = sum(one != other for one, other in zip(mine.to_pylist(), theirs.to_pylist(), strict=True))
        if changed:
            return f"{counted(changed, 'row')} with another `{name}`"
    return ""


def _without_lost_rows(rows: Rows, others: Rows, lost: int) -> Rows:
    """The rows without those that the others lack, where these are no more than `lost` there."""
    is_there = positions_of(rows.ids, others.ids) >= 0 if lost else np.ones(len(rows), dtype=bool)
    if is_there.all() or np.count_nonzero(~is_there) > lost:
        return rows
    return Rows(rows.table.filter(pa.array(is_there)), rows.fields)


def _require_same_perturbed_rows(case: Case, now: ObservedView, earlier: ObservedView) -> None:
    """Raise a UsageError where a perturbation made other rows in each run, as of another version."""
    if now.perturbed is None or earlier.perturbed is None or not case.steps[0].view.rows.perturb:
        return
    rows = _without_lost_rows(now.perturbed.rows, earlier.perturbed.rows, earlier.lost.count)
    others = _without_lost_rows(earlier.perturbed.rows, now.perturbed.rows, now.lost.count)
    if difference := _describe_difference(rows, others):
        raise UsageError(
            f"the perturbed rows of `{case.check.name}` are not those of the earlier run: {difference}",
            hint="another version of the perturbation made them: run the earlier model again",
        )
