"""Runs: from a suite file to a report, and from what a run kept to a report again."""

from mqa_registry.run_options import STORE, RunOptions
from mqa_registry.runs.again import judge
from mqa_registry.runs.outcome import exit_code
from mqa_registry.runs.running import ExecutedRun, execute, finalize, planned, run

__all__ = ["STORE", "ExecutedRun", "RunOptions", "execute", "exit_code", "finalize", "judge", "planned", "run"]
