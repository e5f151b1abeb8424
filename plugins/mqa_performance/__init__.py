"""Performance: how long a prediction takes, how many there are in a second, and what it costs in memory and on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_performance.footprint import LoadTime, Memory, Size
from mqa_performance.latency import Latency, Speedup
from mqa_performance.module_times import Modules
from mqa_performance.throughput import Throughput
from mqa_registry import Probe, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_probes() -> Iterable[Probe[Any]]:
    """Timings in this process, what a fresh process takes, and the size on disk."""
    return [Latency(), Throughput(), Speedup(), LoadTime(), Memory(), Modules(), Size()]
