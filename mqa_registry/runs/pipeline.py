"""Execution of a run: from a suite file to a report, and from a kept run to a new report.

`run` plans a suite, predicts, judges and keeps the run. `judge` judges a kept run again, without model and data.
"""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import judging, plugins
from mqa_registry import plan as plans
from mqa_registry.boundary import limit_calls, redact_messages, supervise
from mqa_registry.errors import ExitCode, MqaError, SuiteError, UsageError
from mqa_registry.execution import Workspace, predict, preflight_observations, prepare
from mqa_registry.execution.rows.parallel_perturbation import RowPerturber, WorkerOptions
from mqa_registry.execution.workers.driver import open_workers
from mqa_registry.execution.workers.job import RunJob
from mqa_registry.files import suite_folder
from mqa_registry.findings import Finding
from mqa_registry.judging.view_summary import summarize_views
from mqa_registry.judging.waivers import apply_waivers
from mqa_registry.reports import Report, without_examples
from mqa_registry.run_options import HistoryOptions, RunOptions, find_store_folder
from mqa_registry.runs.archive import find_run, is_report_file, keep_run
from mqa_registry.runs.comparison import hold_against
from mqa_registry.runs.environment import describe_environment, update_environment
from mqa_registry.runs.input_files import refuse_to_overwrite_inputs
from mqa_registry.runs.kept_groups import with_kept_groups
from mqa_registry.runs.outcome import collect_findings, exit_code, identify_suite, release_verdict, stamp_files
from mqa_registry.runs.progress import SilentRunProgress
from mqa_registry.runs.record import Record
from mqa_registry.runs.tags import check_tag, tag_run
from mqa_registry.store import claim, open_scratch, open_store
from mqa_registry.suite import (
    Overrides,
    RawSuite,
    find_lacking_inputs,
    list_objects,
    plugin_names,
    read,
    real_folder,
    require_inside,
    validate,
    with_objects_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from mqa_registry.judging import Result
    from mqa_registry.observations import Observations
    from mqa_registry.plan import Plan
    from mqa_registry.plugins import Catalog
    from mqa_registry.runs.progress import RunProgress
    from mqa_registry.types import Predictions


def read_plan(path: str | Path, options: RunOptions) -> Plan:
    """Read a suite file and plan it. Raises a SuiteError with every problem of the file."""
    return make_plan(read(path, options.overrides, options.plugin_files), options)[0]


def make_plan(raw: RawSuite, options: RunOptions, *, files: bool = True) -> tuple[Plan, Catalog]:
    """Plan a suite, and load the plugins that it names; with `files`, every file that it names must exist."""
    if raw.overrides.confined:
        require_inside(options.plugin_files, real_folder(suite_folder(raw.path)))
    catalog = plugins.load(plugin_names(raw), files=options.plugin_files)
    if lacking := [*find_lacking_inputs(raw.root, catalog)] if raw.suites else []:
        raise SuiteError(lacking)
    plan = plans.make(validate(raw, catalog, files=files))
    if not plan.cases:
        raise UsageError(
            "there is nothing to judge: every check that is left would hold a view against itself",
            hint="a comparison needs a second backend, or `against`",
        )
    return plan, catalog


def run(
    suite: str | Path | RawSuite,
    options: RunOptions | None = None,
    *,
    history: HistoryOptions | None = None,
    fresh: bool = False,
    examples: bool = True,
    progress: RunProgress | None = None,
) -> Report:
    """Run a suite, of a file or read already: plan it, predict what it needs, judge every check.

    Raises MqaError where nothing can be judged.

    A run that was judged and cannot be kept has a report too, which says so. `history` says which earlier
    run it is held against, and its tag. `fresh` ignores cached predictions. Without `examples`, no row's text is in the
    report, nor in what the store keeps of the run. Without `options`, everything is as the file says.
    """
    options, history = options or RunOptions(), history or HistoryOptions()
    if history.tag is not None:
        check_tag(history.tag)
    raw = suite if isinstance(suite, RawSuite) else read(suite, options.overrides, options.plugin_files)
    earlier = find_run(history.against, options.store_folder, raw.path) if history.against is not None else None
    executed = execute(raw, options, fresh=fresh, examples=examples, progress=progress)
    if earlier is not None:
        executed = hold_against(executed, earlier, max_drop=history.max_drop)
    return finalize(executed, tag=history.tag)


@dataclass(frozen=True)
class ExecutedRun:
    """A run that is judged. `finalize` keeps it in the store and stamps the files that it judged."""

    record: Record
    plan: Plan
    observations: Observations
    store: Path

    @property
    def report(self) -> Report:
        """What the judge said of it."""
        return self.record.report

    def predictions(self, backend: str) -> Predictions | None:
        """What a backend predicted for every row, of several views in the last; None where it predicted nothing."""
        last = {view.backend: observed.predictions for view, observed in self.observations.views.items()}
        return last.get(backend)

    def probe_tables(self, probe: str) -> list[pa.Table]:
        """The tables that a probe, named as in a suite, gave of the views that it saw."""
        tables = [
            observed.table for request, observed in self.observations.probe_results.items() if request.use.name == probe
        ]
        return [table for table in tables if table is not None]


def execute(
    raw: RawSuite,
    options: RunOptions,
    *,
    fresh: bool = False,
    examples: bool = True,
    progress: RunProgress | None = None,
) -> ExecutedRun:
    """Run a suite as `run` does, for a command that may run another suite before it keeps this run."""
    with supervise(), limit_calls(options.timeout), redact_messages(enabled=not examples):
        return _execute(raw, options, progress or SilentRunProgress(), fresh=fresh, examples=examples)


def _execute(raw: RawSuite, options: RunOptions, progress: RunProgress, *, fresh: bool, examples: bool) -> ExecutedRun:
    started, clock = datetime.now(UTC), time.perf_counter()
    refuse_to_overwrite_inputs(options.outputs, raw, options.plugin_files)
    plan, catalog = make_plan(raw, options)
    progress.begin(plan)
    context = replace(options.run_context(plan.suite), objects=raw.objects)
    worker_options = WorkerOptions(options.plugin_files, options.timeout, redacted=not examples)
    with ExitStack() as stack:
        context = stack.enter_context(open_scratch(context, options.store_of(plan.suite)))
        workspace = Workspace(context.scratch, options.memory_bytes)
        perturber = stack.enter_context(RowPerturber(plan, worker_options, overlaps=workspace.overlaps))
        make_job = partial(RunJob.of, raw, options, catalog, texts=examples)
        workers = stack.enter_context(
            open_workers(plan.suite.execution, make_job, progress, memory=options.memory_bytes)
        )
        perturb_all = perturber.perturb if workers is None else workers.perturb
        prepared = prepare(plan, context, progress, workspace=workspace, perturb_all=perturb_all)
        judge, store = judging.Judge(plan, progress), open_store(options.predictions_of(plan.suite))
        try:
            observations = predict(
                plan, prepared, store, progress, fresh=fresh, observer=judge.observe, workers=workers
            )
        finally:
            store.close()
    observations = replace(observations, findings=(*observations.findings, *store.findings))
    results = judge.finish(observations)
    report = _make_report(
        plan,
        observations,
        results,
        run=f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        started=started,
        clock=clock,
        environment=describe_environment(
            catalog, observations, context, suite_folder(raw.path), list_objects(plan.suite)
        ),
        partial=bool(raw.overrides.only),
        options=options.to_flags(),
    )
    report = report if examples else without_examples(report)
    record = Record.of(raw, plan, observations, report, texts=examples)
    return ExecutedRun(record, plan, observations, options.store_of(plan.suite))


def finalize(executed: ExecutedRun, *, tag: str | None = None) -> Report:
    """Keep a run, tag it, and stamp the files that it judged; returns its report.

    Where the run cannot be kept, the report says so and its verdict stays, but no file is stamped. Where it was to be
    tagged, which others rely on, the exit code is 3.
    """
    report = executed.report
    try:
        claim(executed.store)  # which the run may not have opened as its store
        keep_run(executed.store, executed.record)
        if tag is not None:
            tag_run(executed.store, report.run, tag)
            report = replace(report, tags=(tag,))
    except MqaError as error:
        if tag is None:
            finding = Finding("warning", "history", error.message, error.hint)
            return replace(report, findings=(*report.findings, finding))
        code = ExitCode.NOT_TRUSTWORTHY
        return replace(report, verdict=release_verdict(code), exit_code=code, note=error.message, hint=error.hint)
    return stamp_files(report, executed.plan, executed.observations, executed.record.raw.overrides)


def judge(
    run: str | Path,
    suite: str | Path | RawSuite | None = None,
    *,
    store: str | Path | None = None,
    plugin_files: Sequence[Path] = (),
    outputs: Sequence[Path] = (),
    examples: bool = True,
) -> Report:
    """Judge a kept run again, without model and data. Raises MqaError where nothing can be judged.

    `run` is an id or the beginning of one, `last`, or a report file; `suite` a suite with other bounds, measures, slices
    or another confidence, in which objects that the run had in memory take the place of what it names. A check that needs
    rows which the run did not predict is NOT-RUN. `store` is the folder with the run; left out, the store next to the
    suite, or in the current folder. `outputs` are files that the caller writes, none of which may be an input.
    """
    clock = time.perf_counter()
    other = read(suite, None, plugin_files) if isinstance(suite, str | Path) else suite
    record = find_run(run, find_store_folder(store), None if other is None else other.path)
    raw = record.raw
    if other is not None:  # another suite, about as many rows as the run had
        other = with_objects_of(other, raw, plugins.load(plugin_names(raw), files=plugin_files))
        raw = replace(other, overrides=Overrides(limit=raw.overrides.limit))
    reports = [Path(run)] if is_report_file(run) else []
    refuse_to_overwrite_inputs(outputs, raw, [*plugin_files, *reports])
    plan, catalog = make_plan(raw, RunOptions(plugin_files=tuple(plugin_files)), files=False)
    plan = plans.make(with_kept_groups(plan.suite, record.groups, texts=record.texts))
    observations = record.observations(plan)
    with supervise(), redact_messages(enabled=not (examples and record.texts)):
        if record.texts:
            preflight_observations(plan, observations)
        results = judging.judge(plan, observations)
    report = _make_report(
        plan,
        observations,
        results if suite else record.locate(results),
        run=record.run,
        started=record.started,
        clock=clock,
        environment=update_environment(record.environment, record.rows, catalog),
        partial=bool(raw.overrides.only),
        options=RunOptions(limit=raw.overrides.limit).to_flags() if suite else record.report.options,
        tags=record.tags,
    )
    return report if examples and record.texts else without_examples(report)


def _make_report(
    plan: Plan,
    observations: Observations,
    results: Sequence[Result],
    *,
    run: str,
    started: datetime,
    clock: float,
    environment: Mapping[str, Any],
    partial: bool,
    options: Sequence[str],
    tags: tuple[str, ...] = (),
) -> Report:
    """The report of results: waivers that hold at `started` are applied, and `clock` is when the work began."""
    results = apply_waivers(results, plan.suite.waivers, started.date())
    code = exit_code(results)
    return Report(
        run=run,
        suite=identify_suite(plan.suite),
        verdict=release_verdict(code),
        exit_code=code,
        started=started,
        seconds=round(time.perf_counter() - clock, 3),
        environment=environment,
        results=results,
        backends=tuple(plan.suite.backends),
        work=observations.work,
        findings=collect_findings(plan, observations, results, partial=partial),
        views=summarize_views(observations),
        options=tuple(options),
        tags=tags,
    )
