"""Performance: how long an answer takes, how many there are in a second, and what it costs in memory and on disk."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mqa_performance import footprint, latency, module_times, throughput
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
        numbers=latency.latency_numbers,
        evidence=latency.latency_evidence,
        ranges=dict.fromkeys(("value", "p50_ms", "p95_ms", "p99_ms"), UPWARDS),
        sees="runner",
        reused=False,
    )
    yield Probe(
        "throughput",
        throughput.throughput,
        gives=("value", "batch"),
        numbers=throughput.throughput_numbers,
        evidence=throughput.throughput_evidence,
        ranges=dict.fromkeys(("value", "batch"), UPWARDS),
        sees="runner",
        reused=False,
    )
    yield Probe(
        "speedup",
        latency.speedup,
        gives=("value", "reference_ms", "candidate_ms"),
        numbers=latency.speedup_numbers,
        evidence=latency.speedup_evidence,
        ranges=dict.fromkeys(("value", "reference_ms", "candidate_ms"), UPWARDS),
        sees="runner",
        compares=True,
        reused=False,
    )
    yield Probe(
        "load-time",
        footprint.load_time,
        gives=("value", "first_ms"),
        numbers=footprint.load_time_numbers,
        ranges=dict.fromkeys(("value", "first_ms"), UPWARDS),
        evidence=footprint.process_evidence,
        sees="runner",
        reused=False,
    )
    yield Probe(
        "memory",
        footprint.memory,
        gives=("value", "loaded_mb", "idle_mb"),
        numbers=footprint.memory_numbers,
        ranges=dict.fromkeys(("value", "loaded_mb", "idle_mb"), UPWARDS),
        evidence=footprint.process_evidence,
        sees="runner",
        reused=False,
    )
    yield Probe(
        "modules",
        module_times.modules,
        gives=("covered", "largest", "total_ms"),
        numbers=module_times.module_numbers,
        ranges={"covered": SHARE, "largest": SHARE, "total_ms": UPWARDS},
        evidence=module_times.module_evidence,
        sees="runner",
        reused=False,
    )
    yield Probe(
        "size",
        footprint.size,
        gives=("value",),
        numbers=footprint.size_numbers,
        sees="runner",
        ranges={"value": UPWARDS},
    )
