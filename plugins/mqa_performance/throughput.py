"""Throughput: how many rows a second, in batches of the size that suits the backend best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge

from mqa_performance.benchmark import MAX_BATCH_SIZE, RepetitionOptions, make_batches, sample_rows, time_repeatedly
from mqa_registry import DataError, Evidence, Probe, Statistic

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import ProbeContext

    Floats = npt.NDArray[np.float64]

BATCH_SIZES = (1, 8, 32)


@dataclass(frozen=True, kw_only=True)
class ThroughputOptions(RepetitionOptions):
    """Which batch sizes are tried.

    `batches` are the batch sizes, 1, 8 and 32 if left out. Each has a warm-up and repetitions. The rows are
    cut into batches in the order in which they were drawn: what sorting by length would gain is not in it.
    """

    batches: list[int] | None = None
    repetitions: Annotated[int, Ge(2)] = 20


class Throughput(Probe[ThroughputOptions]):
    """Rows a second at the best of several batch sizes, and which one that is.

    `value` is all rows by all seconds of the repetitions at that batch size, and `batch` is the size.
    """

    name = "throughput"
    inputs = "runner"
    outputs = ("value", "batch")
    ranges = dict.fromkeys(outputs, (0.0, math.inf))
    cacheable = False

    def observe(self, context: ProbeContext, options: ThroughputOptions) -> pa.Table:
        """The batch size, rows and seconds of each run; a DataError for batch sizes that cannot be."""
        sizes = BATCH_SIZES if options.batches is None else tuple(options.batches)
        if not sizes or min(sizes) < 1 or max(sizes) > MAX_BATCH_SIZE:
            raise DataError(
                f"`batches` is {list(sizes)}, and takes one batch size or more, of 1 to {MAX_BATCH_SIZE:,} rows"
            )
        rows = sample_rows(context, options.rows)
        runs = [
            (size, batch.n_rows, seconds)
            for size in dict.fromkeys(sizes)
            for batch, seconds in time_repeatedly(context.view.runner, make_batches(context, rows, size), options)
        ]
        return pa.table(dict(zip(("batch", "rows", "seconds"), zip(*runs, strict=True), strict=True)))

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """The best batch size's rows a second, over all its repetitions together, and that batch size."""
        rates = _rows_per_second(table)
        best = max(rates, key=lambda size: rates[size])
        is_best = table.column("batch").to_numpy() == best
        rows, seconds = (table.column(name).to_numpy()[is_best].astype(np.float64) for name in ("rows", "seconds"))
        bins = np.full(len(table), -1)
        bins[is_best] = np.arange(len(rows))

        def compute_rate(counts: Floats) -> Floats:
            total = counts @ seconds
            rates: Floats = np.divide(counts @ rows, total, out=np.full(total.shape, np.nan), where=total > 0)
            return rates

        return {"value": Statistic(compute_rate, bins, len(rows)), "batch": float(best)}

    def evidence(self, table: pa.Table) -> Evidence:
        """Rows a second at every batch size."""
        rates = {str(size): round(rate, 3) for size, rate in _rows_per_second(table).items()}
        return Evidence(details={"rows_per_second": rates})


def _rows_per_second(table: pa.Table) -> dict[int, float]:
    """Rows a second by batch size, over all runs of that size."""
    by_size = table.group_by("batch", use_threads=False)
    totals = by_size.aggregate([("rows", "sum"), ("seconds", "sum")]).to_pylist()
    return {total["batch"]: total["rows_sum"] / total["seconds_sum"] for total in totals}
