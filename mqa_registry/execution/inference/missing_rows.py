"""The rows of a shard that a backend has no prediction for yet, counted while they are predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.store import join_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy.typing as npt

    from mqa_registry.plan import View
    from mqa_registry.store.database import Keys


class MissingRows:
    """How many rows of each view lack a prediction. An example may be a row of several views, and several rows of one.

    `views` has the fingerprints of the rows of every view. `missing` are the distinct fingerprints, sorted, of the
    examples without a prediction at first, which are kept as `fingerprints`.
    """

    def __init__(self, views: Mapping[View, Keys], missing: Keys) -> None:
        self._totals = [len(keys) for keys in views.values()]
        self._views = list(views)
        self.fingerprints = missing
        self._is_missing = np.ones(len(missing), dtype=bool)
        keys = np.concatenate([join_keys([]), *views.values()])
        positions = np.searchsorted(missing, keys)  # of each row's example among the missing ones
        rows = np.flatnonzero(np.isin(keys, missing))
        rows = rows[np.argsort(positions[rows], kind="stable")]
        view_of_row = np.repeat(np.arange(len(views)), self._totals)
        # The rows of missing example `i` belong to the views `_view_of_row[_starts[i]:_starts[i + 1]]`.
        self._view_of_row = view_of_row[rows]
        self._starts = np.searchsorted(positions[rows], np.arange(len(missing) + 1))
        self._counts = np.bincount(self._view_of_row, minlength=len(views))

    def __len__(self) -> int:
        """How many examples were missing at first."""
        return len(self.fingerprints)

    def list_views(self) -> Iterator[tuple[View, int, int]]:
        """Every view, its rows that have a prediction, and all its rows."""
        return (self._count(number) for number in range(len(self._views)))

    def remove(self, fingerprints: Iterable[bytes]) -> tuple[int, Iterator[tuple[View, int, int]]]:
        """Count examples as settled: how many rows of views that are, and what `list_views` says of these views."""
        found = find_sorted(np.unique(join_keys([*fingerprints])), self.fingerprints)
        found = found[self._is_missing[found]]
        self._is_missing[found] = False
        rows = [self._view_of_row[self._starts[one] : self._starts[one + 1]] for one in found]
        predicted = np.bincount(np.concatenate([self._view_of_row[:0], *rows]), minlength=len(self._views))
        self._counts -= predicted
        return int(predicted.sum()), (self._count(int(number)) for number in np.flatnonzero(predicted))

    def _count(self, number: int) -> tuple[View, int, int]:
        total = self._totals[number]
        return self._views[number], total - int(self._counts[number]), total


def find_sorted(keys: Keys, among: Keys) -> npt.NDArray[np.intp]:
    """Where keys stand among others that are sorted and distinct; those that are not there are left out."""
    positions = np.searchsorted(among, keys)
    inside = positions < len(among)
    positions, keys = positions[inside], keys[inside]
    found: npt.NDArray[np.intp] = positions[among[positions] == keys]
    return found
