"""Rows that nobody looked at yet, run once by both sides: those whose outputs part most are worth a look."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mqa_parity.sampling import batched, codec_of, rows_besides
from mqa_parity.steady import answered, attempted, distance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_parity.records import Trial
    from mqa_parity.sampling import Batch, Row
    from mqa_registry import Scene

MOST = 16  # rows that are worth a look
USUAL = 0.9  # the share of rows that part as far as is usual, or less


def parting_rows(
    scene: Scene, trial: Trial, pairs: Mapping[str, str], known: Sequence[Row], budget: int
) -> tuple[list[str], int]:
    """The ids of the rows besides those `known` whose outputs part most, the farthest first, and how many rows were run.

    How far an output parts is told in units of how far it does in most rows; a crash of the candidate, another shape and
    other integers are infinitely far.
    """
    found: dict[str, dict[str, float]] = {name: {} for name in pairs}
    number = 0
    for chunk in rows_besides(scene, {row.id for row in known}):
        ordered = sorted(chunk, key=lambda row: row.size)
        number += len(chunk)
        for batch in batched(codec_of(scene), ordered, budget, trial.together):
            for row, name, far in _distances(trial, pairs, batch):
                found[name][row] = max(far, found[name].get(row, 0.0))
    apart: dict[str, float] = {}
    for distances in found.values():
        usual = np.quantile([*distances.values()], USUAL, method="lower") if distances else 0.0
        for row, far in distances.items():
            apart[row] = max(apart.get(row, 0.0), far / usual if usual else math.inf if far else 0.0)
    farthest = sorted((row for row in apart if apart[row]), key=lambda row: -apart[row])
    return farthest[:MOST], number


def _distances(trial: Trial, pairs: Mapping[str, str], batch: Batch) -> Iterator[tuple[str, str, float]]:
    peer, candidate = answered(trial.three.peer, trial.reference, batch), attempted(trial.three.candidate, batch)
    for name, theirs in pairs.items():
        values = candidate[theirs] if isinstance(candidate, Mapping) else None
        alike = values is not None and values.shape == peer[name].shape
        for row, cut in trial.survey.layout.parts(name, batch):
            if row is None:
                continue
            far = distance(cut(peer[name]), cut(values)) if values is not None and alike else math.inf
            yield row.id, name, far if peer[name].dtype.kind == "f" or not far else math.inf
