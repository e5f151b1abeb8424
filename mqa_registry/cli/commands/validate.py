"""`mqa validate`: every problem of a suite, of its data and of its model's configuration."""

from __future__ import annotations

from typing import Annotated

from mqa_registry.cli.parameters import SuiteArgument
from mqa_registry.run_options import RunOptions, flags

FLAGS = flags("set", "offline", "plugin_files", "confined", "allow_code", "allow_pickle", "trust_remote_code")


def validate(suite: SuiteArgument, options: Annotated[RunOptions, FLAGS]) -> None:
    """Show every problem of a suite, of its data and of its model's configuration, without running it."""
    from mqa_registry import runs
    from mqa_registry.boundary import limit_calls
    from mqa_registry.execution import validate_inputs
    from mqa_registry.naming import counted
    from mqa_registry.process import begin_step
    from mqa_registry.reports.output import output

    begin_step("validating the suite")
    plan = runs.read_plan(suite, options)
    with limit_calls(options.timeout):
        validate_inputs(plan, options.run_context(plan.suite))
    checks, views = counted(len(plan.suite.checks), "check"), counted(len(plan.views), "view")
    print(f"{suite}: {checks}, {views}, no problems", file=output())
