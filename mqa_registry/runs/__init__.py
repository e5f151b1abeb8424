"""Runs: from a suite file to a report, and from what a run kept to a report again."""

from mqa_registry.runs.again import judge
from mqa_registry.runs.asked import STORE, Asked
from mqa_registry.runs.outcome import exit_code
from mqa_registry.runs.running import planned, run, run_raw

__all__ = ["STORE", "Asked", "exit_code", "judge", "planned", "run", "run_raw"]
