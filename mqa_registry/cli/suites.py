"""Suites in memory, which a command or a function makes of its arguments: run, or exported from, as if from a file."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mqa_registry import runs
from mqa_registry.api import to_toml_values
from mqa_registry.errors import DataError, MissingColumnError, SuiteError, UsageError
from mqa_registry.files import is_suite_reference
from mqa_registry.process import begin_step
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


def execute_suite(
    suite: Mapping[str, Any],
    path: Path,
    options: RunOptions,
    report: ReportOptions | None = None,
    *,
    objects: Mapping[str, Any] | None = None,
) -> ExecutedRun:
    """Run the suite of these tables as if they stood in the file `path`, with the `objects` that it names by digests.

    `report` are the options of a command, which shows its progress on standard error; without them nothing is shown.
    `finalize` keeps the run. Raises a UsageError with the first problem of the suite.
    """
    with _explain_suite_errors(is_command=report is not None), ExitStack() as stack:
        raw = replace(
            suite_of_tables(path.name, to_toml_values(suite), path.parent, options.overrides), objects=objects or {}
        )
        if report is None:
            return runs.execute(raw, options)
        from mqa_registry.cli.reports import show_progress

        progress = stack.enter_context(show_progress(report.detail))
        options = replace(options, outputs=report.outputs)
        return runs.execute(raw, options, examples=not report.no_examples, progress=progress)


def export_model(
    suite: Mapping[str, Any],
    folder: Path,
    options: RunOptions,
    report: ReportOptions | None = None,
    *,
    objects: Mapping[str, Any] | None = None,
    only_trace: bool = False,
) -> tuple[Exported, Sequence[Example]]:
    """Export the model of a suite to a folder. The suite has one data set and one backend, which exports the model.

    `report` and `objects` are as of `execute_suite`. With `only_trace`, the rows are not for calibration, but
    for tracing a model whose task has no sample. Returns the export, and the rows that the model was traced with where
    its task has no sample. Raises a UsageError with the first problem of the suite.
    """
    begin_step("exporting the model")
    with _explain_suite_errors(is_command=report is not None), ExitStack() as stack:
        model_under_test, use = prepare_export(suite, options, objects=objects or {}, only_trace=only_trace)
        if report is not None:
            from mqa_registry.reports.console.progress import is_drawn, open_progress

            if is_drawn(sys.stderr):  # elsewhere it would be the one line of progress
                stack.enter_context(open_progress(sys.stderr, detail=report.detail)).stage("exporting the model")
        return write_export(model_under_test, use, folder, options)


@contextmanager
def _explain_suite_errors(*, is_command: bool) -> Iterator[None]:
    """Raise problems of a suite or its columns as errors of the caller, who wrote no suite."""
    try:
        yield
    except MissingColumnError as error:
        column = f"--columns {error.column}=COLUMN" if is_command else f'columns={{"{error.column}": "COLUMN"}}'
        raise DataError(error.message, hint=error.suggest(column)) from error
    except SuiteError as error:
        problem = error.problems[0]
        raise UsageError(problem.message, hint=problem.hint) from None


@contextmanager
def explain_missing_columns(suite: Path, options: RunOptions) -> Iterator[None]:
    """Raise the error about a missing column with the flag that maps one, where the suite is a plugin's.

    Nobody who runs it can edit its `columns`.
    """
    try:
        yield
    except MissingColumnError as error:
        if not is_suite_reference(suite):
            raise
        data = next(iter(runs.read_plan(suite, options).suite.data))
        flag = f"--set data.{data}.columns.{error.column}=COLUMN"
        raise DataError(error.message, hint=error.suggest(flag)) from error


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
