"""Runs: from a suite file to a report, and from what a run kept to a report again."""

from mqa_registry.runs.again import judge
from mqa_registry.runs.asked import STORE, Asked
from mqa_registry.runs.outcome import exit_code
from mqa_registry.runs.running import Trial, planned, run, run_raw, settled, tried

__all__ = ["STORE", "Asked", "Trial", "exit_code", "judge", "planned", "run", "run_raw", "settled", "tried"]
