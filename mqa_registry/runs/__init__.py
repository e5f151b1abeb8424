"""Runs: from a suite file to a report, and from a kept run to a new report."""

from mqa_registry.run_options import STORE, RunOptions
from mqa_registry.runs.outcome import exit_code
from mqa_registry.runs.pipeline import ExecutedRun, execute, finalize, judge, read_plan, run

__all__ = ["STORE", "ExecutedRun", "RunOptions", "execute", "exit_code", "finalize", "judge", "read_plan", "run"]
