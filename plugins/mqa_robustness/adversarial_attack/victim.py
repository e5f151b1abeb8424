"""The victim: a model that an attack can only query, in batches, and its predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry import MqaError, NotRunError, OutOfMemoryError, shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Batching, Codec, Example, ProbeContext, ViewContext

    EncodedRow: TypeAlias = Mapping[str, npt.NDArray[Any]]

ENCODED_AT_ONCE = 2048  # rows


@dataclass(frozen=True)
class Prediction:
    """The label that the model gives one row, None where it gives NaN or Inf, and its probabilities, if it has any."""

    label: str | None
    probabilities: Mapping[str, float]

    def probability_of(self, label: str | None) -> float:
        """The probability of a label; of a model without probabilities 1 for its own label, and 0 for any other."""
        if self.label is None:
            return 0.0
        return self.probabilities.get(label or "", float(self.label == label))

    @property
    def confidence(self) -> float | None:
        """The probability of the predicted label."""
        return self.probabilities.get(self.label or "")


@dataclass(frozen=True)
class Victim:
    """A runner with the codec of its task: all that an attack knows of a model."""

    view: ViewContext
    codec: Codec
    labels: tuple[str, ...]
    batching: Batching

    def predict(self, row_ids: Sequence[str], examples: Sequence[Example]) -> list[Prediction]:
        """The prediction for each example; `row_ids` are those of the rows that the examples are edits of.

        Equal encodings are run once. An MqaError names the row where the model fails.
        """
        predictions: list[Prediction] = []
        for start in range(0, len(examples), ENCODED_AT_ONCE):
            part = slice(start, start + ENCODED_AT_ONCE)
            predictions += self._predict_encoded(row_ids[part], self.codec.encode(examples[part]))
        return predictions

    def _predict_encoded(self, row_ids: Sequence[str], rows: Sequence[EncodedRow]) -> list[Prediction]:
        keys = [_make_encoding_key(row) for row in rows]
        distinct = {key: (row_id, row) for key, row_id, row in zip(keys, row_ids, rows, strict=True)}
        batches = self.batching.batches(
            sorted(distinct, key=lambda key: -self.codec.cost(distinct[key][1])),
            self.view.runner.budget,
            size=lambda key: self.codec.cost(distinct[key][1]),
            shape=lambda key: shapes(distinct[key][1]),
        )
        predictions: dict[bytes, Prediction] = {}
        for batch in batches:
            predictions |= zip(batch, self._run([distinct[key] for key in batch]), strict=True)
        return [predictions[key] for key in keys]

    def _run(self, batch: Sequence[tuple[str, EncodedRow]]) -> list[Prediction]:
        rows = [row for _, row in batch]
        try:
            outputs = self.view.runner.run(self.codec.collate(rows))
        except OutOfMemoryError:
            if len(batch) == 1:
                raise
            middle = len(batch) // 2
            return self._run(batch[:middle]) + self._run(batch[middle:])
        except MqaError:
            raise
        except Exception as error:
            if len(batch) == 1:
                raise MqaError(
                    f"backend `{self.view.backend}` fails on row `{batch[0][0]}` or an edit of it: {type(error).__name__}: {error}",
                    hint="can the model read such a text alone?",
                ) from error
            return [prediction for row in batch for prediction in self._run([row])]
        return list(self._to_predictions(self.codec.decode(outputs, rows).to_pylist()))

    def _to_predictions(self, decoded: Sequence[Mapping[str, Any]]) -> Iterator[Prediction]:
        for row in decoded:
            probabilities = row.get("probability") or ()
            named = dict(zip(self.labels, probabilities, strict=True)) if probabilities else {}
            yield Prediction(row["label"], named)


def make_victim(context: ProbeContext, view: ViewContext) -> Victim:
    """A view's runner as a victim; raises a NotRunError where it is no classifier of one label a row."""
    if context.model_under_test is None:
        raise NotRunError("there is no model to attack", hint="give the suite a `[model]`")
    task = context.model_under_test.task
    if task.schema != "label":
        raise NotRunError(
            f"an attack needs a model that gives a row one label, and `{task.name}` gives {task.schema}",
            hint="attack a model for classification",
        )
    return Victim(
        view, view.codec or context.model_under_test.codec, context.model_under_test.model.labels, context.batching
    )


def _make_encoding_key(row: EncodedRow) -> bytes:
    """Names, types, shapes and values of an encoded row as bytes, equal for equal rows alone."""
    parts = [(name, row[name].dtype.str, row[name].shape) for name in sorted(row)]
    return repr(parts).encode() + b"".join(np.ascontiguousarray(row[name]).tobytes() for name in sorted(row))
