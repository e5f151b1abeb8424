"""`mqa validate`: every problem of suites, of their data and of their models' configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from mqa_registry.cli.parameters import SuitesArgument
from mqa_registry.errors import ExitCode, MqaError, Problem, SuiteError
from mqa_registry.run_options import RunOptions, flags

if TYPE_CHECKING:
    from collections.abc import Sequence

FLAGS = flags(
    "model", "data", "set", "offline", "plugin_files", "confined", "allow_code", "allow_pickle", "trust_remote_code"
)


def validate(suites: SuitesArgument, options: Annotated[RunOptions, FLAGS]) -> None:
    """Show every problem of a suite, of its data and of its model's configuration, without running it.

    Of several suites, the problems of all.
    """
    problems: list[Problem] = []
    for suite in suites:
        try:
            _validate(suite, options)
        except MqaError as error:
            if len(suites) == 1 or error.exit_code != ExitCode.WRONG_INPUT:
                raise
            problems += _list_problems(error, suite)
    if problems:
        raise SuiteError(problems)


def _list_problems(error: MqaError, suite: Path) -> Sequence[Problem]:
    """The problems of a suite, or what is wrong with its data or its model."""
    if isinstance(error, SuiteError):
        return error.problems
    return [Problem(f"{suite}: {error.message}", error.hint)]


def _validate(suite: Path, options: RunOptions) -> None:
    from mqa_registry import runs
    from mqa_registry.boundary import limit_calls
    from mqa_registry.execution import validate_inputs
    from mqa_registry.naming import counted
    from mqa_registry.process import begin_step
    from mqa_registry.reports.output import output
    from mqa_registry.store import open_scratch

    begin_step("validating the suite")
    plan = runs.read_plan(suite, options)
    scratch = open_scratch(options.run_context(plan.suite), options.store_of(plan.suite))
    with limit_calls(options.timeout), scratch as context:
        validate_inputs(plan, context)
    checks, views = counted(len(plan.suite.checks), "check"), counted(len(plan.views), "view")
    print(f"{suite}: {checks}, {views}, no problems", file=output())
