"""`mqa rows`: write the rows of every view, to be predicted elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqa_registry.cli.parameters import SuiteArgument
from mqa_registry.errors import UsageError
from mqa_registry.run_options import RunOptions, flags

if TYPE_CHECKING:
    from mqa_registry.plan import RowSet

MARKER = "ROWS.txt"  # the file by which this command knows a folder that it made
FLAGS = flags("only", "limit", "model", "data", "set", "offline", "plugin_files", "confined", "timeout")


def rows(
    suite: SuiteArgument,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write to.", show_default=False)],
    options: Annotated[RunOptions, FLAGS],
) -> None:
    """Write every view's rows, perturbed ones too: predict them anywhere, and bring the predictions back by a replay."""
    import pyarrow.parquet as pq

    from mqa_registry import runs
    from mqa_registry.boundary import limit_calls
    from mqa_registry.errors import NotRunError
    from mqa_registry.execution import SilentProgress, load_rows, perturb_rows
    from mqa_registry.naming import counted
    from mqa_registry.observations import PerturbedRows
    from mqa_registry.process import begin_step
    from mqa_registry.reports.output import explain_file_errors, output
    from mqa_registry.store import open_scratch

    begin_step("making the rows")
    plan = runs.read_plan(suite, options)
    for row_set in plan.row_sets:
        _refuse_blobs(row_set)
    _check_folder(out)
    scratch = open_scratch(options.run_context(plan.suite), options.store_of(plan.suite))
    with limit_calls(options.timeout), scratch as context:
        unperturbed = load_rows(plan, context)
        perturbed = perturb_rows(plan, unperturbed, SilentProgress())
    with explain_file_errors(out):
        _mark_folder(out)
        for row_set, seen in perturbed.items():
            if not isinstance(seen, PerturbedRows):
                raise NotRunError(f"the rows `{row_set.name}` could not be made: {seen.message}", hint=seen.hint)
            path = out / f"{row_set.name}.parquet"
            pq.write_table(seen.rows.with_names().table.select(["id", *seen.rows.fields]), path)
            print(f"{path}: {counted(len(seen.rows), 'row')}", file=output())


def _refuse_blobs(row_set: RowSet) -> None:
    """Raise a UsageError for rows whose images, sounds or files are perturbed: a table has their names alone."""
    from mqa_registry.contributions import Perturbation
    from mqa_registry.types.blobs import BLOB_MODALITIES

    for use in row_set.perturb:
        modality = use.contribution_as(Perturbation).modality
        if modality in BLOB_MODALITIES:
            raise UsageError(
                f"`{use.name}` perturbs {modality}s, and the rows that are written have their names alone",
                hint="write the rows of other checks by `--only`, and run the model of these here",
            )


def _check_folder(folder: Path) -> None:
    """Check that rows can be written to a folder: it is missing, empty, or one that this command made."""
    from mqa_registry.cli.report_files import check_output_folder

    check_output_folder(folder)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise UsageError(
            f"`{folder}` holds files that `mqa rows` did not write", hint="name a new or an empty folder with `--out`"
        )


def _mark_folder(folder: Path) -> None:
    """Make a folder for rows, with a file that lets `mqa rows` replace its content from now on."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text("Made by `mqa rows`, which replaces what is in this folder.\n", encoding="utf-8")
