"""Scores of classes, in the forms that services write them, as one list of probabilities a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry import DataError
from mqa_replay.columns import ID, LABEL, PROBABILITY_TOLERANCE, LogFormat, PredictionLog, set_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]
    Bools = npt.NDArray[np.bool_]

SCORE = "score"  # with `label`, the keys of what a transformers pipeline gives


@dataclass(frozen=True)
class Scores:
    """One number for every class: `values`, shape (rows, classes), valid in the rows where `is_valid`, shape (rows,)."""

    classes: tuple[str, ...]
    values: Floats
    is_valid: Bools

    def softmax(self) -> Scores:
        """Logits as probabilities."""
        powers = np.exp(self.values - self.values.max(axis=1, keepdims=True, initial=-np.inf))
        return Scores(self.classes, powers / powers.sum(axis=1, keepdims=True), self.is_valid)

    def to_lists(self) -> pa.Array:
        """A list of numbers a row; null in a row that is not valid."""
        flat = pa.array(np.ascontiguousarray(self.values).reshape(-1))
        lists = pa.FixedSizeListArray.from_arrays(flat, len(self.classes), mask=pa.array(~self.is_valid))
        return lists.cast(pa.list_(pa.float64()))

    def argmax(self) -> pa.Array:
        """Each row's class of highest score, NaN left out; null where there is none."""
        values = np.where(np.isnan(self.values), -np.inf, self.values)
        is_found = np.isfinite(values).any(axis=1)
        return pa.array(self.classes, pa.string()).take(pa.array(values.argmax(axis=1), mask=~is_found))


def scores_of_columns(table: pa.Table, names: Sequence[str], classes: Sequence[str]) -> Scores:
    """The scores of classes that each have a column."""
    columns = [_as_floats(table.column(name), name) for name in names]
    is_valid = np.logical_and.reduce([_is_valid(column) for column in columns])
    values = np.column_stack([pc.fill_null(column, np.nan).to_numpy() for column in columns])
    return Scores(tuple(classes), values, is_valid)


def scores_of_objects(column: pa.ChunkedArray) -> Scores:
    """The scores of an object a row, with a key for every class."""
    table = pa.table({field.name: pc.struct_field(column, field.name) for field in column.type})
    scores = scores_of_columns(table, table.column_names, table.column_names)
    return Scores(scores.classes, scores.values, scores.is_valid & _is_valid(column))


def scores_of_lists(column: pa.ChunkedArray, classes: Sequence[str], name: str) -> Scores:
    """The scores of a list a row, in the order of the classes; `name` is that of the column, for errors."""
    lengths = pc.fill_null(pc.list_value_length(column), len(classes))
    misfit = pc.index(pc.not_equal(lengths, len(classes)), value=True).as_py()
    if misfit >= 0:
        raise DataError(
            f"`{name}` has {lengths[misfit]} numbers in row {misfit + 1}, and there are {len(classes)} classes"
        )
    is_valid = _is_valid(column)
    values = np.full((len(column), len(classes)), np.nan)
    flat = _as_floats(pc.list_flatten(column), name)
    values[is_valid] = np.asarray(pc.fill_null(flat, np.nan).to_numpy(), np.float64).reshape(-1, len(classes))
    return Scores(tuple(classes), values, is_valid)


def scores_of_pairs(column: pa.ChunkedArray, classes: Sequence[str] | None) -> Scores:
    """The scores of a list of objects a row, each with `label` and `score`; NaN for a class that a row leaves out."""
    row_of_pair = pc.list_parent_indices(column).to_numpy()
    pairs = pc.list_flatten(column)
    labels = pc.struct_field(pairs, LABEL).cast(pa.string())
    classes = tuple(classes or sorted(pc.unique(labels).drop_null().to_pylist()))
    codes = pc.index_in(labels, pa.array(classes, pa.string()))
    if codes.null_count:
        raise DataError(f"there is a score of `{labels.filter(codes.is_null())[0]}`, which is not among the classes")
    values = np.full((len(column), len(classes)), np.nan)
    scores = _as_floats(pc.struct_field(pairs, SCORE), SCORE)
    values[row_of_pair, codes.to_numpy()] = pc.fill_null(scores, np.nan).to_numpy()
    is_valid = np.bincount(row_of_pair, minlength=len(column)) == len(classes)
    return Scores(classes, values, is_valid)


def with_scores(
    log: PredictionLog, scores: Scores, log_format: LogFormat, remark: str, *, is_logits: bool
) -> PredictionLog:
    """The log with the probabilities of these scores, and the likeliest class as the label where it has none.

    `is_logits` says what scores are where the suite does not.
    """
    if log_format.scores == "logits" or (log_format.scores is None and is_logits):
        scores, remark = scores.softmax(), remark.replace("probabilities from", "softmax of")
    columns = {name: log.table.column(name) for name in (ID, LABEL) if log.has(name)}
    table = pa.table(columns | {"probability": scores.to_lists()})
    if LABEL not in columns and not scores.is_valid.all():
        table = set_column(table, LABEL, scores.argmax())
    return PredictionLog(table, scores.classes, (*log.remarks, remark))


