"""Throughput: how many rows a second, in batches of the size that suits the backend best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge

from mqa_performance.drawing import batches as in_batches
from mqa_performance.drawing import encoded
from mqa_performance.timing import repeated
from mqa_registry import DataError, Statistic

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Scene

    Floats = npt.NDArray[np.float64]

BATCHES = (1, 8, 32)
MOST = 4096  # rows in one batch: each is copied into it


def throughput(
    scene: Scene,
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
    sizes = BATCHES if batches is None else tuple(batches)
    if not sizes or min(sizes) < 1 or max(sizes) > MOST:
        raise DataError(f"`batches` is {list(sizes)}, and takes one batch size or more, of 1 to {MOST:,} rows")
    drawn = encoded(scene, rows)
    seen = [
        (size, one.rows, took)
        for size in dict.fromkeys(sizes)
        for one, took in repeated(scene.view.runner, in_batches(scene, drawn, size), warmup, repetitions)
    ]
    size, count, taken = zip(*seen, strict=True)
    return pa.table({"batch": size, "rows": count, "seconds": taken})


def numbers(observations: pa.Table) -> dict[str, Any]:
    """The best batch size's rows a second, over all its repetitions together, and that batch size."""
    rates = _rates(observations)
    best = max(rates, key=lambda size: rates[size])
    mine = observations.filter(pc.equal(observations.column("batch"), best))
    rows, seconds = (mine.column(name).to_numpy().astype(np.float64) for name in ("rows", "seconds"))
    cells = np.full(len(observations), -1)
    cells[observations.column("batch").to_numpy() == best] = np.arange(len(mine))
    return {"value": Statistic(lambda counts: _rate(counts, rows, seconds), cells, len(mine)), "batch": float(best)}


def evidence(observations: pa.Table) -> dict[str, Any]:
    """Rows a second at every batch size."""
    return {"rows_per_second": {str(size): round(rate, 3) for size, rate in _rates(observations).items()}}


def _rates(observations: pa.Table) -> dict[int, float]:
    sums = (
        observations.group_by("batch", use_threads=False).aggregate([("rows", "sum"), ("seconds", "sum")]).to_pylist()
    )
    return {one["batch"]: one["rows_sum"] / one["seconds_sum"] for one in sums}


def _rate(counts: Floats, rows: Floats, seconds: Floats) -> Floats:
    total = counts @ seconds
    rate: Floats = np.divide(counts @ rows, total, out=np.full(total.shape, np.nan), where=total > 0)
    return rate
