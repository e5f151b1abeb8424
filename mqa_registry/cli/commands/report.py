"""`mqa report`: show the report of a finished run again, on the screen and in every form."""

from __future__ import annotations

from typing import Annotated

import typer

from mqa_registry.cli.report_files import ReportOptions
from mqa_registry.cli.reports import show_report
from mqa_registry.errors import ExitCode
from mqa_registry.run_options import RunOptions, flags


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="An id or its beginning, `last`, or a report file.")],
    *,
    options: Annotated[RunOptions, flags("store")],
    report: ReportOptions,
) -> ExitCode:
    """Show the report of a finished run again, as it was: nothing is judged, and no plugin of the suite is needed.

    The exit code is that of the run. `mqa judge` judges it again instead.
    """
    from mqa_registry.reports import without_examples
    from mqa_registry.runs.archive import find_report

    found = find_report(run, options.store_folder)
    return show_report(without_examples(found) if report.no_examples else found, report)
