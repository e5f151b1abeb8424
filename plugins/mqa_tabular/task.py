"""The task `tabular/classification`: a class, any number of labels, or a number for the columns of a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry import ClassificationTask, ClassifierOptions, Codec, DataError
from mqa_tabular.features import Feature, find_misfit, read_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry import ClassifierHead, Example, Model, OutputReading
    from mqa_tabular.features import Value

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

COLUMNS = "columns"  # the field of an example, and its modality


@dataclass(frozen=True, kw_only=True)
class TabularOptions(ClassifierOptions):
    """Which columns the model reads, and how it is fed with them.

    `features` are the columns in the model's order: a list of columns of numbers, or a table with the kind of each, `number`,
    `integer`, `boolean` or `category`, or in place of it the list of its categories, which the model then takes by their
    positions, from 0. Left out, they are those that the model itself names.

    `inputs` are the model's inputs that have several columns, as in `{ numbers = ["age", "hours"] }`: a matrix each, a column
    of it a column of the table. Every other column is an input of its own with one column.

    `missing` is the category that a missing one is read as; a missing number is NaN. `unknown` is the category for those
    that the model never saw, where their rows are not to be lost.
    """

    features: list[str] | dict[str, str | list[str]] | None = None
    inputs: dict[str, list[str]] | None = None
    missing: str = ""
    unknown: str = ""


@dataclass(frozen=True)
class ModelFeatures:
    """The features that a model names, and whether it computes in float64, where numbers may not be rounded before."""

    features: tuple[Feature, ...]
    in_float64: bool = False


class TabularClassification(ClassificationTask[TabularOptions]):
    """What the columns of a row say: one class, any number of labels, or a number.

    Which of them follows from the model, as that of scikit-learn is a classifier or a regressor, or from `problem_type`.
    All columns of the data are read that have no role; those that are no features may serve slices. A row is lost whose
    category the model never saw, unless it takes any.
    """

    name = "classification"
    fields: Mapping[str, str] = {COLUMNS: COLUMNS}
    metric = "metrics/accuracy"
    number_metric = "metrics/mae"

    def bind(self, model: Model, options: TabularOptions) -> Codec:
        own = model.processor if isinstance(model.processor, ModelFeatures) else ModelFeatures(())
        features = own.features if options.features is None else read_options(options.features)
        if not features:
            raise DataError(
                "the model does not name the columns that it reads",
                hint='name them: `task = { use = "tabular/classification", features = ["...", "..."] }`',
            )
        return TabularCodec(features, options, self.make_head(model, options), in_float64=own.in_float64)


class TabularCodec(Codec):
    """Columns as arrays: one of shape (rows, 1) for each feature, or a matrix of several; `head` reads the model's outputs."""

    def __init__(
        self, features: Sequence[Feature], options: TabularOptions, head: ClassifierHead, *, in_float64: bool
    ) -> None:
        self._features = features
        self._options = options
        self._head = head
        self._inputs = _group_inputs(features, options.inputs or {})
        self._dtypes = {name: _find_dtype(members, in_float64=in_float64) for name, members in self._inputs.items()}

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        rows = [example[COLUMNS] for example in examples]
        missing, unknown = self._options.missing, self._options.unknown
        values = {
            feature.name: [feature.read(row[feature.name], missing=missing, unknown=unknown) for row in rows]
            for feature in self._features
        }
        columns = [
            _to_arrays([values[member.name] for member in members], self._dtypes[name], len(rows))
            for name, members in self._inputs.items()
        ]
        return [dict(zip(self._inputs, arrays, strict=True)) for arrays in zip(*columns, strict=True)]

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        return self._head.decode(outputs, rows)

    def cost(self, row: Arrays) -> int:
        """Rows cost all the same."""
        return 1

    def read_outputs(self, outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
        return self._head.infer_reading(outputs, rows)

    def find_unusable(self, examples: Sequence[Example]) -> tuple[int, str] | None:
        """The index of the first row with a value of another kind than its column should have; a DataError without the column."""
        return find_misfit(self._features, [example[COLUMNS] for example in examples])


def _to_arrays(columns: Sequence[Sequence[Value]], dtype: type[np.generic], count: int) -> Iterable[npt.NDArray[Any]]:
    """The values that some columns have in so many rows, one array for each row, shape (columns,).

    An array of text is as wide as its own longest value, whatever other rows have: equal rows have equal arrays.
    """
    if dtype is np.str_:
        return [np.array([column[row] for column in columns], dtype) for row in range(count)]
    return np.array(columns, dtype).T.copy()


def _group_inputs(features: Sequence[Feature], inputs: Mapping[str, Sequence[str]]) -> dict[str, tuple[Feature, ...]]:
    """The features of each input of the model; a DataError where an input names a column that is no feature, or is in two."""
    by_name = {feature.name: feature for feature in features}
    grouped: dict[str, tuple[Feature, ...]] = {}
    for name, columns in inputs.items():
        members = []
        for column in columns:
            if column not in by_name:
                raise DataError(
                    f"`inputs` gives `{name}` the column `{column}`, which is no feature, or an input has it already"
                )
            members.append(by_name.pop(column))
        grouped[name] = tuple(members)
    return grouped | {name: (feature,) for name, feature in by_name.items()}


def _find_dtype(features: Sequence[Feature], *, in_float64: bool) -> type[np.generic]:
    """The type of an array of some features; a DataError where one of them is text and another is not."""
    texts = [feature.kind == "category" and not feature.has_codes for feature in features]
    if all(texts):
        return np.str_
    if any(texts):
        raise DataError(f"`{features[texts.index(True)].name}` is text, and cannot be in one input with numbers")
    if all(feature.has_codes or feature.kind == "integer" for feature in features):
        return np.int64
    if all(feature.kind == "boolean" for feature in features):
        return np.bool_
    return np.float64 if in_float64 else np.float32
