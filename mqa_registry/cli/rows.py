"""`mqa rows`: write the rows of every view, to be predicted elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mqa_registry.cli.arguments import SuiteArgument
from mqa_registry.flag import flags
from mqa_registry.run_options import RunOptions

FLAGS = flags("only", "limit", "set", "offline", "plugin_files", "confined", "timeout")


def rows(
    suite: SuiteArgument,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write to.", show_default=False)],
    options: Annotated[RunOptions, FLAGS],
) -> None:
    """Write every view's rows, perturbed ones too: predict them anywhere, and bring the predictions back by a replay."""
    import pyarrow.parquet as pq

    from mqa_registry import runs
    from mqa_registry.boundary import limited
    from mqa_registry.commands.outputs import check_rows, mark_rows
    from mqa_registry.errors import NotRunError
    from mqa_registry.naming import counted
    from mqa_registry.predict import PerturbedRows, Silence, load_rows, perturb_rows
    from mqa_registry.reports.output import explain_file_errors, output
    from mqa_registry.watching import begin

    begin("making the rows")
    plan = runs.planned(suite, options)
    check_rows(out)
    with limited(options.timeout):
        unperturbed = load_rows(plan, options.conditions(plan.suite))
        perturbed = perturb_rows(plan, unperturbed, Silence())
    with explain_file_errors(out):
        mark_rows(out)
        for row_set, seen in perturbed.items():
            if not isinstance(seen, PerturbedRows):
                raise NotRunError(f"the rows `{row_set.name}` could not be made: {seen.message}", hint=seen.hint)
            path = out / f"{row_set.name}.parquet"
            pq.write_table(seen.rows.table.select(["id", *seen.rows.fields]), path)
            print(f"{path}: {counted(len(seen.rows), 'row')}", file=output())
