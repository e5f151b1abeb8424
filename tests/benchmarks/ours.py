"""mqa's own part of the benchmark, in a process of its own.

python ours.py SUITE.toml STORE            seconds to predict the plan anew, exports kept
python ours.py --memory SUITE.toml STORE   megabytes at most while the suite runs
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

from mqa_registry.execution import SilentProgress, predict, prepare
from mqa_registry.runs import RunOptions, read_plan, run
from mqa_registry.store import SqliteStore


class Clock(SilentProgress):
    """Adds up the seconds spent loading models, which the floor does not count either."""

    def __init__(self) -> None:
        self.loading = 0.0
        self._since: float | None = None

    def stage(self, text: str) -> None:
        self._loaded()
        self._since = time.perf_counter() if text.startswith("loading") else None

    def start(self, backend: str, rows: int) -> None:
        self._loaded()

    def _loaded(self) -> None:
        if self._since is not None:
            self.loading += time.perf_counter() - self._since
            self._since = None


def seconds(suite: str, store: str) -> float:
    asked = RunOptions(store=Path(store))
    whole = read_plan(suite, asked)
    # What probes do besides is no prediction of rows, and neither the floor nor the script does it.
    plan = replace(whole, cases=tuple(case for case in whole.cases if not case.probe_requests))
    context = asked.run_context(plan.suite)
    clock = Clock()
    start = time.perf_counter()
    kept = SqliteStore(Path(store))
    predict(plan, prepare(plan, context, clock), kept, clock, fresh=True)
    kept.close()
    return time.perf_counter() - start - clock.loading


def main() -> None:
    if sys.argv[1] == "--memory":
        run(sys.argv[2], RunOptions(store=Path(sys.argv[3])))
        print(json.dumps({"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
    else:
        print(json.dumps({"seconds": seconds(sys.argv[1], sys.argv[2])}))


if __name__ == "__main__":
    main()
