"""What the outputs of a classifier mean: logits, or the probabilities, scores or labels that an export made of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.contributions import OutputReading
from mqa_registry.errors import DataError
from mqa_registry.naming import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Floats: TypeAlias = npt.NDArray[np.float64]

LOGITS = "logits"
PROBABILITIES = "probabilities"  # what converters of scikit-learn call them, next to an output with the label
SUM_TOLERANCE = 1e-2  # how far the sum of probabilities may be from 1: rounding in bfloat16
UNIT_TOLERANCE = 1e-3  # how far a probability may be outside of [0, 1]


def decode_logits(labels: Sequence[str], outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
    """The likeliest label and all probabilities of each row; nulls where a logit is NaN or infinite."""
    logits = find_logits(outputs, (len(rows), len(labels)))
    is_finite = np.asarray(np.isfinite(logits).all(axis=1))[:, None]
    return label_table(labels, np.where(is_finite, _softmax(np.where(is_finite, logits, 0.0)), np.nan))


def infer_reading(labels: Sequence[str], outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
    """How the output of a backend is decoded, by its values for some rows; None where it holds logits.

    It is the one called `probabilities`, else the only one. One called `logits` holds logits, whatever its values.
    """
    name = find_output(outputs)
    if not name:
        return None
    values = outputs[name]
    if values.shape in {(len(rows),), (len(rows), 1)}:
        return _infer_from_column(labels, name, values)
    if values.shape != (len(rows), len(labels)) or values.dtype.kind != "f":
        return None
    finite = values[np.isfinite(values).all(axis=1)]
    if not len(finite) or not is_within_unit(finite):
        return None
    if _sums_to_one(finite):
        return OutputReading(
            partial(_decode_probabilities, labels, name),
            f"probabilities: the rows of `{name}` sum to 1, and it is used unchanged",
        )
    return OutputReading(
        partial(_decode_scores, labels, name),
        f"one score for each label: `{name}` lies in [0, 1] and its rows do not sum to 1, so the label of the highest score"
        " is used, and no probabilities (an output called `logits` is read as logits)",
    )


def find_output(outputs: Arrays) -> str:
    """The name of the output that a backend gives in place of logits; empty where there are logits, or several others."""
    if LOGITS in outputs:
        return ""
    if PROBABILITIES in outputs:
        return PROBABILITIES
    return next(iter(outputs)) if len(outputs) == 1 else ""


def label_table(labels: Sequence[str], probabilities: Floats) -> pa.Table:
    """Probabilities, shape (rows, labels), as predictions: the likeliest label of each row, and all probabilities.

    Both are null in a row where a probability is NaN or infinite.
    """
    is_finite = np.asarray(np.isfinite(probabilities).all(axis=1))
    values = np.where(is_finite[:, None], probabilities, 0.0)
    names = pa.array(labels, pa.string()).take(pa.array(values.argmax(axis=1)))
    offsets = np.arange(len(values) + 1, dtype=np.int32) * len(labels)
    lists = pa.ListArray.from_arrays(offsets, values.ravel(), mask=pa.array(~is_finite))
    return pa.table({"label": pa.array(names.to_pylist(), pa.string(), mask=~is_finite), "probability": lists})


def find_logits(outputs: Arrays, shape: tuple[int, int]) -> Floats:
    """The output `logits`, else the only one, in float64; a DataError where it has not the shape (rows, labels)."""
    logits = outputs.get(LOGITS)
    if logits is None and len(outputs) == 1:
        logits = next(iter(outputs.values()))  # the only output of an ONNX file, whatever its name
    if logits is None:
        raise DataError(f"the model has no output `logits`; it has {', '.join(f'`{name}`' for name in outputs)}")
    if logits.shape != shape:
        rows, labels = shape
        raise DataError(
            f"the model gives logits of shape {logits.shape} for {counted(rows, 'row')}, and its configuration names {counted(labels, 'label')}"
        )
    return logits.astype(np.float64)


def _softmax(logits: Floats) -> Floats:
    powers: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _infer_from_column(labels: Sequence[str], name: str, values: npt.NDArray[Any]) -> OutputReading | None:
    """How one number a row is decoded: as the index of a label, or as the probability of the second of two."""
    if values.dtype.kind in "iu" and ((values >= 0) & (values < len(labels))).all():
        return OutputReading(
            partial(_decode_indices, labels, name), f"labels: `{name}` has the index of one, and no probabilities"
        )
    if len(labels) == 2 and values.dtype.kind == "f" and is_within_unit(values[np.isfinite(values)]):
        return OutputReading(
            partial(_decode_positive, labels, name), f"the probability of `{labels[1]}`, the only class in `{name}`"
        )
    return None


def is_within_unit(values: npt.NDArray[Any]) -> bool:
    """Whether all values may be probabilities."""
    return bool(((values >= -UNIT_TOLERANCE) & (values <= 1 + UNIT_TOLERANCE)).all())


def _sums_to_one(values: npt.NDArray[Any]) -> bool:
    return bool((np.abs(values.sum(axis=1, dtype=np.float64) - 1) <= SUM_TOLERANCE).all())


def _decode_probabilities(labels: Sequence[str], name: str, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
    values = reshape_output(outputs, name, len(rows), len(labels))
    finite = values[np.isfinite(values).all(axis=1)]
    if not (is_within_unit(finite) and _sums_to_one(finite)):
        raise DataError(f"the output `{name}` has rows that sum to 1, and others that do not")
    return label_table(labels, np.clip(values, 0.0, 1.0))


def _decode_positive(labels: Sequence[str], name: str, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
    positive = reshape_output(outputs, name, len(rows), 1)[:, 0]
    if not is_within_unit(positive[np.isfinite(positive)]):
        raise DataError(f"the output `{name}` has values in [0, 1], and others that are not")
    positive = np.clip(positive, 0.0, 1.0)
    return label_table(labels, np.column_stack([1 - positive, positive]))


def _decode_scores(labels: Sequence[str], name: str, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
    return label_table(labels, reshape_output(outputs, name, len(rows), len(labels))).select(["label"])


def _decode_indices(labels: Sequence[str], name: str, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
    indices = reshape_output(outputs, name, len(rows), 1)[:, 0]
    if not ((indices >= 0) & (indices < len(labels))).all():
        raise DataError(f"the output `{name}` has indices beyond the {len(labels)} labels of the model")
    return pa.table({"label": pa.array(labels, pa.string()).take(pa.array(indices.astype(np.int64)))})


def reshape_output(outputs: Arrays, name: str, rows: int, width: int) -> Floats:
    """An output in float64, shape (rows, width); a DataError where it has another number of values."""
    values = outputs[name]
    if values.size != rows * width:
        raise DataError(f"the output `{name}` has the shape {values.shape} for {rows} rows")
    return values.reshape(rows, width).astype(np.float64)
