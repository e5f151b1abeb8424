"""What a backend's outputs mean for a classifier: logits, or what an export made of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import DataError, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Floats: TypeAlias = npt.NDArray[np.float64]

LOGITS = "logits"
SUM_SLACK = 1e-2  # how far probabilities are off 1 in sum: rounding in bfloat16
SLACK = 1e-3  # how far one of them is off [0, 1]


def reading_of(labels: Sequence[str], outputs: Arrays, rows: Sequence[Arrays]) -> Reading | None:
    """How the only output of a backend is decoded, by its values for some rows; None where it holds logits.

    An output called `logits` holds logits, whatever its values.
    """
    if len(outputs) != 1 or LOGITS in outputs:
        return None
    name, values = next(iter(outputs.items()))
    if values.shape in {(len(rows),), (len(rows), 1)}:
        return _of_one_column(labels, name, values)
    if values.shape != (len(rows), len(labels)) or values.dtype.kind != "f":
        return None
    sound = values[np.isfinite(values).all(axis=1)]
    if not len(sound) or not _within_unit(sound):
        return None
    if _sums_to_one(sound):
        return Reading(
            partial(_decode_probabilities, labels, name),
            f"probabilities: the rows of `{name}` sum to 1, and it is used as it is",
        )
    return Reading(
        partial(_decode_scores, labels, name),
        f"one score for each label: `{name}` lies in [0, 1] and its rows do not sum to 1, so the label of the highest score"
        " is used, and no probabilities (an output called `logits` is read as logits)",
    )


def _of_one_column(labels: Sequence[str], name: str, values: npt.NDArray[Any]) -> Reading | None:
    if values.dtype.kind in "iu" and ((values >= 0) & (values < len(labels))).all():
        return Reading(
            partial(_decode_positions, labels, name), f"labels: `{name}` has the position of one, and no probabilities"
        )
    if len(labels) == 2 and values.dtype.kind == "f" and _within_unit(values[np.isfinite(values)]):
        return Reading(
            partial(_decode_positive, labels, name), f"the probability of `{labels[1]}`, which `{name}` has alone"
        )
    return None


def _within_unit(values: npt.NDArray[Any]) -> bool:
    return bool(((values >= -SLACK) & (values <= 1 + SLACK)).all())


def _sums_to_one(values: npt.NDArray[Any]) -> bool:
    return bool((np.abs(values.sum(axis=1, dtype=np.float64) - 1) <= SUM_SLACK).all())


def _decode_probabilities(labels: Sequence[str], name: str, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
    values = _column(outputs, name, len(rows), len(labels))
    sound = values[np.isfinite(values).all(axis=1)]
    if not (_within_unit(sound) and _sums_to_one(sound)):
        raise DataError(f"the output `{name}` has rows that sum to 1, and others that do not")
    return decoded(labels, np.clip(values, 0.0, 1.0))


def _decode_positive(labels: Sequence[str], name: str, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
    positive = _column(outputs, name, len(rows), 1)[:, 0]
    if not _within_unit(positive[np.isfinite(positive)]):
        raise DataError(f"the output `{name}` has values in [0, 1], and others that are not")
    positive = np.clip(positive, 0.0, 1.0)
    return decoded(labels, np.column_stack([1 - positive, positive]))


def _decode_scores(labels: Sequence[str], name: str, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
    return decoded(labels, _column(outputs, name, len(rows), len(labels))).select(["label"])


def _decode_positions(labels: Sequence[str], name: str, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
    positions = _column(outputs, name, len(rows), 1)[:, 0]
    if not ((positions >= 0) & (positions < len(labels))).all():
        raise DataError(f"the output `{name}` has positions beyond the {len(labels)} labels of the model")
    return pa.table({"label": pa.array(labels, pa.string()).take(pa.array(positions.astype(np.int64)))})


def _column(outputs: Arrays, name: str, rows: int, width: int) -> Floats:
    values = outputs[name]
    if values.size != rows * width:
        raise DataError(f"the output `{name}` has the shape {values.shape} for {rows} rows")
    return values.reshape(rows, width).astype(np.float64)


def decoded(labels: Sequence[str], probabilities: Floats) -> pa.Table:
    """The likeliest label and all probabilities of each row, shape (rows, labels); nulls where one is NaN or infinite."""
    answered = np.asarray(np.isfinite(probabilities).all(axis=1))
    whole = np.where(answered[:, None], probabilities, 0.0)
    names = pa.array(labels, pa.string()).take(pa.array(whole.argmax(axis=1)))
    edges = np.arange(len(whole) + 1, dtype=np.int32) * len(labels)
    lists = pa.ListArray.from_arrays(edges, whole.ravel(), mask=pa.array(~answered))
    return pa.table({"label": pa.array(names.to_pylist(), pa.string(), mask=~answered), "probability": lists})
