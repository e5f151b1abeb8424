"""Accuracy of rows and slices: which rows are predicted correctly and counted, and whether a slice is confirmed as weak.

Slices are confirmed on held-out rows, which had no part in finding them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_registry import DataError, fingerprint, holm, read_target_labels

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import numpy.typing as npt

    from mqa_registry import ViewContext

    Bools: TypeAlias = npt.NDArray[np.bool_]

WITHOUT_PREDICTION, WITHOUT_TARGET = "without a prediction", "without a target"
DUPLICATE, SAME_CLUSTER = "equal to another row", "in the same cluster as another row"


@dataclass(frozen=True)
class Correctness:
    """Per row its prediction with the confidence of it, its target, whether both are the same, and why it is ignored.

    `ignored` is empty for the rows that count.
    """

    predictions: Sequence[str | None]
    confidence: Sequence[float | None]
    targets: Sequence[str | None]
    correct: Bools
    ignored: Sequence[str]

    @property
    def counted(self) -> Bools:
        return np.array([not reason for reason in self.ignored], dtype=bool)


@dataclass(frozen=True)
class SliceResult:
    """A slice on the held-out rows: its number of rows, and the accuracy in it and elsewhere.

    `low` and `high` are the interval of the gap between the two. `p_value` is that of the slice alone,
    `adjusted_p_value` the same after Holm's correction.
    """

    name: str
    rows: int
    accuracy: float
    accuracy_elsewhere: float
    low: float
    high: float
    p_value: float
    adjusted_p_value: float

    @property
    def gap(self) -> float:
        return self.accuracy_elsewhere - self.accuracy


def assess_correctness(view: ViewContext, rng: np.random.Generator) -> Correctness:
    """The correctness of a view's rows; of those with equal fields, or of one cluster, one drawn at random counts.

    Raises a DataError where there are no targets.
    """
    if "target" not in view.rows.table.column_names:
        raise DataError(
            "the rows have no column `target`, and without targets no slice is weak",
            hint='map the column with the targets: `columns = { target = "..." }`',
        )
    predictions = view.predictions.to_pylist()
    targets = read_target_labels(view.rows, view.predictions.classes)
    correct = np.array([one == target for one, target in zip(predictions, targets, strict=True)], dtype=bool)
    ignored = [
        WITHOUT_PREDICTION if one is None else WITHOUT_TARGET if target is None else ""
        for one, target in zip(predictions, targets, strict=True)
    ]
    for keys, reason in ((_compute_fingerprints(view), DUPLICATE), (_read_clusters(view), SAME_CLUSTER)):
        _ignore_repeated(keys, ignored, reason, rng)
    return Correctness(predictions, _read_confidence(view), targets, correct, ignored)


def confirm_slices(
    names: Sequence[str], inside: Sequence[Bools], correct: Bools, confidence: float
) -> list[SliceResult]:
    """Each slice on the held-out rows.

    `inside` says of each slice which rows are in it, `correct` which rows are predicted correctly.

    The test is Fisher's, exact and one-sided: how likely so few correct predictions in the slice are, given their number
    in all. Holm's correction is for all slices that are tested here.
    """
    from scipy.stats import hypergeom

    p_values = [
        float(hypergeom.cdf((correct & rows).sum(), len(correct), correct.sum(), rows.sum())) for rows in inside
    ]
    tests = zip(names, inside, p_values, holm(p_values), strict=True)
    return [SliceResult(name, *_compare(rows, correct, confidence), *p_values) for name, rows, *p_values in tests]


def newcombe_interval(hits: tuple[int, int], rows: tuple[int, int], confidence: float) -> tuple[float, float]:
    """The interval of the first share less the second, of independent samples.

    Method 10 of Newcombe 1998 (Statistics in Medicine 17, 873-890): the Wilson intervals of both, put together.
    """
    from scipy.stats import norm

    z = float(norm.isf((1 - confidence) / 2))
    shares = [hit / row for hit, row in zip(hits, rows, strict=True)]
    (low1, high1), (low2, high2) = (_wilson_interval(share, row, z) for share, row in zip(shares, rows, strict=True))
    difference = shares[0] - shares[1]
    down = math.hypot(shares[0] - low1, high2 - shares[1])
    up = math.hypot(high1 - shares[0], shares[1] - low2)
    return difference - down, difference + up


def _compute_fingerprints(view: ViewContext) -> list[Hashable]:
    """The fingerprint of every row's fields; None where rows have no field that a model reads, and so none repeats."""
    if not view.rows.fields:
        return [None] * len(view.rows)
    return [fingerprint(example) for example in view.rows.examples()]


def _read_clusters(view: ViewContext) -> list[Hashable]:
    """The cluster of every row, None where it has none."""
    table = view.rows.table
    return list(table.column("cluster").to_pylist()) if "cluster" in table.column_names else [None] * table.num_rows


def _ignore_repeated(keys: Sequence[Hashable], ignored: list[str], reason: str, rng: np.random.Generator) -> None:
    """Let one counted row of each key count, drawn at random, and note the reason at the others."""
    rows_by_key: defaultdict[Hashable, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        if key is not None and not ignored[row]:
            rows_by_key[key].append(row)
    for rows in rows_by_key.values():
        if len(rows) > 1:
            representative = rows[rng.integers(len(rows))]
            for row in rows:
                if row != representative:
                    ignored[row] = reason


def _read_confidence(view: ViewContext) -> list[float | None]:
    """The highest probability of every row; None where it has none."""
    probabilities = view.predictions.probabilities
    if probabilities is None:
        return [None] * len(view.rows)
    return [None if np.isnan(row).all() else float(np.nanmax(row)) for row in probabilities]


def _compare(inside: Bools, correct: Bools, confidence: float) -> tuple[int, float, float, float, float]:
    """The number of rows of a slice, the accuracy in it and elsewhere, and the interval of the gap."""
    rows = int(inside.sum()), int((~inside).sum())
    hits = int(correct[inside].sum()), int(correct[~inside].sum())
    return rows[0], hits[0] / rows[0], hits[1] / rows[1], *newcombe_interval(hits[::-1], rows[::-1], confidence)


def _wilson_interval(share: float, rows: int, z: float) -> tuple[float, float]:
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    reach = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return middle - reach, middle + reach
