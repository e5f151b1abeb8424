"""Examples: the rows that a person should look at to believe a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.judging.samples import positions_of
from mqa_registry.types import schema_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judging.groups import Positions
    from mqa_registry.judging.samples import MeasureInputs
    from mqa_registry.stats.estimates import Bools, Floats
    from mqa_registry.types import Predictions, Rows

MAX_EXAMPLES = 5
MAX_PICKED_EXAMPLES = 20  # of those that a comparison picked


def select_examples(
    inputs: MeasureInputs, seen: Rows, unperturbed: Rows, picked: Sequence[Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """The rows that speak most against the check: predictions that differ from target or reference, surest first.

    Where a comparison `picked` rows, those of them that were read, with what it says of each. `seen` are the rows as
    the model saw them.
    """
    if picked is None:
        return _describe_rows(inputs, _surest_wrong_rows(inputs), seen, unperturbed)
    ids = pa.chunked_array([pa.array([row["id"] for row in picked], pa.string())])
    positions = positions_of(ids, inputs.sample.predictions.ids)
    found = np.flatnonzero(positions >= 0)[:MAX_PICKED_EXAMPLES]
    rows = _describe_rows(inputs, positions[found], seen, unperturbed)
    remarks = (picked[number] for number in found)
    return [row | {key: more[key] for key in more if key not in row} for row, more in zip(rows, remarks, strict=True)]


def _surest_wrong_rows(inputs: MeasureInputs) -> Positions:
    wrong = np.flatnonzero(_is_wrong(inputs))
    return wrong[np.argsort(-_confidences(inputs.sample.predictions)[wrong], kind="stable")][:MAX_EXAMPLES]


def _describe_rows(inputs: MeasureInputs, rows: Positions, seen: Rows, unperturbed: Rows) -> list[dict[str, Any]]:
    """These rows, as they are and as the model saw them, with the predictions."""
    ids = inputs.sample.predictions.ids.take(pa.array(rows))
    perturbed = seen.table.take(positions_of(ids, seen.ids)).select(seen.fields).to_pylist()
    before = unperturbed.table.take(inputs.sample.row_indices[rows]).select(unperturbed.fields).to_pylist()
    return [
        _describe_row(inputs, int(row), name, fields, perturbed_fields)
        for row, name, fields, perturbed_fields in zip(rows, ids.to_pylist(), before, perturbed, strict=True)
    ]


def _is_wrong(inputs: MeasureInputs) -> Bools:
    """Rows that are predicted wrongly; held against a reference, those of them that it predicts otherwise."""
    sample = inputs.sample
    reference = inputs.reference if inputs.is_paired else None
    wrong = np.full(len(sample), schema_named(sample.predictions.schema).is_exact)
    if sample.targets is not None and not inputs.is_comparison:
        wrong &= _differ(sample.predictions, sample.targets)
    if reference is not None:
        wrong &= _differ(sample.predictions, reference.predictions)
    return wrong


def _differ(predictions: Predictions, others: Predictions) -> Bools:
    if predictions.schema == "label":
        return np.asarray(predictions.codes != others.codes)
    pairs = zip(predictions.answers(), others.answers(), strict=True)
    return np.array([one != two for one, two in pairs], dtype=bool)


def _confidences(predictions: Predictions) -> Floats:
    """The probability of the predicted class, shape (rows,); 0 where there is none."""
    probabilities = predictions.probabilities
    return np.zeros(len(predictions)) if probabilities is None else np.nan_to_num(probabilities.max(axis=1))


def _describe_row(inputs: MeasureInputs, row: int, name: str, fields: Any, perturbed: Any) -> dict[str, Any]:
    sample, reference = inputs.sample, inputs.reference
    example: dict[str, Any] = {"id": name, "fields": fields}
    if perturbed != fields:
        example["disturbed"] = perturbed
    if sample.targets is not None:
        example["target"] = sample.targets.main[row].as_py()
    example["prediction"] = sample.predictions.main[row].as_py()
    if sample.predictions.probabilities is not None:
        example["probability"] = round(float(_confidences(sample.predictions)[row]), 4)
    if reference is not None and inputs.is_paired:
        example["reference"] = reference.predictions.main[row].as_py()
    return example
