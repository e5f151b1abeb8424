"""Performance: latency, throughput and speedup, times of modules, load time, memory and model size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_performance.footprint import LoadTime, Memory, ModelSize
from mqa_performance.module_times import ModuleTimes
from mqa_performance.speed import Latency, Speedup, Throughput
from mqa_registry import Probe, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_probes() -> Iterable[Probe[Any]]:
    """Timings in this process, what a fresh process takes, and the size on disk."""
    return [Latency(), Throughput(), Speedup(), LoadTime(), Memory(), ModuleTimes(), ModelSize()]
