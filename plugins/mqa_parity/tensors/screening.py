"""Rows that were not sampled, run once on both sides: those whose outputs differ most are worth observing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mqa_parity.batching import make_batches
from mqa_parity.determinism import max_distance, run_candidate, run_reference
from mqa_parity.sampling import remaining_rows, require_codec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_parity.batching import Batch, Row
    from mqa_parity.tensors.observations import TensorCheck
    from mqa_registry import ProbeContext

MAX_ROWS = 16
USUAL_QUANTILE = 0.9  # of the distances of an output: what most rows have


def most_different_rows(
    context: ProbeContext, check: TensorCheck, pairs: Mapping[str, str], sampled: Sequence[Row], budget: int
) -> tuple[list[str], int]:
    """The ids of at most `MAX_ROWS` rows that were not sampled, the most different first, and how many rows were run.

    The distance of an output is taken in units of what it is in most rows. A crash of the candidate, another shape and
    other integers are infinitely far.
    """
    distances: dict[str, dict[str, float]] = {name: {} for name in pairs}
    number = 0
    for chunk in remaining_rows(context, {row.id for row in sampled}):
        ordered = sorted(chunk, key=lambda row: row.size)
        number += len(chunk)
        for batch in make_batches(require_codec(context), ordered, budget, check.batch_rows):
            for row, name, distance in _distances(check, pairs, batch):
                distances[name][row] = max(distance, distances[name].get(row, 0.0))
    worst: dict[str, float] = {}
    for by_row in distances.values():
        usual = np.quantile([*by_row.values()], USUAL_QUANTILE, method="lower") if by_row else 0.0
        for row, distance in by_row.items():
            worst[row] = max(worst.get(row, 0.0), distance / usual if usual else math.inf if distance else 0.0)
    farthest = sorted((row for row in worst if worst[row]), key=lambda row: -worst[row])
    return farthest[:MAX_ROWS], number


def _distances(check: TensorCheck, pairs: Mapping[str, str], batch: Batch) -> Iterator[tuple[str, str, float]]:
    """For each row and output its id, the output's name and their distance."""
    baseline = run_reference(check.runners.baseline, check.backend, batch)
    candidate = run_candidate(check.runners.candidate, batch)
    for name, theirs in pairs.items():
        values = candidate[theirs] if isinstance(candidate, Mapping) else None
        if values is not None and values.shape != baseline[name].shape:
            values = None
        for row, cut in check.determinism.layout.row_slices(name, batch):
            if row is None:
                continue
            distance = math.inf if values is None else max_distance(cut(baseline[name]), cut(values))
            yield row.id, name, distance if baseline[name].dtype.kind == "f" or not distance else math.inf
