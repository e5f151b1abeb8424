"""Latency: the time that one request takes, by itself and as a ratio to the reference backend's."""

from __future__ import annotations

from itertools import cycle, islice
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Le

from mqa_performance.benchmark import make_batches, sample_rows, time_repeatedly, time_run
from mqa_registry import Quantile

if TYPE_CHECKING:
    from mqa_registry import ProbeContext

PERCENTILES = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}
SIDES = ("reference", "candidate")


def latency(
    context: ProbeContext,
    *,
    batch: Annotated[int, Ge(1), Le(4096)] = 1,
    warmup: Annotated[int, Ge(0)] = 10,
    repetitions: Annotated[int, Ge(1)] = 200,
    rows: Annotated[int, Ge(1)] = 64,
) -> pa.Table:
    """Milliseconds from the arrays of one batch to the model's outputs: mean and percentiles.

    `value` is the mean. Encoding is not timed: it is the same for every backend. `batch` is how many rows are run at
    once, `warmup` how many runs come before the first that counts, `repetitions` how many count. `rows` is how many rows
    of the data are drawn to run, over and over, so that long and short ones come as often as they really do.

    A percentile is shown to lie below a bound by how few runs lie beyond it, and that takes runs enough: at 95 %
    confidence 6 for `p50_ms`, 72 for `p95_ms` and 368 for `p99_ms`, if not one lies beyond. So the 200 that are run
    where nothing is said leave `p99_ms` open above; 1000 allow for three beyond its bound. Runs count as drawn one by
    one: where the machine's load drifts meanwhile, or few rows differ much in length, they tell less than their number.
    """
    batches = make_batches(context, sample_rows(context, rows), batch)
    runs = time_repeatedly(context.view.runner, batches, warmup, repetitions)
    columns = zip(*((1000 * seconds, run.cost, run.n_rows) for run, seconds in runs), strict=True)
    return pa.table(dict(zip(("milliseconds", "size", "rows"), columns, strict=True)))


def latency_numbers(observations: pa.Table) -> dict[str, Any]:
    """The milliseconds of all runs, whose mean is `value`, and each percentile as one of them."""
    milliseconds = observations.column("milliseconds").to_numpy()
    return {"value": milliseconds, **{name: Quantile(milliseconds, share) for name, share in PERCENTILES.items()}}


def latency_evidence(observations: pa.Table) -> dict[str, Any]:
    """The shortest and longest time, and the costs of the batches that were run."""
    milliseconds = observations.column("milliseconds").to_numpy()
    costs = observations.column("size").to_numpy()
    slowest = int(milliseconds.argmax())
    return {
        "fastest_ms": round(float(milliseconds.min()), 3),
        "slowest_ms": round(float(milliseconds.max()), 3),
        "slowest_size": int(costs[slowest]),
        "smallest_size": int(costs.min()),
        "largest_size": int(costs.max()),
    }


def speedup(
    context: ProbeContext,
    *,
    batch: Annotated[int, Ge(1), Le(4096)] = 1,
    warmup: Annotated[int, Ge(0)] = 5,
    repetitions: Annotated[int, Ge(2)] = 50,
    rows: Annotated[int, Ge(1)] = 64,
) -> pa.Table:
    """How many times as fast as the reference: the median over rounds that run the same batch on both.

    `batch` is how many rows are run at once, `warmup` how many rounds come before the first that counts, `repetitions` how
    many rounds count, each in an order drawn by lot. `rows` is how many rows of the data are drawn to run. A run that is
    timed follows one of the same batch by the same backend that is not, so that neither pays for what the other left in
    the caches, nor for its threads that still wait.
    """
    assert context.reference is not None  # the probe compares
    runners = {"reference": context.reference.runner, "candidate": context.view.runner}
    batches = make_batches(context, sample_rows(context, rows), batch)
    rounds = []
    for number, current in enumerate(islice(cycle(batches), warmup + repetitions)):
        milliseconds = {}
        for side in context.rng.permutation(SIDES):
            runners[side].run(current.arrays)
            milliseconds[side] = 1000 * time_run(runners[side], current)
        if number >= warmup:
            rounds.append((milliseconds["reference"], milliseconds["candidate"], current.cost))
    columns = zip(*rounds, strict=True)
    return pa.table(dict(zip(("reference_ms", "candidate_ms", "size"), columns, strict=True)))


def speedup_numbers(observations: pa.Table) -> dict[str, Any]:
    """The median of the rounds' ratios, and of the milliseconds on both sides."""
    reference, candidate = (observations.column(f"{side}_ms").to_numpy() for side in SIDES)
    ratios = np.divide(reference, candidate, out=np.full(len(reference), np.inf), where=candidate > 0)
    return {
        "value": Quantile(ratios, 0.5),
        "reference_ms": Quantile(reference, 0.5),
        "candidate_ms": Quantile(candidate, 0.5),
    }


def speedup_evidence(observations: pa.Table) -> dict[str, Any]:
    """How often the candidate was the faster one."""
    reference, candidate = (observations.column(f"{side}_ms").to_numpy() for side in SIDES)
    return {"rounds": len(reference), "faster_in": int(np.count_nonzero(candidate < reference))}
