"""Metrics of what rankings show to all users together: how much of the catalogue, how evenly, and how popular it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge

from mqa_registry import UsageError

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions, Targets

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]

Count: TypeAlias = Annotated[int, Ge(1)]


def coverage(predictions: Predictions, targets: Targets, *, k: Count = 10, items: Count | None = None) -> float:
    """The share of the catalogue that is among the first `k` of any ranking: catalogue coverage.

    From 0 to 1 (Ge, Delgado-Battenfeld and Jannach 2010). `items` is how many things the catalogue has; left out, they are those
    that any ranking has at all, as where each user's candidates are ranked. It has no interval: more users see more.
    """
    count = _count_items(predictions, items)
    return len(_count_shown(predictions, k)) / count if count else float("nan")


def exposure_gini(predictions: Predictions, targets: Targets, *, k: Count = 10, items: Count | None = None) -> float:
    """The Gini index of how often each thing of the catalogue is among the first `k`: how unevenly they are shown.

    0 where all are shown equally often, 1 where one alone is. Of n things whose shares p(1) to p(n) of all that is shown rise, it is
    the sum of (2j - n - 1) p(j), by n - 1 (Shani and Gunawardana 2011). `items` is as for `metrics/coverage`: things that no
    user is shown count.
    """
    shown = _count_shown(predictions, k)
    count = _count_items(predictions, items)
    if count < 2 or not len(shown):
        return float("nan")
    shares = np.sort(np.concatenate([np.zeros(count - len(shown)), shown])) / shown.sum()
    return float(((2 * np.arange(1, count + 1) - count - 1) * shares).sum() / (count - 1))


def popularity_lift(predictions: Predictions, targets: Targets, *, k: Count = 10) -> Floats:
    """How much more popular what users are shown is than what they choose: popularity bias.

    0 where it is as popular, 0.5 where it is half as popular again, below 0 where it is less so. GAP(shown) is the mean over rows of
    the mean popularity of their first `k`, GAP(chosen) that of what is relevant to them, and the lift is
    (GAP(shown) - GAP(chosen)) / GAP(chosen) (Abdollahpouri, Mansoury, Burke and Mobasher 2020,
    https://doi.org/10.1145/3383313.3418487). A thing is as popular to a row as there are other rows to which it is relevant: with
    the row itself, what it chose would seem more popular than it is. Rows to which nothing is relevant are ignored. Of a group of
    rows, the difference is divided by GAP(chosen) of all rows, so that groups compare; the interval takes popularity as known.
    """
    choices = _Choices.of(targets)
    shown = choices.mean_popularity(pc.list_slice(predictions.main.combine_chunks(), 0, k))
    chosen = choices.mean_popularity(choices.names)
    mean = chosen[~np.isnan(chosen)].mean() if len(choices.things) else 0.0
    return np.asarray((shown - chosen) / mean) if mean else np.full(len(predictions), np.nan)


def _count_shown(predictions: Predictions, k: int) -> Floats:
    """How often each thing that is among the first `k` of any ranking is so."""
    counts = pc.value_counts(pc.list_flatten(pc.list_slice(predictions.main, 0, k)))
    return np.asarray(counts.field("counts").to_numpy(), np.float64)


def _count_items(predictions: Predictions, items: int | None) -> int:
    """The size of the catalogue; a UsageError where rankings have more things than are said to be in it."""
    ranked = int(pc.count_distinct(pc.list_flatten(predictions.main)).as_py())
    if items is not None and items < ranked:
        raise UsageError(
            f"`items` is {items:,}, and the rankings have {ranked:,} things",
            hint="it is the size of the whole catalogue",
        )
    return items or ranked


@dataclass(frozen=True)
class _Choices:
    """What is relevant to each row, by its `names`; every such thing once, and to how many rows it is relevant.

    `pairs` are the numbers of all pairs of a row and a thing that is relevant to it.
    """

    names: pa.ListArray
    things: pa.Array
    counts: Floats
    pairs: Ints

    @classmethod
    def of(cls, targets: Targets) -> _Choices:
        column = targets.main.combine_chunks()
        relevant, rows = column.flatten(), pc.list_parent_indices(column).to_numpy()
        is_relevant = pc.greater(relevant.field("relevance"), 0).to_numpy(zero_copy_only=False)
        rows, flat = rows[is_relevant], relevant.field("id").filter(pa.array(is_relevant))
        offsets = np.append(0, np.cumsum(np.bincount(rows, minlength=len(column))))
        counts = pc.value_counts(flat)
        things = counts.field("values")
        pairs = rows * (len(things) + 1) + pc.index_in(flat, things).to_numpy(zero_copy_only=False)
        names = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)
        return cls(names, things, counts.field("counts").to_numpy().astype(np.float64), pairs)

    def mean_popularity(self, lists: pa.ListArray) -> Floats:
        """Of each row, to how many other rows its things are relevant, in the mean; NaN of a row without any."""
        found = pc.fill_null(pc.index_in(pc.list_flatten(lists), self.things), len(self.things))
        codes, rows = found.to_numpy(zero_copy_only=False), pc.list_parent_indices(lists).to_numpy()
        is_own = np.isin(rows * (len(self.things) + 1) + codes, self.pairs)
        sums = np.bincount(rows, np.append(self.counts, 0.0)[codes] - is_own, len(lists))
        sizes = np.bincount(rows, minlength=len(lists))
        return np.asarray(np.divide(sums, sizes, out=np.full(len(lists), np.nan), where=sizes > 0))
