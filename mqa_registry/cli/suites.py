"""Suites in memory, which a command makes of its arguments: run, or exported from, as if they stood in a file."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.console import Console

from mqa_registry import runs
from mqa_registry.errors import DataError, MissingColumnError, SuiteError, UsageError
from mqa_registry.process import begin_step
from mqa_registry.reports.console.progress import open_progress
from mqa_registry.runs.export import prepare_export, write_export
from mqa_registry.suite import suite_of_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mqa_registry.cli.report_files import ReportOptions
    from mqa_registry.findings import Exported
    from mqa_registry.run_options import RunOptions
    from mqa_registry.runs import ExecutedRun
    from mqa_registry.types import Example


def execute_suite(suite: Mapping[str, Any], path: Path, options: RunOptions, report: ReportOptions) -> ExecutedRun:
    """Run the suite of these tables as if they stood in the file `path`, with progress on standard error.

    `finalize` keeps the run. Raises a UsageError with the first problem of the suite.
    """
    with _command_line_errors(), open_progress(Console(stderr=True), quiet=report.quiet) as progress:
        raw = replace(suite_of_tables(path.name, suite, path.parent), overrides=options.overrides)
        return runs.execute(
            raw, replace(options, outputs=report.outputs), examples=not report.no_examples, progress=progress
        )


def export_model(
    suite: Mapping[str, Any], folder: Path, options: RunOptions, *, only_trace: bool = False
) -> tuple[Exported, Sequence[Example]]:
    """Export the model of a suite to a folder. The suite has one data set and one backend, which exports the model.

    With `only_trace`, the rows are not for calibration, but for tracing a model whose task has no sample. Returns the
    export, and the rows that the model was traced with where its task has no sample. Raises a UsageError with the first
    problem of the suite.
    """
    begin_step("exporting the model")
    with _command_line_errors():
        model_under_test, use = prepare_export(suite, options, only_trace=only_trace)
    with Console(stderr=True).status("exporting"):
        return write_export(model_under_test, use, folder, options)


@contextmanager
def _command_line_errors() -> Iterator[None]:
    """Raise problems of a suite or its columns as errors of the command line, for a user who wrote no suite."""
    try:
        yield
    except MissingColumnError as error:
        hint = f"{error.there}; map a column with `--columns {error.column}=COLUMN`"
        raise DataError(error.message, hint=hint) from error
    except SuiteError as error:
        problem = error.problems[0]
        raise UsageError(problem.message, hint=problem.hint) from None


def read_columns(options: Sequence[str], data: Path | None) -> dict[str, str]:
    """Read options `--columns FIELD=COLUMN`: the column by the field or role that it is mapped to.

    `data` is the file of `--data`. Raises a UsageError where an option is no mapping, or there is no file.
    """
    if options and data is None:
        raise UsageError("`--columns` maps the columns of a file of rows", hint="name the file with `--data`")
    columns: dict[str, str] = {}
    for option in options:
        field, equals, column = option.partition("=")
        if not (field and equals and column):
            raise UsageError(
                f"`--columns {option}` maps nothing", hint="write `--columns text=COLUMN`, once for every field"
            )
        if field in columns:
            raise UsageError(f"`--columns` maps `{field}` twice", hint="leave one of them out")
        columns[field] = column
    return columns
