"""Speedup: a backend against the reference, run by turns, so that whatever else the machine does befalls both."""

from __future__ import annotations

from itertools import cycle, islice
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Le

from mqa_performance.drawing import batches, encoded
from mqa_performance.timing import seconds
from mqa_registry import Quantile

if TYPE_CHECKING:
    from mqa_registry import Scene

PAIR = ("reference", "candidate")


def speedup(
    scene: Scene,
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
    assert scene.reference is not None  # the probe compares
    runners = {"reference": scene.reference.runner, "candidate": scene.view.runner}
    seen = []
    for place, one in enumerate(islice(cycle(batches(scene, encoded(scene, rows), batch)), warmup + repetitions)):
        taken = {}
        for name in scene.rng.permutation(PAIR):
            runners[name].run(one.arrays)
            taken[name] = 1000 * seconds(runners[name], one)
        if place >= warmup:
            seen.append((taken["reference"], taken["candidate"], one.size))
    reference, candidate, sizes = zip(*seen, strict=True)
    return pa.table({"reference_ms": reference, "candidate_ms": candidate, "size": sizes})


def numbers(observations: pa.Table) -> dict[str, Any]:
    """The median of the rounds' ratios, and of the milliseconds on both sides."""
    reference, candidate = _taken(observations)
    ratios = np.divide(reference, candidate, out=np.full(len(reference), np.inf), where=candidate > 0)
    return {
        "value": Quantile(ratios, 0.5),
        "reference_ms": Quantile(reference, 0.5),
        "candidate_ms": Quantile(candidate, 0.5),
    }


def evidence(observations: pa.Table) -> dict[str, Any]:
    """How often the candidate was the faster one."""
    reference, candidate = _taken(observations)
    return {"rounds": len(reference), "faster_in": int(np.count_nonzero(candidate < reference))}


def _taken(observations: pa.Table) -> Any:
    return (observations.column(f"{name}_ms").to_numpy() for name in PAIR)
