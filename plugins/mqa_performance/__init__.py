"""Performance: how long an answer takes, how many there are in a second, and what it costs in memory and on disk."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mqa_performance import cold, latency, modules, size, speedup, throughput
from mqa_registry import Probe, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARE, UPWARDS = (0.0, 1.0), (0.0, math.inf)


@hookimpl
def mqa_probes() -> Iterator[Probe]:
    """Timings in this process, what a fresh process takes, and the size on disk."""
    yield Probe(
        "latency",
        latency.latency,
        gives=("value", "p50_ms", "p95_ms", "p99_ms"),
        numbers=latency.numbers,
        evidence=latency.evidence,
        ranges=dict.fromkeys(("value", "p50_ms", "p95_ms", "p99_ms"), UPWARDS),
        sees="runner",
        reused=False,
    )
    yield Probe(
        "throughput",
        throughput.throughput,
        gives=("value", "batch"),
        numbers=throughput.numbers,
        evidence=throughput.evidence,
        ranges=dict.fromkeys(("value", "batch"), UPWARDS),
        sees="runner",
        reused=False,
    )
    yield Probe(
        "speedup",
        speedup.speedup,
        gives=("value", "reference_ms", "candidate_ms"),
        numbers=speedup.numbers,
        evidence=speedup.evidence,
        ranges=dict.fromkeys(("value", "reference_ms", "candidate_ms"), UPWARDS),
        sees="runner",
        compares=True,
        reused=False,
    )
    yield Probe(
        "load-time",
        cold.load_time,
        gives=("value", "first_ms"),
        numbers=cold.times,
        ranges=dict.fromkeys(("value", "first_ms"), UPWARDS),
        evidence=cold.evidence,
        sees="runner",
        reused=False,
    )
    yield Probe(
        "memory",
        cold.memory,
        gives=("value", "loaded_mb", "idle_mb"),
        numbers=cold.sizes,
        ranges=dict.fromkeys(("value", "loaded_mb", "idle_mb"), UPWARDS),
        evidence=cold.evidence,
        sees="runner",
        reused=False,
    )
    yield Probe(
        "modules",
        modules.modules,
        gives=("covered", "largest", "total_ms"),
        numbers=modules.numbers,
        ranges={"covered": SHARE, "largest": SHARE, "total_ms": UPWARDS},
        evidence=modules.evidence,
        sees="runner",
        reused=False,
    )
    yield Probe("size", size.size, gives=("value",), numbers=size.numbers, sees="runner", ranges={"value": UPWARDS})
