"""How long one run of a runner takes."""

from __future__ import annotations

import time
from itertools import cycle, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_performance.drawing import Timed
    from mqa_registry import Runner


def seconds(runner: Runner, batch: Timed) -> float:
    """The wall time from arrays in this process's memory to arrays there, a GPU's work and its copies included."""
    began = time.perf_counter_ns()
    runner.run(batch.arrays)
    return (time.perf_counter_ns() - began) / 1e9


def repeated(runner: Runner, batches: Sequence[Timed], warmup: int, repetitions: int) -> Iterator[tuple[Timed, float]]:
    """The batches over and over, each with its time; the first `warmup` runs are none of the repetitions."""
    for batch in islice(cycle(batches), warmup):
        runner.run(batch.arrays)
    for batch in islice(cycle(batches), repetitions):
        yield batch, seconds(runner, batch)
