"""Examples: the rows that a person should look at to believe a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.data import schema_named
from mqa_registry.judging.sample import positions_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry.data import Predictions, Rows
    from mqa_registry.judging.reading import Reading
    from mqa_registry.judging.sample import Positions

EXAMPLES = 5
PICKED = 20  # of those that a comparison picked


def examples_of(
    reading: Reading, seen: Rows, undisturbed: Rows, picked: Sequence[Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """The rows that speak most against the check: answers that differ from the target or the reference, surest first.

    Where a comparison `picked` rows, those of them that were read, with what it says of each.
    """
    if picked is None:
        return _shown(reading, _worst(reading), seen, undisturbed)
    named = pa.chunked_array([pa.array([row["id"] for row in picked], pa.string())])
    places = positions_of(named, reading.sample.predictions.ids)
    there = np.flatnonzero(places >= 0)[:PICKED]
    shown = _shown(reading, places[there], seen, undisturbed)
    said = (picked[place] for place in there)
    return [row | {key: more[key] for key in more if key not in row} for row, more in zip(shown, said, strict=True)]


def _worst(reading: Reading) -> Positions:
    wrong = np.flatnonzero(_wrong(reading))
    return wrong[np.argsort(-_sureness(reading.sample.predictions)[wrong], kind="stable")][:EXAMPLES]


def _shown(reading: Reading, rows: Positions, seen: Rows, undisturbed: Rows) -> list[dict[str, Any]]:
    """These rows, as they are and as the model saw them, with the answers."""
    ids = reading.sample.predictions.ids.take(pa.array(rows))
    shown = seen.table.take(positions_of(ids, seen.ids)).select(seen.fields).to_pylist()
    before = undisturbed.table.take(reading.sample.places[rows]).select(undisturbed.fields).to_pylist()
    return [
        _example(reading, int(row), name, fields, disturbed)
        for row, name, fields, disturbed in zip(rows, ids.to_pylist(), before, shown, strict=True)
    ]


def _wrong(reading: Reading) -> npt.NDArray[np.bool_]:
    """Rows that are answered wrongly; held against a reference, those of them that it answers otherwise."""
    sample = reading.sample
    reference = reading.reference if reading.paired else None
    wrong = np.full(len(sample), schema_named(sample.predictions.schema).is_exact)
    if sample.targets is not None and not reading.compares:
        wrong &= _differ(sample.predictions, sample.targets)
    if reference is not None:
        wrong &= _differ(sample.predictions, reference.predictions)
    return wrong


def _differ(predictions: Predictions, others: Predictions) -> npt.NDArray[np.bool_]:
    if predictions.schema == "label":
        return np.asarray(predictions.codes != others.codes)
    pairs = zip(predictions.answers(), others.answers(), strict=True)
    return np.array([one != two for one, two in pairs], dtype=bool)


def _sureness(predictions: Predictions) -> npt.NDArray[np.float64]:
    probabilities = predictions.probabilities
    return np.zeros(len(predictions)) if probabilities is None else np.nan_to_num(probabilities.max(axis=1))


def _example(reading: Reading, row: int, name: str, fields: Any, disturbed: Any) -> dict[str, Any]:
    sample, reference = reading.sample, reading.reference
    example: dict[str, Any] = {"id": name, "fields": fields}
    if disturbed != fields:
        example["disturbed"] = disturbed
    if sample.targets is not None:
        example["target"] = sample.targets.main[row].as_py()
    example["prediction"] = sample.predictions.main[row].as_py()
    if sample.predictions.probabilities is not None:
        example["probability"] = round(float(_sureness(sample.predictions)[row]), 4)
    if reference is not None and reading.paired:
        example["reference"] = reference.predictions.main[row].as_py()
    return example
