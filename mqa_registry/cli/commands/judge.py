"""`mqa judge`: judge a finished run again, after a bound or a metric changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mqa_registry.cli.report_files import ReportOptions
from mqa_registry.cli.reports import show_report
from mqa_registry.errors import ExitCode
from mqa_registry.run_options import RunOptions, flags


def judge(
    run: Annotated[str, typer.Argument(metavar="RUN", help="An id or its beginning, `last`, or a report file.")],
    *,
    suite: Annotated[
        Path | None, typer.Option(metavar="SUITE", help="Judge by this suite instead of the run's.")
    ] = None,
    options: Annotated[RunOptions, flags("store", "plugin_files", "timeout")],
    report: ReportOptions,
) -> ExitCode:
    """Judge a finished run again, after a bound or a metric changed: no model, no data.

    It reads nothing but what the run kept, and so writes no verdict beside an ONNX file, which may have changed since.
    """
    from mqa_registry import runs
    from mqa_registry.boundary import limit_calls
    from mqa_registry.process import begin_step

    begin_step("judging the run again")
    with limit_calls(options.timeout):
        result = runs.judge(
            run,
            suite,
            store=options.store_folder,
            plugin_files=options.plugin_files,
            outputs=report.outputs,
            examples=not report.no_examples,
        )
    return show_report(result, report)
