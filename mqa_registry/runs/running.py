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
from mqa_registry.judging.waiving import waived
from mqa_registry.predict import Silence, predict, prepare
from mqa_registry.report import Report, without_examples
from mqa_registry.runs.asked import Asked
from mqa_registry.runs.environment import environment
from mqa_registry.runs.kept import keep
from mqa_registry.runs.outcome import described, exit_code, findings_of, verdict_of
from mqa_registry.runs.outputs import refuse_inputs
from mqa_registry.runs.record import Record
from mqa_registry.runs.stamping import stamped
from mqa_registry.store import Store
from mqa_registry.suite import check, plugin_names, read
from mqa_registry.suite.confinement import check_inside, folder_of

if TYPE_CHECKING:
    from pathlib import Path

    from mqa_registry.plan import Plan
    from mqa_registry.plugins import Catalog
    from mqa_registry.predict import Observations, Progress
    from mqa_registry.suite import RawSuite


def planned(path: str | Path, asked: Asked) -> Plan:
    """The plan of a suite file, with every problem of the file reported at once."""
    return plan_of(read(path, asked.overrides), asked)[0]


def plan_of(raw: RawSuite, asked: Asked, *, files: bool = True) -> tuple[Plan, Catalog]:
    """The plan of a suite, and the plugins that it names; with `files`, all that it names must be there."""
    if raw.overrides.confined:
        check_inside(asked.plugin_files, folder_of(raw.path))
    catalog = plugins.load(plugin_names(raw), files=asked.plugin_files)
    plan = plans.make(check(raw, catalog, files=files))
    if not plan.cases:
        raise UsageError(
            "there is nothing to judge: every check that is left would hold a view against itself",
            hint="a comparison needs a second backend, or `against`",
        )
    return plan, catalog


def run(
    path: str | Path,
    asked: Asked | None = None,
    *,
    fresh: bool = False,
    examples: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Run a suite file: plan it, predict what it needs, judge every check. Raises MqaError where nothing can be judged.

    A run that was judged and cannot be kept has a report too, which says so and ends with 3. `fresh` predicts anew what
    the store has. Without `examples`, no row's text is in the report, nor in what the store keeps of the run. Without
    `asked`, everything is as the file says.
    """
    asked = asked or Asked()
    return run_raw(read(path, asked.overrides), asked, fresh=fresh, examples=examples, progress=progress)


def run_raw(
    raw: RawSuite, asked: Asked, *, fresh: bool = False, examples: bool = True, progress: Progress | None = None
) -> Report:
    """Run a suite that was read, or made up by a command; as `run` does."""
    return settled(tried(raw, asked, fresh=fresh, examples=examples, progress=progress))


@dataclass(frozen=True)
class Trial:
    """A run that was judged, and of which nothing was kept or stamped yet."""

    report: Report
    record: Record
    plan: Plan
    observations: Observations
    store: Path


def tried(
    raw: RawSuite, asked: Asked, *, fresh: bool = False, examples: bool = True, progress: Progress | None = None
) -> Trial:
    """Run a suite as `run` does, for a command that may try another one before it settles on what was found."""
    with supervised(), limited(asked.timeout), quoting(allowed=examples):
        return _tried(raw, asked, progress or Silence(), fresh=fresh, examples=examples)


def _tried(raw: RawSuite, asked: Asked, watching: Progress, *, fresh: bool, examples: bool) -> Trial:
    started, clock = datetime.now(UTC), time.perf_counter()
    refuse_inputs(asked.outputs, raw, asked.plugin_files)
    plan, catalog = plan_of(raw, asked)
    conditions = asked.conditions(plan.suite)
    prepared = prepare(plan, conditions, watching)
    store = Store(asked.store_of(plan.suite))
    try:
        observations = predict(plan, prepared, conditions, store, watching, fresh=fresh)
    finally:
        store.close()
    watching.stage("judging")
    results = waived(judge(plan, observations), plan.suite.waivers, started.date())
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
    return Trial(report, record, plan, observations, store.folder)


def settled(trial: Trial) -> Report:
    """The report of a run, which is kept now, with the stamps of what it judged."""
    report = _kept(trial.store, trial.record, trial.report)
    return report if report.note else stamped(report, trial.plan, trial.observations, trial.record.raw.overrides)


def _kept(store: Path, record: Record, report: Report) -> Report:
    """The report of a run that is kept; where that fails, what it found is shown all the same, and not trusted."""
    try:
        keep(store, record)
    except StoreError as error:
        code = ExitCode.NOT_TRUSTWORTHY
        return replace(report, verdict=verdict_of(code), exit_code=code, note=error.message, hint=error.hint)
    return report
