"""Predictions that are chosen from classes: what all such schemas share, and one label a row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.types.columns import cast_column, missing_column_error
from mqa_registry.types.labels import UnreadableLabel, is_missing, read_labels
from mqa_registry.types.schemas.probabilities import (
    PROBABILITY_COLUMN,
    check_decoded_probabilities,
    has_probabilities,
    read_probabilities,
)
from mqa_registry.types.schemas.schema import MisfitError, Schema
from mqa_registry.types.schemas.summarize import summarize_classes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mqa_registry.summaries import PredictionSummary
    from mqa_registry.types.predictions import Predictions, Targets
    from mqa_registry.types.schemas.schema import Columns
    from mqa_registry.types.targets import TargetColumn

LISTED_CLASSES = 20  # that a hint lists
SAMPLE_CLASSES = ("one", "two")
SAMPLE_PROBABILITY = 0.75  # of the predicted class
SAMPLE_TARGET_PROBABILITY = 0.65


class ClassSchema(Schema, ABC):
    """What the schemas of classes share: names in the column, and a probability for every class where there are any."""

    extra: ClassVar[Mapping[str, pa.DataType]] = {PROBABILITY_COLUMN: pa.list_(pa.float64())}
    has_classes = True
    is_exclusive: ClassVar[bool]  # a row has one class, so that its probabilities sum to 1

    @abstractmethod
    def names_in(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Every class that is named in a column, row after row."""

    @abstractmethod
    def row_of(self, column: pa.ChunkedArray, position: int) -> int:
        """The row of a column which the class at a position of `names_in` is from."""

    def read(
        self, table: pa.Table, ids: pa.ChunkedArray, classes: Sequence[str] | None
    ) -> tuple[Columns, tuple[str, ...]]:
        """The predictions as given, else the class of highest probability where a row has one class."""
        if classes is not None and (not classes or len(set(classes)) < len(classes)):
            raise DataError(
                "`classes` must name every class once", hint="leave it out where the columns speak for themselves"
            )
        probabilities = read_probabilities(
            table, ids, prediction=self.column, classes=classes, exclusive=self.is_exclusive
        )
        if self.column in table.column_names:
            labels = cast_column(table, self.column, self.type)
        elif probabilities is not None and self.is_exclusive:
            labels = pa.array(probabilities.classes, pa.string()).take(
                pa.array(probabilities.best, mask=~probabilities.whole)
            )
        else:
            raise missing_column_error(table, self.column)
        if probabilities is None:
            names = tuple(classes or sorted(pc.unique(self.names_in(labels)).drop_null().to_pylist()))
            self._check_known(labels, names, ids)
            return {self.column: labels}, names
        self._check_known(labels, probabilities.classes, ids)
        labels = pc.if_else(pa.array(probabilities.broken), pa.scalar(None, self.type), labels)
        return {self.column: labels, PROBABILITY_COLUMN: probabilities.column()}, tuple(probabilities.classes)

    def reads_by_blocks(self, table: pa.Table, classes: Sequence[str] | None) -> bool:
        """Where it has probabilities, whose columns name the classes; labels alone have to be read together."""
        return has_probabilities(table, prediction=self.column, classes=classes)

    def check_decoded(self, columns: Columns, classes: Sequence[str]) -> None:
        """Each label is one of the classes, and each row with a prediction has a probability for every class."""
        labels = columns[self.column]
        names = self.names_in(labels)
        if classes and (unknown := sorted(set(pc.unique(names.drop_null()).to_pylist()) - set(classes))):
            raise MisfitError(
                f"gave the label `{unknown[0]}`, which is none of the classes", f"the classes are {_listed(classes)}"
            )
        if PROBABILITY_COLUMN in columns:
            check_decoded_probabilities(labels, columns[PROBABILITY_COLUMN], len(classes), exclusive=self.is_exclusive)

    def sample(self, classes: Sequence[str], *, as_targets: bool = False) -> tuple[Columns, tuple[str, ...]]:
        """One row of each of the first two classes; two names stand for them where they are fewer."""
        names = tuple(classes) if len(classes) > 1 else SAMPLE_CLASSES
        high = SAMPLE_TARGET_PROBABILITY if as_targets else SAMPLE_PROBABILITY
        rest = [0.0] * (len(names) - 2)
        pairs = [[high, 1 - high, *rest], [1 - high, high, *rest]]
        labels = pa.array([self.prediction(name) for name in names[:2]], self.type)
        return {self.column: labels, PROBABILITY_COLUMN: pa.array(pairs, self.extra[PROBABILITY_COLUMN])}, names

    @abstractmethod
    def prediction(self, name: str) -> Any:
        """The prediction of one class alone."""

    def _check_known(self, labels: pa.ChunkedArray, classes: Sequence[str], ids: pa.ChunkedArray) -> None:
        names = self.names_in(labels)
        unknown = pc.invert(pc.is_in(names, pa.array(classes, pa.string())))
        if self.is_exclusive:
            unknown = pc.and_(unknown, pc.is_valid(names))  # no label is no prediction; in a list it would be no label
        if pc.any(unknown).as_py():
            position = pc.index(unknown, value=True).as_py()
            raise DataError(
                f"row `{ids[self.row_of(labels, position)]}` has the label `{names[position]}`, which is not among the classes",
                hint=f"the classes are {_listed(classes)}",
            )


class LabelSchema(ClassSchema):
    """One class a row."""

    name = "label"
    column = "label"
    type = pa.string()
    is_exclusive = True

    def names_in(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """The column itself."""
        return column

    def row_of(self, column: pa.ChunkedArray, position: int) -> int:
        """The position itself."""
        return position

    def prediction(self, name: str) -> str:
        """The class."""
        return name

    def summarize(self, predictions: Predictions, targets: Targets) -> PredictionSummary:
        """The confusion matrix, and the calibration where there are probabilities."""
        return summarize_classes(predictions, targets)

    def read_targets(self, targets: TargetColumn, classes: Sequence[str]) -> pa.ChunkedArray:
        """The class that each label means, as `read_labels` reads them; a missing label stays missing."""
        column = targets.values
        if pa.types.is_nested(column.type):
            rows = enumerate(column.to_pylist())
            row, value = next(((row, value) for row, value in rows if value is not None), (0, None))
            hint = "several labels a row need a task, or predictions, of schema `labels`"
            raise targets.refuse(row, UnreadableLabel(value, "and a row has one label here", hint))
        values = pc.unique(column).to_pylist()
        labels = [value for value in values if not is_missing(value)]
        meanings = read_labels(labels, classes)
        if isinstance(meanings, UnreadableLabel):
            raise targets.refuse(column.to_pylist().index(meanings.label), meanings)
        if pa.types.is_string(column.type) and meanings == [value for value in values if value is not None]:
            return column
        encoded = column.combine_chunks().dictionary_encode()
        names = dict(zip(labels, meanings, strict=True))
        values = encoded.dictionary.to_pylist()
        dictionary = pa.array([None if is_missing(value) else names[value] for value in values], pa.string())
        return pa.chunked_array([dictionary.take(encoded.indices)])


def _listed(classes: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in list(classes)[:LISTED_CLASSES])
