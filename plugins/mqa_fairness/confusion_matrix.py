"""Confusion matrices of groups, one for each class against all others, and the rates that groups are compared by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mqa_registry import Predictions, Targets

GROUPS_PER_INTEGER = 62  # whose memberships one integer holds

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Groups: TypeAlias = "Mapping[str, Ints]"


@dataclass(frozen=True)
class GroupedConfusion:
    """Confusion matrices of groups, one for each class against all others, as functions of how often bins are counted.

    Rows of a bin are in the same groups, with the same prediction and target. `membership` says which bins are in
    which group, shape (bins, groups); a row that is in no group has the bin -1. Of one class there are bins for every
    prediction and target, whether or not some row has them; of several, for a correct and a wrong prediction of each
    target that occurs.
    """

    groups: tuple[str, ...]
    classes: tuple[int, ...]
    bins: Ints
    membership: Floats
    predicted: Ints  # the class of each bin
    target: Ints

    @classmethod
    def of(cls, predictions: Predictions, targets: Targets, groups: Groups, classes: Sequence[int]) -> GroupedConfusion:
        """The matrices of some classes; where it is one class, rows differ by whether they have it, and no further."""
        predicted, target = predictions.codes, targets.codes
        if len(classes) == 1:
            predicted, target, classes = (predicted == classes[0]) * 1, (target == classes[0]) * 1, (1,)
        memberships, membership_of_row = _find_distinct_memberships(groups, len(predicted))
        grouped = np.flatnonzero(np.asarray(memberships.any(axis=1))[membership_of_row])
        observed = membership_of_row[grouped], predicted[grouped], target[grouped]
        columns = [np.concatenate(pair) for pair in zip(observed, _make_possible_rows(*observed, classes), strict=True)]
        first, bin_of_row = _find_distinct_rows(*columns)
        bin_of_row = bin_of_row[: len(grouped)]
        membership, predicted, target = (column[first] for column in columns)
        bins = np.full(len(membership_of_row), -1, dtype=np.int64)
        bins[grouped] = bin_of_row
        return cls(tuple(groups), tuple(classes), bins, memberships[membership].astype(np.float64), predicted, target)

    @property
    def n_bins(self) -> int:
        """The number of bins."""
        return len(self.membership)

    @property
    def counts(self) -> Floats:
        """The number of rows of each bin."""
        return np.bincount(self.bins[self.bins >= 0], minlength=self.n_bins).astype(np.float64)

    def by_group(self, counts: Floats) -> Iterator[Floats]:
        """For each class the matrices of all groups, shape (..., groups, 4): true and false negatives and positives.

        The last axis is ordered as true negatives, false positives, false negatives, true positives.
        """
        for entries in self._entries():
            parts = [counts[..., bins] @ self.membership[bins] for bins in entries]
            yield np.stack(parts, axis=-1)

    def overall(self, counts: Floats) -> Iterator[Floats]:
        """The same of all rows that are in any group, each counted once, shape (..., 1, 4)."""
        for entries in self._entries():
            parts = [counts[..., bins].sum(axis=-1, keepdims=True) for bins in entries]
            yield np.stack(parts, axis=-1)

    def _entries(self) -> Iterator[list[Ints]]:
        """For each class the bins of the four entries of a matrix."""
        for code in self.classes:
            entry = 2 * (self.target == code) + (self.predicted == code)
            yield [np.flatnonzero(entry == number) for number in range(4)]


@dataclass(frozen=True)
class Rate:
    """The share of rows predicted as positive, among all, those that are positive, or those that are negative.

    `targets` are 1 for the positive class and 0 for the negative. `undefined` is why a group may have no such share.
    """

    name: str
    targets: tuple[int, ...]
    undefined: str = ""

    def compute(self, matrices: Floats) -> Floats:
        """The rate of every confusion matrix, shape (..., 4) to (...)."""
        hits = sum(matrices[..., 2 * target + 1] for target in self.targets)
        rows = hits + sum(matrices[..., 2 * target] for target in self.targets)
        return divide_or_nan(np.asarray(hits), np.asarray(rows))

    def score_rows(self, predictions: Predictions, targets: Targets, code: int) -> Floats:
        """A score a row, whose mean is the rate; NaN for a row that it ignores."""
        is_counted = np.isin(targets.codes == code, self.targets)
        return np.where(is_counted, predictions.codes == code, np.nan)


SELECTION_RATE = Rate("selection_rate", (0, 1))
TRUE_POSITIVE_RATE = Rate("true_positive_rate", (1,), "no row of `{}` is positive")
FALSE_POSITIVE_RATE = Rate("false_positive_rate", (0,), "every row of `{}` is positive")
ODDS = (TRUE_POSITIVE_RATE, FALSE_POSITIVE_RATE)


def score_rates(
    predictions: Predictions, targets: Targets, classes: Mapping[int, str], rates: tuple[Rate, ...]
) -> dict[str, Floats]:
    """The scores a row of every rate by its name, and by that of its class where there are several."""
    return {
        rate.name if len(classes) == 1 else f"{rate.name} of {name}": rate.score_rows(predictions, targets, code)
        for code, name in classes.items()
        for rate in rates
    }


def explain_undefined(
    confusion: GroupedConfusion, rates: tuple[Rate, ...], compute: Callable[[Floats], Floats], otherwise: str
) -> str:
    """Why a number has no value on these rows: the rate that a group lacks, or `otherwise`; empty where it has one."""
    if not np.isnan(compute(confusion.counts)):
        return ""
    for matrices in confusion.by_group(confusion.counts):
        for rate in rates:
            lacking = np.flatnonzero(np.isnan(rate.compute(matrices)))
            if len(lacking):
                return rate.undefined.format(confusion.groups[lacking[0]])
    return otherwise


def divide_or_nan(part: Floats, whole: Floats) -> Floats:
    """`part / whole`, NaN where `whole` is not above 0."""
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0))


def _make_possible_rows(
    memberships: Ints, predicted: Ints, target: Ints, classes: Sequence[int]
) -> tuple[Ints, Ints, Ints]:
    """Rows that there might have been: their memberships, predictions and targets."""
    if len(classes) == 1:
        membership = np.unique(memberships)
        return np.repeat(membership, 4), np.tile([0, 1, 0, 1], len(membership)), np.tile([0, 0, 1, 1], len(membership))
    first = _find_distinct_rows(memberships, target)[0]
    memberships, target = memberships[first], target[first]
    others = (target + 1) % len(classes)
    return np.tile(memberships, 2), np.concatenate([target, others]), np.tile(target, 2)


def _find_distinct_memberships(groups: Groups, rows: int) -> tuple[npt.NDArray[np.bool_], Ints]:
    """The combinations of groups that occur, shape (combinations, groups), and which of them each row has."""
    bits = [np.zeros(rows, dtype=np.int64) for _ in range(0, len(groups), GROUPS_PER_INTEGER)]
    for number, members in enumerate(groups.values()):
        bits[number // GROUPS_PER_INTEGER][members] |= 1 << number % GROUPS_PER_INTEGER
    first, combination_of_row = _find_distinct_rows(*bits)
    combinations = [
        bits[number // GROUPS_PER_INTEGER][first] >> number % GROUPS_PER_INTEGER & 1 for number in range(len(groups))
    ]
    return np.stack(combinations, axis=1).astype(bool), combination_of_row


def _find_distinct_rows(*columns: Ints) -> tuple[Ints, Ints]:
    """The first row of every distinct combination of values, and the combination that each row has."""
    first, combination = np.unique(columns[0], return_index=True, return_inverse=True)[1:]
    for column in columns[1:]:
        values, code = np.unique(column, return_inverse=True)
        joint = combination * max(len(values), 1) + code
        first, combination = np.unique(joint, return_index=True, return_inverse=True)[1:]
    return first, combination
