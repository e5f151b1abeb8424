"""Rights: which rows a model answers rightly, and which have a say in that."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry import DataError, fingerprint

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import numpy.typing as npt

    from mqa_registry import LiveView

    Bools: TypeAlias = npt.NDArray[np.bool_]

UNANSWERED, UNKNOWN = "without an answer", "without a right answer"
REPEATED, CLUSTERED = "saying the same as another row", "of one cluster with another row"


@dataclass(frozen=True)
class Rights:
    """Per row its answer, how sure that was, the right one, whether both are the same, and why it has no say, if so."""

    answers: Sequence[str | None]
    sureness: Sequence[float | None]
    targets: Sequence[str | None]
    right: Bools
    why: Sequence[str]

    @property
    def speaking(self) -> Bools:
        return np.array([not why for why in self.why], dtype=bool)


def rights_of(view: LiveView, rng: np.random.Generator) -> Rights:
    """The rows of a view; of those whose fields say the same, or are of one cluster, one drawn at random has a say.

    A DataError where there are no right answers.
    """
    if "target" not in view.rows.table.column_names:
        raise DataError(
            "the rows have no column `target`, and without right answers no slice is weak",
            hint='map the column with the right answers: `columns = { target = "..." }`',
        )
    predictions = view.predictions
    answers = predictions.answers()
    targets = [_named(value, predictions.classes) for value in view.rows.table.column("target").to_pylist()]
    right = np.array([answer == target for answer, target in zip(answers, targets, strict=True)], dtype=bool)
    why = [
        UNANSWERED if answer is None else UNKNOWN if target is None else ""
        for answer, target in zip(answers, targets, strict=True)
    ]
    for keys, reason in ((_sayings(view), REPEATED), (_clusters(view), CLUSTERED)):
        _thin_out(keys, why, reason, rng)
    return Rights(answers, _sureness(view), targets, right, why)


def _named(value: Any, classes: Sequence[str]) -> str | None:
    """A right answer as the model names it: a label, or its position among the labels."""
    if value is None:
        return None
    name = str(int(value)) if isinstance(value, bool) else str(value)
    if name not in classes and isinstance(value, int) and 0 <= value < len(classes):
        return classes[value]
    if classes and name not in classes:
        known = ", ".join(f"`{label}`" for label in classes[:20])
        raise DataError(f"a row has the target `{name}`, which the model does not know", hint=f"it knows {known}")
    return name


def _sureness(view: LiveView) -> list[float | None]:
    probabilities = view.predictions.probabilities
    if probabilities is None:
        return [None] * len(view.rows)
    return [None if np.isnan(row).all() else float(np.nanmax(row)) for row in probabilities]


def _sayings(view: LiveView) -> list[Hashable]:
    """What every row says, None where rows bring no field that a model reads: that is no repetition."""
    if not view.rows.fields:
        return [None] * len(view.rows)
    return [fingerprint(example) for example in view.rows.examples()]


def _clusters(view: LiveView) -> list[Hashable]:
    """The cluster of every row, None where it has none."""
    table = view.rows.table
    return list(table.column("cluster").to_pylist()) if "cluster" in table.column_names else [None] * table.num_rows


def _thin_out(keys: Sequence[Hashable], why: list[str], reason: str, rng: np.random.Generator) -> None:
    """Leave of the rows that have a say one for each key, and note the reason at the others."""
    together: defaultdict[Hashable, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        if key is not None and not why[row]:
            together[key].append(row)
    for rows in together.values():
        if len(rows) > 1:
            stays = rows[rng.integers(len(rows))]
            for row in rows:
                if row != stays:
                    why[row] = reason
