"""Samples: the views that a measure reads, with their rows brought together by id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.data import targets_of
from mqa_registry.errors import DataError

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry.data import Predictions, Rows, Targets
    from mqa_registry.predict import Observed

    Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """One view as the judge reads it: a prediction, and for a metric a target, in every row.

    A comparison that says what is right has targets too, where there are any that fit, and may lack some of them.

    `places` are the rows' places in the undisturbed data set. `missing` rows had no finite prediction and `unlabelled`
    rows no target; neither are among the rows.
    """

    predictions: Predictions
    targets: Targets | None
    places: Positions
    missing: int = 0
    unlabelled: int = 0
    clusters: Positions | None = None  # each row's cluster, where the data has a column `cluster`

    def __len__(self) -> int:
        return len(self.places)

    def at(self, positions: Positions) -> Sample:
        """Some of the rows."""
        return Sample(
            self.predictions.take(positions),
            self.targets.take(positions) if self.targets is not None else None,
            self.places[positions],
            self.missing,
            self.unlabelled,
            self.clusters[positions] if self.clusters is not None else None,
        )


def sample_of(observed: Observed, rows: Rows, data: str, *, labelled: bool, told: bool = False) -> Sample:
    """A view without the rows that lack a prediction or, where targets are needed, a target.

    With `told` they are not needed, and taken where they are there.
    """
    assert observed.seen is not None
    assert observed.predictions is not None
    predictions = observed.predictions
    targets = targets_of(observed.seen.rows, predictions.schema, predictions.classes, data=data) if labelled else None
    unlabelled = targets.missing if targets is not None else np.zeros(len(predictions), dtype=bool)
    if told:
        targets = _targets_if_any(observed.seen.rows, predictions, data)
    places = positions_of(observed.seen.rows.ids, rows.ids)
    clusters = clusters_of(rows)
    whole = Sample(
        predictions,
        targets,
        places,
        missing=int((predictions.missing & ~unlabelled).sum()),
        unlabelled=int(unlabelled.sum()),
        clusters=clusters[places] if clusters is not None else None,
    )
    if not (predictions.missing | unlabelled).any():
        return whole
    return whole.at(np.flatnonzero(~(predictions.missing | unlabelled)))


def _targets_if_any(rows: Rows, predictions: Predictions, data: str) -> Targets | None:
    """The targets, None where there are none, or something else goes by that name."""
    try:
        return targets_of(rows, predictions.schema, predictions.classes, data=data)
    except (DataError, pa.ArrowException):
        return None


def clusters_of(rows: Rows) -> Positions | None:
    """Each row's cluster as a number, None where the data names none; a row without one is a cluster of its own."""
    if "cluster" not in rows.table.column_names:
        return None
    encoded = rows.table.column("cluster").combine_chunks().dictionary_encode()
    codes = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
    alone = codes < 0
    codes[alone] = len(encoded.dictionary) + np.arange(np.count_nonzero(alone))
    return codes


def met(first: Sample, second: Sample) -> tuple[Sample, Sample]:
    """The rows that both have, in one order."""
    if first.predictions.ids.equals(second.predictions.ids):
        return first, second
    where = positions_of(first.predictions.ids, second.predictions.ids)
    return first.at(np.flatnonzero(where >= 0)), second.at(where[where >= 0])


def positions_of(ids: pa.ChunkedArray, among: pa.ChunkedArray) -> Positions:
    """Per id its position among others, -1 where it is not there."""
    if ids.equals(among):  # a table of so many names is not built to find each in its place
        return np.arange(len(ids))
    found = pc.fill_null(pc.index_in(ids, among.combine_chunks()), -1)
    return np.asarray(found.to_numpy(), dtype=np.int64)
