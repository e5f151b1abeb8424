"""Correctness: which rows a model predicts correctly, and which rows count."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry import DataError, fingerprint

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import numpy.typing as npt

    from mqa_registry import ViewContext

    Bools: TypeAlias = npt.NDArray[np.bool_]

WITHOUT_PREDICTION, WITHOUT_TARGET = "without a prediction", "without a target"
DUPLICATE, SAME_CLUSTER = "saying the same as another row", "of one cluster with another row"


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


def assess_correctness(view: ViewContext, rng: np.random.Generator) -> Correctness:
    """The rows of a view; of those with equal fields, or of one cluster, one drawn at random counts.

    Raises a DataError where there are no targets.
    """
    if "target" not in view.rows.table.column_names:
        raise DataError(
            "the rows have no column `target`, and without targets no slice is weak",
            hint='map the column with the targets: `columns = { target = "..." }`',
        )
    predictions = view.predictions.answers()
    classes = view.predictions.classes
    targets = [_find_target_label(value, classes) for value in view.rows.table.column("target").to_pylist()]
    correct = np.array([one == target for one, target in zip(predictions, targets, strict=True)], dtype=bool)
    ignored = [
        WITHOUT_PREDICTION if one is None else WITHOUT_TARGET if target is None else ""
        for one, target in zip(predictions, targets, strict=True)
    ]
    for keys, reason in ((_compute_fingerprints(view), DUPLICATE), (_read_clusters(view), SAME_CLUSTER)):
        _ignore_repeated(keys, ignored, reason, rng)
    return Correctness(predictions, _read_confidence(view), targets, correct, ignored)


def _find_target_label(value: Any, classes: Sequence[str]) -> str | None:
    """A target as the model names it: a label, or the position of one."""
    if value is None:
        return None
    name = str(int(value)) if isinstance(value, bool) else str(value)
    if name not in classes and isinstance(value, int) and 0 <= value < len(classes):
        return classes[value]
    if classes and name not in classes:
        listed = ", ".join(f"`{label}`" for label in classes[:20])
        raise DataError(f"a row has the target `{name}`, which the model does not know", hint=f"it knows {listed}")
    return name


def _read_confidence(view: ViewContext) -> list[float | None]:
    """The highest probability of every row; None where it has none."""
    probabilities = view.predictions.probabilities
    if probabilities is None:
        return [None] * len(view.rows)
    return [None if np.isnan(row).all() else float(np.nanmax(row)) for row in probabilities]


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
