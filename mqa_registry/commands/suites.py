"""Suites that commands make in memory: run, or exported from, as if a file had them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.console import Console

from mqa_registry import runs
from mqa_registry.errors import DataError, MissingColumnError, SuiteError, UsageError
from mqa_registry.reports.console.progress import open_progress
from mqa_registry.runs.export import prepare_export, write_export
from mqa_registry.suite import made_up
from mqa_registry.watching import begin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mqa_registry.commands.reporting import ReportOptions
    from mqa_registry.findings import Exported
    from mqa_registry.run_options import RunOptions
    from mqa_registry.runs import ExecutedRun
    from mqa_registry.types import Example


def execute_suite(suite: Mapping[str, Any], path: Path, options: RunOptions, report: ReportOptions) -> ExecutedRun:
    """Run the suite of these tables, as if the file of this path had them, and show progress on standard error.

    Nothing of the run is kept before `finalize`. Raises a UsageError with the first thing that is wrong with the suite.
    """
    with without_suite(), open_progress(Console(stderr=True), quiet=report.quiet) as progress:
        raw = replace(made_up(path.name, suite, path.parent), overrides=options.overrides)
        return runs.execute(
            raw, replace(options, outputs=report.outputs), examples=not report.no_examples, progress=progress
        )


def export_model(
    suite: Mapping[str, Any], folder: Path, options: RunOptions, *, only_trace: bool = False
) -> tuple[Exported, Sequence[Example]]:
    """Export the model of a suite that has tables of a model, one data set and one backend, which exports it to a folder.

    With `only_trace`, the rows are for tracing a model whose task brings no sample, and for no quantizer to calibrate
    with. Gives what was exported, and the rows that it was traced with for want of others. Raises a UsageError with the
    first thing that is wrong with the suite.
    """
    begin("exporting the model")
    with without_suite():
        subject, use = prepare_export(suite, options, only_trace=only_trace)
    with Console(stderr=True).status("exporting"):
        return write_export(subject, use, folder, options)


@contextmanager
def without_suite() -> Iterator[None]:
    """What is wrong with a suite or its columns, as a command says it that was given no suite to change."""
    try:
        yield
    except MissingColumnError as error:
        hint = f"{error.there}; map a column with `--columns {error.column}=COLUMN`"
        raise DataError(error.message, hint=hint) from error
    except SuiteError as error:
        problem = error.problems[0]
        raise UsageError(problem.message, hint=problem.hint) from None
