"""Latency: the time that one request takes, by itself and as a ratio to the reference backend's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge

from mqa_performance.benchmark import BenchmarkOptions, make_batches, sample_rows, time_repeatedly, time_run
from mqa_registry import Evidence, Probe, Quantile

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import ProbeContext

    Floats = npt.NDArray[np.float64]

PERCENTILES = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}
SIDES = ("reference", "candidate")


@dataclass(frozen=True, kw_only=True)
class LatencyOptions(BenchmarkOptions):
    """How many runs are timed.

    A percentile is shown to lie below a bound by how few runs lie beyond it, and that takes runs enough: at 95 %
    confidence 6 for `p50_ms`, 72 for `p95_ms` and 368 for `p99_ms`, if not one lies beyond. So the 200 that are run
    where nothing is said leave `p99_ms` open above; 1000 allow for three beyond its bound. Runs count as drawn one by
    one: where the machine's load drifts meanwhile, or few rows differ much in length, they tell less than their number.
    """

    warmup: Annotated[int, Ge(0)] = 10
    repetitions: Annotated[int, Ge(1)] = 200


class Latency(Probe[LatencyOptions]):
    """Milliseconds from the arrays of one batch to the model's outputs: mean and percentiles.

    `value` is the mean; `p50_ms`, `p95_ms` and `p99_ms` are percentiles. Encoding is not timed: it is the same for every
    backend.
    """

    name = "latency"
    inputs = "runner"
    outputs = ("value", *PERCENTILES)
    ranges = dict.fromkeys(outputs, (0.0, math.inf))
    cacheable = False

    def observe(self, context: ProbeContext, options: LatencyOptions) -> pa.Table:
        """Of each run the milliseconds, the cost of its batch and the number of its rows."""
        batches = make_batches(context, sample_rows(context, options.rows), options.batch)
        runs = time_repeatedly(context.view.runner, batches, options)
        columns = zip(*((1000 * seconds, run.cost, run.n_rows) for run, seconds in runs), strict=True)
        return pa.table(dict(zip(("milliseconds", "size", "rows"), columns, strict=True)))

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """The milliseconds of all runs, whose mean is `value`, and each percentile as one of them."""
        milliseconds = table.column("milliseconds").to_numpy()
        return {"value": milliseconds, **{name: Quantile(milliseconds, share) for name, share in PERCENTILES.items()}}

    def evidence(self, table: pa.Table) -> Evidence:
        """The shortest and longest time, and the costs of the batches that were run."""
        milliseconds = table.column("milliseconds").to_numpy()
        costs = table.column("size").to_numpy()
        details = {
            "fastest_ms": round(float(milliseconds.min()), 3),
            "slowest_ms": round(float(milliseconds.max()), 3),
            "slowest_size": int(costs[milliseconds.argmax()]),
            "smallest_size": int(costs.min()),
            "largest_size": int(costs.max()),
        }
        return Evidence(details=details)


@dataclass(frozen=True, kw_only=True)
class SpeedupOptions(BenchmarkOptions):
    """How many rounds are timed, each of one run on both backends.

    The warm-up and the repetitions are rounds here, and which backend comes first is drawn at random in each.
    """

    warmup: Annotated[int, Ge(0)] = 5
    repetitions: Annotated[int, Ge(2)] = 50


class Speedup(Probe[SpeedupOptions]):
    """How many times as fast as the reference: the median over rounds that run the same batch on both.

    `value` is that median; `reference_ms` and `candidate_ms` are the medians of the milliseconds. A run that is timed
    follows one of the same batch by the same backend that is not, so that neither pays for what the other left in the
    caches, nor for its threads that still wait.
    """

    name = "speedup"
    inputs = "runner"
    outputs = ("value", "reference_ms", "candidate_ms")
    ranges = dict.fromkeys(outputs, (0.0, math.inf))
    compares = True
    cacheable = False

    def observe(self, context: ProbeContext, options: SpeedupOptions) -> pa.Table:
        """Of each round the milliseconds of both backends, and the cost of its batch."""
        assert context.reference is not None  # the probe compares
        runners = {"reference": context.reference.runner, "candidate": context.view.runner}
        batches = make_batches(context, sample_rows(context, options.rows), options.batch)
        rounds = []
        for number, batch in enumerate(islice(cycle(batches), options.warmup + options.repetitions)):
            milliseconds = {}
            for side in context.rng.permutation(SIDES):
                runners[side].run(batch.arrays)
                milliseconds[side] = 1000 * time_run(runners[side], batch)
            if number >= options.warmup:
                rounds.append((milliseconds["reference"], milliseconds["candidate"], batch.cost))
        return pa.table(dict(zip(("reference_ms", "candidate_ms", "size"), zip(*rounds, strict=True), strict=True)))

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """The median of the rounds' ratios, and of the milliseconds on both sides."""
        reference, candidate = _read_sides(table)
        ratios = np.divide(reference, candidate, out=np.full(len(reference), np.inf), where=candidate > 0)
        return {
            "value": Quantile(ratios, 0.5),
            "reference_ms": Quantile(reference, 0.5),
            "candidate_ms": Quantile(candidate, 0.5),
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """How often the candidate was the faster one."""
        reference, candidate = _read_sides(table)
        return Evidence(details={"rounds": len(reference), "faster_in": int(np.count_nonzero(candidate < reference))})


def _read_sides(table: pa.Table) -> tuple[Floats, Floats]:
    """The milliseconds of the reference and of the candidate, by round."""
    return table.column("reference_ms").to_numpy(), table.column("candidate_ms").to_numpy()
