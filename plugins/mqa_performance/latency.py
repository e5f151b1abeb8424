"""Latency: the time that one request takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
from annotated_types import Ge, Le

from mqa_performance.drawing import batches, encoded
from mqa_performance.timing import repeated
from mqa_registry import Quantile

if TYPE_CHECKING:
    from mqa_registry import Scene

PERCENTILES = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}


def latency(
    scene: Scene,
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
    timed = repeated(scene.view.runner, batches(scene, encoded(scene, rows), batch), warmup, repetitions)
    seen = [(1000 * took, one.size, one.rows) for one, took in timed]
    milliseconds, sizes, count = zip(*seen, strict=True)
    return pa.table({"milliseconds": milliseconds, "size": sizes, "rows": count})


def numbers(observations: pa.Table) -> dict[str, Any]:
    """The mean, and each percentile as a time that was really taken."""
    taken = observations.column("milliseconds").to_numpy()
    return {"value": taken, **{name: Quantile(taken, share) for name, share in PERCENTILES.items()}}


def evidence(observations: pa.Table) -> dict[str, Any]:
    """How far the times lie apart, and the sizes of what was run."""
    taken, sizes = observations.column("milliseconds").to_numpy(), observations.column("size").to_numpy()
    slowest = int(taken.argmax())
    return {
        "fastest_ms": round(float(taken.min()), 3),
        "slowest_ms": round(float(taken.max()), 3),
        "slowest_size": int(sizes[slowest]),
        "smallest_size": int(sizes.min()),
        "largest_size": int(sizes.max()),
    }
