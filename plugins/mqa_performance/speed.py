"""Speed: the latency of a batch, the speedup over the reference backend, and the throughput of the best batch size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge

from mqa_performance.benchmark import (
    MAX_BATCH_SIZE,
    BenchmarkOptions,
    RepetitionOptions,
    make_batches,
    sample_rows,
    time_repeatedly,
    time_run,
)
from mqa_registry import DataError, Evidence, Probe, Quantile, Statistic

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import ProbeContext

    Floats = npt.NDArray[np.float64]

PERCENTILES = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}
SIDES = ("reference", "candidate")
BATCH_SIZES = (1, 8, 32)
MAX_BINS = 30  # of the histogram of times


@dataclass(frozen=True, kw_only=True)
class LatencyOptions(BenchmarkOptions):
    """How many runs are timed.

    A percentile is shown to lie below a bound by how few runs lie beyond it, which takes enough runs: at 95 % confidence
    6 for `p50_ms`, 72 for `p95_ms` and 368 for `p99_ms`, if none lies beyond. So the default of 200 leaves `p99_ms` open
    above; 1000 allow for three beyond its bound. Runs count as independent: where the machine's load drifts,
    or few rows differ much in length, the interval is too narrow.
    """

    warmup: Annotated[int, Ge(0)] = 10
    repetitions: Annotated[int, Ge(1)] = 200


class Latency(Probe[LatencyOptions]):
    """Milliseconds from the arrays of one batch to the model's outputs: mean and percentiles.

    `value` is the mean; `p50_ms`, `p95_ms` and `p99_ms` are percentiles. Encoding is not timed: it is the same for every
    backend.
    """

    name = "latency"
    version = 2
    inputs = "runner"
    outputs = ("value", *PERCENTILES)
    ranges = dict.fromkeys(outputs, (0.0, math.inf))
    cacheable = False

    def columns(self, options: LatencyOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def observe(self, context: ProbeContext, options: LatencyOptions) -> pa.Table:
        """Of each run the milliseconds, the cost of its batch and the number of its rows."""
        batches = make_batches(context, sample_rows(context, options.rows), options.batch_size)
        runs = time_repeatedly(context.view.runner, batches, options)
        columns = zip(*((1000 * seconds, run.cost, run.n_rows) for run, seconds in runs), strict=True)
        return pa.table(dict(zip(("milliseconds", "cost", "rows"), columns, strict=True)))

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """The milliseconds of all runs, whose mean is `value`, and each percentile as one of them."""
        milliseconds = table.column("milliseconds").to_numpy()
        return {"value": milliseconds, **{name: Quantile(milliseconds, share) for name, share in PERCENTILES.items()}}

    def evidence(self, table: pa.Table) -> Evidence:
        """The shortest and longest time, how all of them are distributed, and the costs of the batches that were run."""
        milliseconds = table.column("milliseconds").to_numpy()
        costs = table.column("cost").to_numpy()
        details = {
            "min_ms": round(float(milliseconds.min()), 3),
            "max_ms": round(float(milliseconds.max()), 3),
            "slowest_cost": int(costs[milliseconds.argmax()]),
            "min_cost": int(costs.min()),
            "max_cost": int(costs.max()),
            "distribution": _make_histogram(milliseconds),
        }
        return Evidence(details=details)


def _make_histogram(milliseconds: Floats) -> dict[str, Any]:
    """How many times lie between each two edges, which have the same ratio to each other: times have a long tail."""
    low, high = float(milliseconds.min()), float(milliseconds.max())
    n_bins = min(MAX_BINS, math.isqrt(len(milliseconds)) + 1)
    edges = np.geomspace(low, high, n_bins + 1) if 0 < low < high else np.array([low, high])
    counts = np.histogram(milliseconds, np.concatenate([[-math.inf], edges[1:-1], [math.inf]]))[
        0
    ]  # rounding loses none
    return {"unit": "ms", "edges": [float(f"{edge:.4g}") for edge in edges], "counts": counts.tolist()}


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
    version = 2
    inputs = "runner"
    outputs = ("value", "reference_ms", "candidate_ms")
    ranges = dict.fromkeys(outputs, (0.0, math.inf))
    compares = True
    cacheable = False

    def columns(self, options: SpeedupOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def observe(self, context: ProbeContext, options: SpeedupOptions) -> pa.Table:
        """Of each round the milliseconds of both backends, and the cost of its batch."""
        assert context.reference is not None  # the probe compares
        runners = {"reference": context.reference.runner, "candidate": context.view.runner}
        batches = make_batches(context, sample_rows(context, options.rows), options.batch_size)
        rounds = []
        for number, batch in enumerate(islice(cycle(batches), options.warmup + options.repetitions)):
            milliseconds = {}
            for side in context.rng.permutation(SIDES):
                runners[side].run(batch.arrays)
                milliseconds[f"{side}_ms"] = 1000 * time_run(runners[side], batch)
            if number >= options.warmup:
                rounds.append(milliseconds | {"cost": batch.cost})
        return pa.Table.from_pylist(rounds)

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """The median of the rounds' ratios, and of the milliseconds on both sides."""
        reference, candidate = _read_milliseconds(table)
        ratios = np.divide(reference, candidate, out=np.full(len(reference), np.inf), where=candidate > 0)
        return {
            "value": Quantile(ratios, 0.5),
            "reference_ms": Quantile(reference, 0.5),
            "candidate_ms": Quantile(candidate, 0.5),
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """How often the candidate was the faster one."""
        reference, candidate = _read_milliseconds(table)
        return Evidence(
            details={"rounds": len(reference), "faster_rounds": int(np.count_nonzero(candidate < reference))}
        )


@dataclass(frozen=True, kw_only=True)
class ThroughputOptions(RepetitionOptions):
    """Which batch sizes are tried.

    `batch_sizes` are 1, 8 and 32 if left out. Each has a warm-up and repetitions. The rows are cut into batches in the
    order in which they were sampled: what sorting by length would gain is not in it.
    """

    batch_sizes: list[int] | None = None
    repetitions: Annotated[int, Ge(2)] = 20


class Throughput(Probe[ThroughputOptions]):
    """Rows a second at the best of several batch sizes, and which one that is.

    `value` is all rows by all seconds of the repetitions at that batch size, and `batch_size` is that size.
    """

    name = "throughput"
    version = 2
    inputs = "runner"
    outputs = ("value", "batch_size")
    ranges = dict.fromkeys(outputs, (0.0, math.inf))
    cacheable = False

    def columns(self, options: ThroughputOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def observe(self, context: ProbeContext, options: ThroughputOptions) -> pa.Table:
        """The batch size, rows and seconds of each run; a DataError for batch sizes that cannot be."""
        sizes = BATCH_SIZES if options.batch_sizes is None else tuple(options.batch_sizes)
        if not sizes or min(sizes) < 1 or max(sizes) > MAX_BATCH_SIZE:
            raise DataError(
                f"`batch_sizes` is {list(sizes)}, and takes one batch size or more, of 1 to {MAX_BATCH_SIZE:,} rows"
            )
        rows = sample_rows(context, options.rows)
        runs = [
            (size, batch.n_rows, seconds)
            for size in dict.fromkeys(sizes)
            for batch, seconds in time_repeatedly(context.view.runner, make_batches(context, rows, size), options)
        ]
        return pa.table(dict(zip(("batch_size", "rows", "seconds"), zip(*runs, strict=True), strict=True)))

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """The best batch size's rows a second, over all its repetitions together, and that batch size."""
        rates = _rows_per_second(table)
        best = max(rates, key=lambda size: rates[size])
        is_best = table.column("batch_size").to_numpy() == best
        rows, seconds = (table.column(name).to_numpy()[is_best].astype(np.float64) for name in ("rows", "seconds"))
        bins = np.full(len(table), -1)
        bins[is_best] = np.arange(len(rows))

        def compute_rate(counts: Floats) -> Floats:
            total = counts @ seconds
            rates: Floats = np.divide(counts @ rows, total, out=np.full(total.shape, np.nan), where=total > 0)
            return rates

        return {"value": Statistic(compute_rate, bins, len(rows)), "batch_size": float(best)}

    def evidence(self, table: pa.Table) -> Evidence:
        """Rows a second at every batch size."""
        rates = {str(size): round(rate, 3) for size, rate in _rows_per_second(table).items()}
        return Evidence(details={"rows_per_second": rates})


def _read_milliseconds(table: pa.Table) -> tuple[Floats, Floats]:
    """The milliseconds of the reference and of the candidate, by round."""
    return table.column("reference_ms").to_numpy(), table.column("candidate_ms").to_numpy()


def _rows_per_second(table: pa.Table) -> dict[int, float]:
    """Rows a second by batch size, over all runs of that size."""
    by_size = table.group_by("batch_size", use_threads=False)
    totals = by_size.aggregate([("rows", "sum"), ("seconds", "sum")]).to_pylist()
    return {total["batch_size"]: total["rows_sum"] / total["seconds_sum"] for total in totals}
