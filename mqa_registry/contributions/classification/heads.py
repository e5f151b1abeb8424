"""The heads of a classifier: what its outputs are for a row, one class, any number of labels, or a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mqa_registry.contributions import OutputReading
from mqa_registry.contributions.classification.outputs import (
    LOGITS,
    decode_logits,
    find_logits,
    find_output,
    infer_reading,
    is_within_unit,
    reshape_output,
)
from mqa_registry.contributions.classification.problem_type import MULTI_LABEL, REGRESSION, ProblemType
from mqa_registry.errors import DataError

if TYPE_CHECKING:
    Floats: TypeAlias = npt.NDArray[np.float64]

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
Threshold: TypeAlias = "float | Mapping[str, float]"

DEFAULT_THRESHOLD = 0.5


class ClassifierHead(Protocol):
    """How the outputs of a classifier are read."""

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        """The model's own outputs as predictions, without `id`; null in a row where one is NaN or infinite."""

    def infer_reading(self, outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
        """How the outputs of a backend are decoded, by their values for some rows; None where they are the model's own."""


@dataclass(frozen=True)
class SingleLabelHead:
    """One class a row: the likeliest by a softmax of the logits."""

    labels: tuple[str, ...]

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        return decode_logits(self.labels, outputs, rows)

    def infer_reading(self, outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
        return infer_reading(self.labels, outputs, rows)


@dataclass(frozen=True)
class MultiLabelHead:
    """Any number of labels a row: those whose probability, a sigmoid of their logit, is not below their threshold.

    `thresholds` has one for each label.
    """

    labels: tuple[str, ...]
    thresholds: tuple[float, ...]

    @classmethod
    def of(cls, labels: Sequence[str], threshold: Threshold | None) -> MultiLabelHead:
        """A head with a threshold for all labels, or one for some of them by name; a DataError where one makes no sense."""
        given = {} if threshold is None else threshold
        by_label = dict(given) if isinstance(given, Mapping) else dict.fromkeys(labels, given)
        if unknown := sorted(by_label.keys() - set(labels)):
            raise DataError(
                f"`threshold` names the label `{unknown[0]}`, which the model has not",
                hint=f"it has {', '.join(f'`{label}`' for label in labels)}",
            )
        thresholds = tuple(by_label.get(label, DEFAULT_THRESHOLD) for label in labels)
        if wrong := [value for value in thresholds if not 0 < value < 1]:
            raise DataError(f"a `threshold` of {wrong[0]:g} is no probability between 0 and 1")
        return cls(tuple(labels), thresholds)

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        logits = find_logits(outputs, (len(rows), len(self.labels)))
        is_finite = np.asarray(np.isfinite(logits).all(axis=1))[:, None]
        return self._decode(np.where(is_finite, _sigmoid(np.where(is_finite, logits, 0.0)), np.nan))

    def infer_reading(self, outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
        """Probabilities or labels, of the output that is there in place of `logits`; whatever its values, one so called has logits."""
        name = find_output(outputs)
        if not name:
            return None
        values = outputs[name]
        if values.shape != (len(rows), len(self.labels)):
            return None
        if values.dtype.kind in "iub" and np.isin(values, (0, 1)).all():
            meaning = f"labels: `{name}` is 1 for those that a row has, and there are no probabilities"
            return OutputReading(partial(self._decode_indicator, name), meaning)
        finite = values[np.isfinite(values).all(axis=1)]
        if values.dtype.kind != "f" or not len(finite) or not is_within_unit(finite):
            return None
        meaning = f"probabilities: `{name}` lies in [0, 1], and it is used unchanged"
        return OutputReading(partial(self._decode_probabilities, name), meaning)

    def _decode(self, probabilities: Floats) -> pa.Table:
        """Probabilities, shape (rows, labels), as predictions."""
        is_finite = np.asarray(np.isfinite(probabilities).all(axis=1))
        values = np.where(is_finite[:, None], probabilities, 0.0)
        lists = pa.FixedSizeListArray.from_arrays(values.ravel(), len(self.labels), mask=pa.array(~is_finite))
        has_label = is_finite[:, None] & (values >= np.array(self.thresholds))
        return pa.table(
            {"labels": self._label_lists(has_label, is_finite), "probability": lists.cast(PROBABILITY_LIST)}
        )

    def _decode_probabilities(self, name: str, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        values = reshape_output(outputs, name, len(rows), len(self.labels))
        if not is_within_unit(values[np.isfinite(values)]):
            raise DataError(f"the output `{name}` has values in [0, 1], and others that are not")
        return self._decode(np.clip(values, 0.0, 1.0))

    def _decode_indicator(self, name: str, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        values = reshape_output(outputs, name, len(rows), len(self.labels))
        if not np.isin(values, (0, 1)).all():
            raise DataError(f"the output `{name}` has values of 0 and 1, and others that are not")
        return pa.table({"labels": self._label_lists(values == 1, np.ones(len(rows), bool))})

    def _label_lists(self, has_label: npt.NDArray[np.bool_], is_finite: npt.NDArray[np.bool_]) -> pa.Array:
        """The labels of each row in the order of the outputs, shape (rows, labels) to lists; null where it is not finite."""
        names = pa.array(self.labels, pa.string()).take(pa.array(np.nonzero(has_label)[1]))
        offsets = np.concatenate([[0], np.cumsum(has_label.sum(axis=1))]).astype(np.int32)
        return pa.ListArray.from_arrays(offsets, names, mask=pa.array(~is_finite))


@dataclass(frozen=True)
class RegressionHead:
    """A number a row: the only output, as it is."""

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        values = self._find_values(outputs, len(rows))
        return pa.table({"value": pa.array(values, pa.float64(), mask=~np.isfinite(values))})

    def infer_reading(self, outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
        return None

    def _find_values(self, outputs: Arrays, n_rows: int) -> Floats:
        """The logits, or the only output, of shape (rows, 1) or (rows,), as (rows,)."""
        values = outputs.get(LOGITS)
        if values is not None and values.shape == (n_rows,):
            return values.astype(np.float64)
        if values is None and len(outputs) == 1 and next(iter(outputs.values())).shape == (n_rows,):
            return next(iter(outputs.values())).astype(np.float64)
        return find_logits(outputs, (n_rows, 1))[:, 0]


def make_head(problem: ProblemType, labels: Sequence[str], threshold: Threshold | None) -> ClassifierHead:
    """How the outputs of a model for such a problem are read; a DataError for thresholds that are not of its labels."""
    if problem == MULTI_LABEL:
        return MultiLabelHead.of(labels, threshold)
    return RegressionHead() if problem == REGRESSION else SingleLabelHead(tuple(labels))


PROBABILITY_LIST = pa.list_(pa.float64())


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -logits)))
