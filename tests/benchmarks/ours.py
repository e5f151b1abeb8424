"""mqa's own part of the benchmark, in a process of its own.

python ours.py SUITE.toml STORE            seconds to predict the plan anew, exports kept
python ours.py --memory SUITE.toml STORE   megabytes at most while the suite runs
"""

from __future__ import annotations

import json
import resource
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.execution import SilentProgress, predict, prepare
from mqa_registry.runs import RunOptions, read_plan, run
from mqa_registry.store import SqliteStore

if TYPE_CHECKING:
    from mqa_registry.plan import Plan


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


def read_predictions(suite: str | Path, options: RunOptions) -> Plan:
    """The plan without its probes: what they do besides is no prediction of rows, and neither the floor nor the script does it."""
    plan = read_plan(suite, options)
    return replace(plan, cases=tuple(case for case in plan.cases if not case.probe_requests))


def seconds(plan: Plan, store: Path, options: RunOptions) -> float:
    """Seconds to predict a plan anew into a store, less those in which models are loaded and exported."""
    context = options.run_context(plan.suite)
    clock = Clock()
    start = time.perf_counter()
    with closing(SqliteStore(store)) as kept:
        predict(plan, prepare(plan, context, clock), kept, clock, fresh=True)
    return time.perf_counter() - start - clock.loading


def main() -> None:
    if sys.argv[1] == "--memory":
        run(sys.argv[2], RunOptions(store=Path(sys.argv[3])))
        print(json.dumps({"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
    else:
        store = Path(sys.argv[2])
        options = RunOptions(store=store)
        print(json.dumps({"seconds": seconds(read_predictions(sys.argv[1], options), store, options)}))


if __name__ == "__main__":
    main()
