"""Batch invariance: whether the prediction of a row is the same in every batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.contributions import Generation, RunnerFacts
from mqa_registry.contributions.backend import Batching, shapes
from mqa_registry.errors import ContributionError, OutOfMemoryError, summarize_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import Codec
    from mqa_registry.contributions.task import Batch, Encoded, Outputs
    from mqa_registry.types import Example

    Values: TypeAlias = Mapping[str, npt.NDArray[Any]]

QUANTILES = (0.0, 0.2, 0.4, 0.6)  # of the rows by cost: those that are run; larger ones would take most of the time
BATCH_ROWS = 3  # of equal length
MAX_ROUNDINGS = 200  # sound models of 26 architectures move by 9 roundings at most
MAX_TOLERANCE = 0.25  # of the largest value: 32 roundings of bfloat16
EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
TF32_EPS = 2.0**-10


@dataclass(frozen=True)
class _BatchedModel:
    """A model that can be run on rows. `tolerance` is relative to the largest value of an output."""

    codec: Codec
    run: Callable[[Batch], Outputs]
    tolerance: float

    def predict_singly(self, rows: Sequence[Encoded]) -> list[Values]:
        """The outputs and predictions of each row in a batch of one."""
        return [self.predict_batch([row])[0] for row in rows]

    def predict_batch(self, rows: Sequence[Encoded]) -> list[Values]:
        """The outputs and predictions of each of these rows in one batch."""
        outputs = _comparable_outputs(self.codec, self.run(self.codec.collate(rows)))
        # Of parts of rows, and of one step, there is nothing to decode.
        whole = self.codec.run_mode is None and not self.codec.splits
        decoded = self.codec.decode(outputs, rows).to_pydict() if whole else {}
        return [_row_values(outputs, decoded, index, len(rows)) for index in range(len(rows))]

    def shift(self, one: Sequence[Values], other: Sequence[Values]) -> float:
        """The largest difference of an output, relative to its largest value; 0 within the tolerance."""
        largest = max((_relative_difference(name, one, other) for name in one[0]), default=0.0)
        return largest if largest > self.tolerance else 0.0


def batch_invariance(
    codec: Codec, rows: Sequence[Encoded], run: Callable[[Batch], Outputs], facts: RunnerFacts | None = None
) -> Batching | None:
    """The batching rule by which a row is predicted as in a batch of one, measured by a few forward passes.

    `rows` are encoded rows to choose from, or the parts of rows where the codec splits them, `run` maps a batch to outputs,
    `facts` are those of the runner: its precision gives the size of a rounding. None where it cannot be measured: there is no row, or the model fails on
    single rows or does not repeat its own predictions.
    """
    model = _BatchedModel(codec, run, _tolerance(facts or RunnerFacts()))
    if not rows:
        return None
    chosen = _choose_by_cost(codec, rows)
    try:
        single = model.predict_singly(chosen)
    except Exception:  # predicting the rows of the run fails too, and reports it
        return None
    batched = _try_batch(model, chosen)
    if isinstance(batched, OutOfMemoryError):
        return None
    if isinstance(batched, list):
        shift = model.shift(single, batched)
        if not shift:
            return Batching()
        reason = f"outputs move by up to {_describe_shift(shift)} when a row is padded"
    else:
        reason = f"the model does not take rows of different lengths at once ({summarize_error(batched)})"
    if not _is_repeatable(model, chosen, single):
        return None
    return _rule_without_padding(model, _group_by_shape(rows), reason)


def shift_of_padding(
    codec: Codec, padded: Codec, examples: Sequence[Example], run: Callable[[Batch], Outputs], facts: RunnerFacts
) -> str:
    """How far outputs move when rows are padded to the fixed length of the codec `padded`, as text; empty within rounding.

    `codec` encodes the same rows without padding.
    """
    try:
        pairs = zip(codec.encode(examples), padded.encode(examples), strict=True)
        fitting = [(row, other) for row, other in pairs if codec.cost(row) < (padded.length or 0)]
        chosen = [fitting[0], fitting[-1]] if fitting else []
        if not chosen:
            return ""
        as_is, filled = (_BatchedModel(one, run, _tolerance(facts)) for one in (codec, padded))
        unpadded = as_is.predict_singly([row for row, _ in chosen])
        shift = as_is.shift(unpadded, filled.predict_singly([row for _, row in chosen]))
    except Exception:  # predicting the rows of the run fails too, and reports it
        return ""
    return f"outputs move by up to {_describe_shift(shift)}" if shift else ""


def _comparable_outputs(codec: Codec, outputs: Outputs) -> Outputs:
    """The outputs that a prediction is made of: of the first step of a generation the logits of the next token."""
    mode = codec.run_mode
    if not isinstance(mode, Generation) or mode.logits not in outputs:
        return outputs
    logits = outputs[mode.logits]
    return {mode.logits: logits if logits.ndim == 2 else logits[:, -1]}


def _rule_without_padding(model: _BatchedModel, groups: Sequence[Sequence[Encoded]], reason: str) -> Batching:
    """Batches of equal length, or of one row where equal lengths do not help. `reason` is what padding does."""
    for group in groups:
        batched = _try_batch(model, group)
        if not isinstance(batched, list):
            return Batching(
                "single",
                f"the model does not take more than one row ({summarize_error(batched)})",
                takes_batches=False,
            )
        if shift := model.shift(model.predict_singly(group), batched):
            return Batching("single", f"outputs move by up to {_describe_shift(shift)} with the other rows of a batch")
    return Batching("equal length", reason)


def _try_batch(model: _BatchedModel, rows: Sequence[Encoded]) -> list[Values] | Exception:
    """The values of each row in one batch, or the error of the model."""
    try:
        return model.predict_batch(rows)
    except ContributionError as error:  # models refuse batches with any kind of error
        return error.__cause__ if isinstance(error.__cause__, Exception) else error
    except Exception as error:
        return error


def _is_repeatable(model: _BatchedModel, rows: Sequence[Encoded], single: Sequence[Values]) -> bool:
    """Whether single rows give the same values again. Where they do not, differences in a batch are not due to it."""
    try:
        return not model.shift(single, model.predict_singly(rows))
    except Exception:  # as for the first time
        return False


def _choose_by_cost(codec: Codec, rows: Sequence[Encoded]) -> list[Encoded]:
    """Rows at some quantiles of the cost; the largest too where those have all one cost. At least two, or one twice."""
    ordered = sorted(rows, key=codec.cost)
    indices = dict.fromkeys(round(quantile * (len(ordered) - 1)) for quantile in QUANTILES)
    chosen = [ordered[index] for index in indices]
    if codec.cost(chosen[0]) == codec.cost(chosen[-1]) < codec.cost(ordered[-1]):
        chosen.append(ordered[-1])
    return chosen if len(chosen) > 1 else chosen * 2


def _group_by_shape(rows: Sequence[Encoded]) -> list[list[Encoded]]:
    """The two largest groups of rows with arrays of the same shapes; where all shapes differ, copies of the first row."""
    groups: dict[Any, list[Encoded]] = {}
    for row in rows:
        groups.setdefault(shapes(row), []).append(row)
    several = sorted((group for group in groups.values() if len(group) > 1), key=len, reverse=True)
    return [group[:BATCH_ROWS] for group in several[:2]] or [[rows[0]] * BATCH_ROWS]


def _row_values(outputs: Outputs, decoded: Mapping[str, Sequence[Any]], index: int, rows: int) -> Values:
    """The values of one row: its part of every float output whose first axis is the rows, and of the predictions."""
    raw = {
        f"output {name}": np.asarray(values[index], np.float64)
        for name, values in outputs.items()
        if values.ndim and len(values) == rows and values.dtype.kind == "f"
    }
    return raw | {
        key: array for name, column in decoded.items() for key, array in _prediction_values(name, column[index]).items()
    }


def _prediction_values(name: str, prediction: Any) -> Values:
    """The values of one column of a prediction. Of records, such as spans, numbers are apart: a rounding may change them."""
    if not (isinstance(prediction, list) and prediction and isinstance(prediction[0], dict)):
        return {f"predicted {name}": np.asarray(prediction)}
    fields = [(key, value) for record in prediction for key, value in record.items()]
    numbers = [value for _, value in fields if isinstance(value, float)]
    others = [f"{key}: {value}" for key, value in fields if not isinstance(value, float)]
    return {
        f"predicted {name}": np.asarray(others),
        f"predicted numbers of {name}": np.asarray(numbers, np.float64),
    }


def _relative_difference(name: str, one: Sequence[Values], other: Sequence[Values]) -> float:
    """The largest difference of one output, relative to its largest value; infinite where a label or a shape changes."""
    pairs = [(first[name], second[name]) for first, second in zip(one, other, strict=True) if name in second]
    numeric = [(first, second) for first, second in pairs if first.dtype.kind == "f" and second.dtype.kind == "f"]
    if name.startswith("output"):  # padded positions have no counterpart in the row alone
        numeric = [(first, second) for first, second in numeric if first.shape == second.shape]
    elif not numeric:
        has_probabilities = any(
            "predicted probability" in values for values in one
        )  # a rounding can change a tied label
        return (
            np.inf
            if not has_probabilities and any(not np.array_equal(first, second) for first, second in pairs)
            else 0.0
        )
    if any(first.shape != second.shape for first, second in numeric):
        return np.inf
    largest = max((float(np.abs(first[np.isfinite(first)]).max(initial=0.0)) for first, _ in numeric), default=0.0)
    differences = [float(np.nan_to_num(_max_difference(first, second), nan=np.inf)) for first, second in numeric]
    shift = max(differences, default=0.0)
    return shift / largest if largest else (np.inf if shift else 0.0)


def _max_difference(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> float:
    """The largest absolute difference; equal infinities and two NaN do not differ."""
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    with np.errstate(invalid="ignore"):
        return float(np.where(same, 0.0, np.abs(first - second)).max(initial=0.0))


def _tolerance(facts: RunnerFacts) -> float:
    """The largest shift that rounding explains, by the precision in the facts of a runner."""
    eps = EPS.get(facts.precision, EPS["float32"])
    return min(MAX_ROUNDINGS * max(eps, TF32_EPS if facts.tf32 else 0.0), MAX_TOLERANCE)


def _describe_shift(shift: float) -> str:
    return f"{shift:.2g} of their largest value" if np.isfinite(shift) else "another prediction"
