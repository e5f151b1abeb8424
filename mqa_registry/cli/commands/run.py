"""`mqa run`: run a suite, and say whether the model may ship."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from mqa_registry.cli.parameters import SuiteArgument
from mqa_registry.cli.report_files import ReportOptions
from mqa_registry.cli.reports import show_progress, show_report
from mqa_registry.errors import ExitCode
from mqa_registry.run_options import HistoryOptions, RunOptions


def run(
    suite: SuiteArgument,
    *,
    options: RunOptions,
    history: HistoryOptions,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore cached predictions.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan with the rows that each check has and needs, and stop.")
    ] = False,
    report: ReportOptions,
) -> ExitCode:
    """Run a suite, and say whether the model may ship."""
    from mqa_registry.cli.suites import explain_missing_columns

    if dry_run:
        from mqa_registry.cli.dry_run import show_plan

        with explain_missing_columns(suite, options):
            show_plan(suite, options)
        return ExitCode.OK
    from mqa_registry import runs

    options = replace(options, outputs=report.outputs)
    with explain_missing_columns(suite, options), show_progress(report.detail) as progress:
        result = runs.run(
            suite, options, history=history, fresh=fresh, examples=not report.no_examples, progress=progress
        )
    return show_report(result, report)
