"""Throughput: how many rows a second, in batches of the size that suits the backend best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge

from mqa_performance.benchmark import make_batches, sample_rows, time_repeatedly
from mqa_registry import DataError, Statistic

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import ProbeContext

    Floats = npt.NDArray[np.float64]

BATCH_SIZES = (1, 8, 32)
MAX_BATCH_SIZE = 4096  # each row is copied into the batch


def throughput(
    context: ProbeContext,
    *,
    batches: list[int] | None = None,
    warmup: Annotated[int, Ge(0)] = 2,
    repetitions: Annotated[int, Ge(2)] = 20,
    rows: Annotated[int, Ge(1)] = 64,
) -> pa.Table:
    """Rows a second at the best of several batch sizes, and which one that is.

    `batches` are the batch sizes, 1, 8 and 32 if left out. `warmup` is how many runs of each come before the first that
    counts, `repetitions` how many count. `rows` is how many rows of the data are drawn, and cut into batches as they come:
    what sorting by length would gain is not in it.
    """
    sizes = BATCH_SIZES if batches is None else tuple(batches)
    if not sizes or min(sizes) < 1 or max(sizes) > MAX_BATCH_SIZE:
        raise DataError(
            f"`batches` is {list(sizes)}, and takes one batch size or more, of 1 to {MAX_BATCH_SIZE:,} rows"
        )
    drawn = sample_rows(context, rows)
    runs = [
        (size, batch.n_rows, seconds)
        for size in dict.fromkeys(sizes)
        for batch, seconds in time_repeatedly(
            context.view.runner, make_batches(context, drawn, size), warmup, repetitions
        )
    ]
    return pa.table(dict(zip(("batch", "rows", "seconds"), zip(*runs, strict=True), strict=True)))


def throughput_numbers(observations: pa.Table) -> dict[str, Any]:
    """The best batch size's rows a second, over all its repetitions together, and that batch size."""
    rates = _rows_per_second(observations)
    best = max(rates, key=lambda size: rates[size])
    is_best = observations.column("batch").to_numpy() == best
    rows, seconds = (observations.column(name).to_numpy()[is_best].astype(np.float64) for name in ("rows", "seconds"))
    cells = np.full(len(observations), -1)
    cells[is_best] = np.arange(len(rows))

    def rate(counts: Floats) -> Floats:
        total = counts @ seconds
        rates: Floats = np.divide(counts @ rows, total, out=np.full(total.shape, np.nan), where=total > 0)
        return rates

    return {"value": Statistic(rate, cells, len(rows)), "batch": float(best)}


def throughput_evidence(observations: pa.Table) -> dict[str, Any]:
    """Rows a second at every batch size."""
    rates = _rows_per_second(observations)
    return {"rows_per_second": {str(size): round(rate, 3) for size, rate in rates.items()}}


def _rows_per_second(observations: pa.Table) -> dict[int, float]:
    """Rows a second by batch size, over all runs of that size."""
    by_size = observations.group_by("batch", use_threads=False)
    totals = by_size.aggregate([("rows", "sum"), ("seconds", "sum")]).to_pylist()
    return {total["batch"]: total["rows_sum"] / total["seconds_sum"] for total in totals}
