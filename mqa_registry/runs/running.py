"""A run: the straight way from a suite file to a report."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mqa_registry import plan as plans
from mqa_registry import plugins
from mqa_registry.boundary import limited, quoting, supervised
from mqa_registry.errors import ExitCode, StoreError, UsageError
from mqa_registry.judging import judge
from mqa_registry.judging.waivers import apply_waivers
from mqa_registry.predict import Silence, predict, prepare
from mqa_registry.report import Report, without_examples
from mqa_registry.run_options import RunOptions
from mqa_registry.runs.environment import environment
from mqa_registry.runs.kept import keep
from mqa_registry.runs.outcome import described, exit_code, findings_of, verdict_of
from mqa_registry.runs.outputs import refuse_inputs
from mqa_registry.runs.record import Record
from mqa_registry.runs.stamping import stamped
from mqa_registry.store import Store
from mqa_registry.suite import check, check_inside, plugin_names, read, real_folder

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from mqa_registry.plan import Plan
    from mqa_registry.plugins import Catalog
    from mqa_registry.predict import Observations, Progress
    from mqa_registry.suite import RawSuite
    from mqa_registry.types import Predictions


def planned(path: str | Path, options: RunOptions) -> Plan:
    """The plan of a suite file, with every problem of the file reported at once."""
    return plan_of(read(path, options.overrides), options)[0]


def plan_of(raw: RawSuite, options: RunOptions, *, files: bool = True) -> tuple[Plan, Catalog]:
    """The plan of a suite, and the plugins that it names; with `files`, all that it names must be there."""
    if raw.overrides.confined:
        check_inside(options.plugin_files, real_folder(raw.path.parent))
    catalog = plugins.load(plugin_names(raw), files=options.plugin_files)
    plan = plans.make(check(raw, catalog, files=files))
    if not plan.cases:
        raise UsageError(
            "there is nothing to judge: every check that is left would hold a view against itself",
            hint="a comparison needs a second backend, or `against`",
        )
    return plan, catalog


def run(
    path: str | Path,
    options: RunOptions | None = None,
    *,
    fresh: bool = False,
    examples: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Run a suite file: plan it, predict what it needs, judge every check. Raises MqaError where nothing can be judged.

    A run that was judged and cannot be kept has a report too, which says so and ends with 3. `fresh` ignores cached
    predictions. Without `examples`, no row's text is in the report, nor in what the store keeps of the run. Without
    `options`, everything is as the file says.
    """
    options = options or RunOptions()
    raw = read(path, options.overrides)
    return finalize(execute(raw, options, fresh=fresh, examples=examples, progress=progress))


@dataclass(frozen=True)
class ExecutedRun:
    """A run that was judged, and of which nothing is kept or stamped until `finalize` does it."""

    report: Report
    record: Record
    plan: Plan
    observations: Observations
    store: Path

    def predictions(self, backend: str) -> Predictions | None:
        """What a backend predicted for every row; None where there is nothing. Of several views it is the last."""
        found = {view.backend: seen.predictions for view, seen in self.observations.views.items()}
        return found.get(backend)

    def probe_tables(self, probe: str) -> list[pa.Table]:
        """What a probe, named as in a suite, made of each view that it saw."""
        found = [(sight.use.name, seen.table) for sight, seen in self.observations.sights.items()]
        return [table for name, table in found if name == probe and table is not None]


def execute(
    raw: RawSuite,
    options: RunOptions,
    *,
    fresh: bool = False,
    examples: bool = True,
    progress: Progress | None = None,
) -> ExecutedRun:
    """Run a suite as `run` does, for a command that may run another one before it keeps what was found."""
    with supervised(), limited(options.timeout), quoting(allowed=examples):
        return _execute(raw, options, progress or Silence(), fresh=fresh, examples=examples)


def _execute(raw: RawSuite, options: RunOptions, progress: Progress, *, fresh: bool, examples: bool) -> ExecutedRun:
    started, clock = datetime.now(UTC), time.perf_counter()
    refuse_inputs(options.outputs, raw, options.plugin_files)
    plan, catalog = plan_of(raw, options)
    conditions = options.conditions(plan.suite)
    prepared = prepare(plan, conditions, progress)
    store = Store(options.store_of(plan.suite))
    try:
        observations = predict(plan, prepared, conditions, store, progress, fresh=fresh)
    finally:
        store.close()
    progress.stage("judging")
    results = apply_waivers(judge(plan, observations), plan.suite.waivers, started.date())
    code = exit_code(results)
    report = Report(
        run=f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        suite=described(plan.suite),
        verdict=verdict_of(code),
        exit_code=code,
        started=started,
        seconds=round(time.perf_counter() - clock, 3),
        environment=environment(catalog, observations, conditions),
        results=results,
        backends=tuple(plan.suite.backends),
        work={name: vars(work) for name, work in observations.work.items()},
        findings=findings_of(plan, observations, results, partial=bool(raw.overrides.only)),
    )
    report = report if examples else without_examples(report)
    record = Record.of(raw, plan, observations, report, texts=examples)
    return ExecutedRun(report, record, plan, observations, store.folder)


def finalize(executed: ExecutedRun) -> Report:
    """The report of a run, which is kept now, with the stamps of what it judged; one that cannot be kept stamps nothing."""
    report = _kept(executed.store, executed.record, executed.report)
    if report.note:
        return report
    return stamped(report, executed.plan, executed.observations, executed.record.raw.overrides)


def _kept(store: Path, record: Record, report: Report) -> Report:
    """The report of a run that is kept; where that fails, what it found is shown all the same, and not trusted."""
    try:
        keep(store, record)
    except StoreError as error:
        code = ExitCode.NOT_TRUSTWORTHY
        return replace(report, verdict=verdict_of(code), exit_code=code, note=error.message, hint=error.hint)
    return report
