"""The rows of a view as a probe reads them: shard by shard or some of them, with their images, sounds and files to open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.errors import NotRunError
from mqa_registry.execution.rows.perturbation import perturb_part
from mqa_registry.observations import Failure
from mqa_registry.types.id_join import match_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import Task
    from mqa_registry.execution.rows.shards import Shard
    from mqa_registry.plan import RowSet
    from mqa_registry.types import Rows


@dataclass(frozen=True)
class ViewRows:
    """The `rows` of a view, which are some of the `unperturbed` rows of a data set after the perturbations of `row_set`.

    Where values of images, sounds and files are gone, those of the rows that are read are made again: they are opened, and
    perturbed by the same generators.
    """

    rows: Rows
    unperturbed: Rows
    row_set: RowSet
    cut: Sequence[Shard]
    task: Task[Any] | None
    seed: int

    def shards(self) -> Iterator[Rows]:
        """The rows of one shard of the run after the other; shards of which no row is left are left out."""
        start = 0
        for shard, stop in zip(self.cut, self._ends(), strict=True):
            if stop > start:
                yield self._with_blobs(
                    self.rows.slice(start, int(stop)), self.unperturbed.slice(shard.start, shard.stop)
                )
            start = int(stop)

    def take(self, indices: Sequence[int]) -> Rows:
        """The rows at these positions, in this order."""
        return self._with_blobs(self.rows.take(indices), self.unperturbed)

    def _ends(self) -> npt.NDArray[np.int64]:
        """How many rows there are up to the end of each shard."""
        stops = np.array([shard.stop for shard in self.cut], np.int64)
        if len(self.rows) == len(self.unperturbed):
            return stops
        return np.searchsorted(match_ids(self.rows.ids, self.unperturbed.ids), stops).astype(np.int64)

    def _with_blobs(self, rows: Rows, unperturbed: Rows) -> Rows:
        return with_open_blobs(rows, unperturbed, self.row_set, self.task, self.seed)


def with_open_blobs(rows: Rows, unperturbed: Rows, row_set: RowSet, task: Task[Any] | None, seed: int) -> Rows:
    """Rows of a set with blobs that can be opened, made again of the unperturbed rows that they are among.

    A NotRunError where other rows come out than before.
    """
    if not len(rows):
        return rows
    if not rows.has_dropped_blobs:
        return rows.with_blob_values()
    taken = unperturbed.take(match_ids(rows.ids, unperturbed.ids)).with_blob_values()
    again = perturb_part(taken, row_set.perturb, task, seed)
    if isinstance(again, Failure) or not again.rows.ids.equals(rows.ids):
        raise NotRunError(
            f"the rows of `{row_set.name}` could not be made a second time as they were before",
            hint="let nothing write to the data during a run; a perturbation draws from its generator alone",
        )
    return replace(rows, blob_values=again.rows.blob_values)
