"""Judging again: from what a run kept to a report, without model and data."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry import judging
from mqa_registry import plan as plans
from mqa_registry.boundary import quoting, supervised
from mqa_registry.judging.waivers import apply_waivers
from mqa_registry.predict import examine_again
from mqa_registry.reports import Report, without_examples
from mqa_registry.run_options import RunOptions
from mqa_registry.runs.environment import judged_again
from mqa_registry.runs.kept import find
from mqa_registry.runs.outcome import described, exit_code, findings_of, verdict_of
from mqa_registry.runs.outputs import refuse_inputs
from mqa_registry.runs.running import plan_of
from mqa_registry.runs.texts import with_groups
from mqa_registry.suite import Overrides, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.runs.record import Record
    from mqa_registry.suite import RawSuite


def judge(
    run: str | Path,
    suite: str | Path | None = None,
    *,
    store: str | Path | None = None,
    plugin_files: Sequence[Path] = (),
    outputs: Sequence[Path] = (),
    examples: bool = True,
) -> Report:
    """Judge a finished run again by what it kept: no model, no data. Raises MqaError where nothing can be judged.

    `run` is an id or the beginning of one, `last`, or a report file; `suite` a suite file with other bounds, measures,
    slices or another confidence. What it asks of rows that the run did not predict is NOT-RUN. `store` is the folder
    with the run: the one beside the suite, or in the current folder, if left out. `outputs` are files that the caller
    writes, which may be none of those that are read.
    """
    clock = time.perf_counter()
    record = find(run, Path(store) if store else None, Path(suite) if suite else None)
    raw = _asked(suite, record) if suite else record.raw
    refuse_inputs(outputs, raw, [*plugin_files, *([Path(run)] if Path(run).suffix == ".json" else [])])
    plan, catalog = plan_of(raw, RunOptions(plugin_files=tuple(plugin_files)), files=False)
    if not record.texts:
        plan = plans.make(with_groups(plan.suite, record.groups))
    observations = record.observations(plan)
    with supervised(), quoting(allowed=examples and record.texts):
        if record.texts:
            examine_again(plan, observations)
        results = judging.judge(plan, observations)
    results = apply_waivers(results, plan.suite.waivers, record.started.date())
    code = exit_code(results)
    report = Report(
        run=record.run,
        suite=described(plan.suite),
        verdict=verdict_of(code),
        exit_code=code,
        started=record.started,
        seconds=round(time.perf_counter() - clock, 3),
        environment=judged_again(record.environment, record.rows, catalog),
        results=results,
        backends=tuple(plan.suite.backends),
        findings=findings_of(plan, observations, results, partial=bool(raw.overrides.only)),
    )
    return report if examples and record.texts else without_examples(report)


def _asked(suite: str | Path, record: Record) -> RawSuite:
    """Another suite, about as many rows as the run had."""
    raw = read(suite)
    return replace(raw, overrides=Overrides(limit=record.raw.overrides.limit))
