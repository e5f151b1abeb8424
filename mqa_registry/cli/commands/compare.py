"""`mqa compare`: what a run does worse than an earlier one on the same rows."""

from __future__ import annotations

from typing import Annotated

import typer

from mqa_registry.cli.report_files import ComparisonOptions
from mqa_registry.cli.reports import show_comparison
from mqa_registry.errors import ExitCode
from mqa_registry.run_options import RunOptions, flags

RUN_HELP = "an id or its beginning, a tag, `last`, or a report file."


def compare(
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help=f"The earlier run: {RUN_HELP}")],
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run that is held against it.")] = "last",
    *,
    max_drop: Annotated[
        float | None, typer.Option("--max-drop", metavar="X", min=0.0, help="Let a measure be at most X worse.")
    ] = None,
    options: Annotated[RunOptions, flags("store", "plugin_files", "timeout")],
    report: Annotated[ComparisonOptions, flags("json", "files", "no_examples", "force", "verbose", "quiet")],
) -> ExitCode:
    """Show what a run does worse than an earlier one on the same rows: no model, no data.

    It ends with 1 where a measure is shown to be worse, by more than --max-drop where that is given. With --max-drop it
    ends with 4 where these rows do not settle it.
    """
    from mqa_registry.boundary import limit_calls
    from mqa_registry.runs import history

    with limit_calls(options.timeout):
        comparison = history.compare(
            reference,
            run,
            store=options.store_folder,
            plugin_files=options.plugin_files,
            max_drop=max_drop,
            examples=not report.no_examples,
        )
    return show_comparison(comparison, report)