def with_single_score(log: PredictionLog, name: str, log_format: LogFormat) -> PredictionLog:
    """The log with the probabilities of two classes, from one score a row: of one class, or of each row's label."""
    classes = log_format.classes or log.labels()
    if len(classes) != 2:
        if not log.has(LABEL):
            hint = 'name both, the one that it is the score of second: `classes = ["...", "..."]`'
            raise DataError(f"`{name}` is a score of one of two unknown classes", hint=hint)
        reason = "they name one class, and `classes` no other" if len(classes) < 2 else "it is of one class of several"
        return _with_labels_only(log, f"labels only, `{name}` is not read: {reason}")
    score = SingleScore.read(log, name, classes, log_format)
    outlier = score.find_non_probability()
    if outlier is not None:
        if log.has(LABEL) and not (log_format.positive or {"score", "confidence"} & log_format.columns.keys()):
            return _with_labels_only(log, f"labels only, `{name}` is not read: it is no probability")
        hint = 'logits are read with `scores = "logits"`'
        raise DataError(f"`{name}` has {outlier:.6g}, and a probability lies in [0, 1]", hint=hint)
    scored_class = _infer_scored_class(score, log_format)
    meaning = "the row's label" if scored_class is None else f"`{classes[scored_class]}`"
    remark = f"`{name}` as the probability of {meaning}"
    return with_scores(log, score.probabilities(scored_class), LogFormat(), remark, is_logits=False)


@dataclass(frozen=True)
class SingleScore:
    """One score a row that is the probability of one of two classes: `values`, shape (rows,), valid where `is_valid`.

    `label_codes` has the index of each row's label in `classes`, -1 for any other label; None where there are no labels.
    """

    name: str
    classes: Sequence[str]
    values: Floats
    is_valid: Bools
    label_codes: Ints | None

    @classmethod
    def read(cls, log: PredictionLog, name: str, classes: Sequence[str], log_format: LogFormat) -> SingleScore:
        """The score in a column; logits become probabilities."""
        column = log.table.column(name)
        values = np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(), np.float64)
        if log_format.scores == "logits":
            values = 1 / (1 + np.exp(-values))
        if not log.has(LABEL):
            return cls(name, classes, values, _is_valid(column), None)
        codes = pc.index_in(log.table.column(LABEL).cast(pa.string()), pa.array(classes))
        label_codes = np.asarray(pc.fill_null(codes, -1).to_numpy(), np.int64)
        return cls(name, classes, values, _is_valid(column) & (label_codes >= 0), label_codes)

    def find_non_probability(self) -> float | None:
        """The first finite value outside of [0, 1]; None where there is none."""
        is_outside = (self.values < -PROBABILITY_TOLERANCE) | (self.values > 1 + PROBABILITY_TOLERANCE)
        outside = self.values[is_outside & np.isfinite(self.values)]
        return float(outside[0]) if len(outside) else None

    def probabilities(self, scored_class: int | None) -> Scores:
        """The probabilities of both classes: the score is that of `scored_class`, or of each row's label where it is None."""
        is_of_first = self.label_codes == 0 if scored_class is None else np.full(len(self.values), scored_class == 0)
        first = np.where(is_of_first, self.values, 1 - self.values)
        return Scores(tuple(self.classes), np.column_stack([first, 1 - first]), self.is_valid)


def _infer_scored_class(score: SingleScore, log_format: LogFormat) -> int | None:
    """The index of the class that a score is the probability of; None where it is of each row's own label.

    Without an option, it is the only reading that the labels allow: of a class, if no row of the other has a higher
    score; of the row's label, if none is below 0.5.
    """
    classes, label_codes = score.classes, score.label_codes
    if log_format.positive is not None:
        if log_format.positive not in classes:
            raise DataError(
                f"there is no class `{log_format.positive}`", hint=f"the classes are `{classes[0]}` and `{classes[1]}`"
            )
        return list(classes).index(log_format.positive)
    if label_codes is None:
        return 1  # the second of two classes is the positive one, as elsewhere
    if score.name == "confidence" and "confidence" in log_format.columns:
        return None
    possible = _possible_scored_classes(score.values, label_codes)
    if None in possible and score.name == "confidence":
        return None
    if len(possible) == 1:
        return possible[0]
    meaning = "of one class or of each row's label" if possible else "neither of one class nor of each row's label"
    label_option = f'columns = {{ confidence = "{score.name}" }}'
    raise DataError(
        f"`{score.name}` may be the probability {meaning}, by the labels of its rows",
        hint=f'say which: `positive = "{classes[1]}"`, or `{label_option}` where it is of the label',
    )


def _possible_scored_classes(values: Floats, label_codes: Ints) -> list[int | None]:
    """The classes that values may be the probability of by the labels of their rows; None stands for each row's label."""
    is_finite = np.isfinite(values)
    by_class = [values[is_finite & (label_codes == code)] for code in (0, 1)]
    lowest = [class_values.min(initial=np.inf) for class_values in by_class]
    highest = [class_values.max(initial=-np.inf) for class_values in by_class]
    possible: list[int | None] = [code for code in (0, 1) if lowest[code] >= highest[1 - code] - PROBABILITY_TOLERANCE]
    return [*possible, None] if min(lowest) >= 0.5 - PROBABILITY_TOLERANCE else possible


def _with_labels_only(log: PredictionLog, remark: str) -> PredictionLog:
    """The log without other columns of numbers, which would be taken for probabilities of classes."""
    return log.with_table(log.table.select([ID, LABEL]), remark)


def _is_valid(column: pa.ChunkedArray) -> Bools:
    return np.asarray(column.is_valid().to_numpy(), bool)


def _as_floats(column: Any, name: str) -> Any:
    try:
        return column.cast(pa.float64())
    except pa.ArrowException as error:
        raise DataError(f"`{name}` holds {column.type}, and numbers are needed") from error
