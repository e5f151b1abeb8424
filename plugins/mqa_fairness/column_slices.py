"""Slices by what columns hold: values, ranges and quantiles of numbers, and the confidence of predictions."""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import cache
from itertools import pairwise, product
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge, Le

from mqa_registry import DataError, UsageError, did_you_mean

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Example, Predictions

BLOCK_ROWS = 1 << 16  # turned into Python values at a time


def column(table: pa.Table, *, column: str) -> pa.DictionaryArray | list[list[str]]:
    """The value of a column.

    `column` is its name, as the rows have it after mapping. A list of values puts the row in several groups. Rows with a
    missing value (null, NaN, an empty string or list) form the group `(no gender)`, where the column is
    `gender`.
    """
    check_column(column, table.column_names)
    values = table.column(column)
    if pa.types.is_primitive(values.type) or pa.types.is_string(values.type):
        return _name_distinct(values, column)
    batches = table.select([column]).to_batches(max_chunksize=BLOCK_ROWS)
    return [_name_groups(value, column) for batch in batches for value in batch.column(0).to_pylist()]


def crossed(example: Example, *, columns: list[str]) -> list[str]:
    """The values of several columns together.

    `columns` are their names, as the rows have them after mapping: the groups are `F, 30-40` and so on, a missing value
    among them as in `fairness/column`. A list of values in a column puts the row in a group for each.
    """
    if len(set(columns)) < 2:
        raise UsageError("`columns` needs two columns or more", hint="one alone is for `fairness/column`")
    return [
        ", ".join(names) for names in product(*(_name_groups(get_value(example, column), column) for column in columns))
    ]


def ranges(example: Example, *, column: str, edges: list[float]) -> str:
    """The range that a number lies in.

    `column` is the one with the number. `edges` are where one range ends and the next begins, which has the edge: with
    `[18, 65]` they are `age under 18`, `age 18 to 65` and `age 65 and over`. Rows without a number form the
    group `(no age)`.
    """
    names = _name_ranges(column, tuple(edges))
    value = get_value(example, column)
    return name_missing_group(column) if is_missing(value) else names[bisect_right(edges, _to_number(value, column))]


def quantiles(table: pa.Table, *, column: str, n_bins: Annotated[int, Ge(2), Le(9)] = 4) -> list[str]:
    """Which of some equally large parts of the data set a row is in, by a number.

    `column` is the one with the number, and `n_bins` how many parts there are: `age 1/4 (18 to 31)` are the rows with
    the smallest. Equal numbers are in one part, so that parts differ where many are equal. Rows without a number form
    the group `(no age)`. The parts are of the data set as it is, before any perturbation.
    """
    numbers = _read_numbers(table, column)
    is_known = np.isfinite(numbers)
    parts = assign_quantiles(numbers[is_known], n_bins)
    names = np.full(len(numbers), name_missing_group(column), dtype=object)
    for part in np.unique(parts):
        inside = np.flatnonzero(is_known)[parts == part]
        low, high = numbers[inside].min(), numbers[inside].max()
        names[inside] = f"{column} {part + 1}/{n_bins} ({low:.6g} to {high:.6g})"
    return list(names)


def confidence(predictions: Predictions, *, n_bins: Annotated[int, Ge(2), Le(9)] = 4) -> list[str | None]:
    """Which of some equally large parts of the rows a row is in, by the confidence of its prediction.

    That is the probability of the predicted class. `n_bins` is how many parts there are: `confidence 1/4` are the rows
    that the model is least sure of. Rows of one probability are in one part. Where a check compares its view with
    another one, it is that one's confidence: with `parity/agreement`, whether an export differs where the model was
    unsure anyway. A row without a prediction is in no group.
    """
    if predictions.probabilities is None:
        raise DataError(
            "the predictions are labels alone, and confidence needs probabilities",
            hint="slice by something else, or let the backend give probabilities",
        )
    highest = predictions.probabilities.max(axis=1, initial=-np.inf)
    predicted = np.flatnonzero(np.isfinite(highest))
    names: list[str | None] = [None] * len(highest)
    for row, part in zip(predicted.tolist(), assign_quantiles(highest[predicted], n_bins).tolist(), strict=True):
        names[row] = f"confidence {part + 1}/{n_bins}"
    return names


def name_column(*, column: str) -> list[str]:
    """The column that a slice reads by its option."""
    return [column]


def name_columns(*, columns: list[str]) -> list[str]:
    """The columns that a slice reads by its option."""
    return columns


def get_value(example: Example, column: str) -> Any:
    """The value of a row in a column; raises a DataError where there is no such column."""
    if column not in example:
        check_column(column, list(example))
    return example[column]


def check_column(column: str, columns: list[str]) -> None:
    """Raise a DataError where the rows have no such column, with those that they have."""
    if column not in columns:
        guess = did_you_mean(column, columns)
        listed = ", ".join(f"`{name}`" for name in columns)
        raise DataError(f"the rows have no column `{column}`", hint=f"{guess} they have {listed}".strip())


def is_missing(value: object) -> bool:
    """Whether a value is null, NaN or an empty string."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def name_missing_group(column: str) -> str:
    """The name of the group of rows without a value."""
    return f"(no {column})"


def assign_quantiles(numbers: npt.NDArray[np.float64], n_bins: int) -> npt.NDArray[np.int64]:
    """Which of `n_bins` equally large parts each number is in, from 0 on; equal numbers are in the same."""
    if not len(numbers):
        return np.zeros(0, dtype=np.int64)
    edges = np.quantile(numbers, np.arange(1, n_bins) / n_bins, method="inverted_cdf")
    return np.searchsorted(edges, numbers, side="left").astype(np.int64)


def _name_groups(value: Any, column: str) -> list[str]:
    """The groups of a row by its value in one column, at least one."""
    values = value if isinstance(value, list | tuple) else [value]
    present = [each for each in values if not is_missing(each)]
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in present] or [
        name_missing_group(column)
    ]


def _name_distinct(values: pa.ChunkedArray, column: str) -> pa.DictionaryArray:
    """The group of each row by a code for it; only the distinct values are named one by one."""
    distinct = pc.unique(values)
    names = [_name_groups(value, column)[0] for value in distinct.to_pylist()]
    groups = sorted(set(names))
    code_of_group = {name: code for code, name in enumerate(groups)}
    group_of_value = np.array([code_of_group[name] for name in names], dtype=np.min_scalar_type(-max(len(groups), 1)))
    codes = np.empty(len(values), dtype=group_of_value.dtype)
    start = 0
    for chunk in values.chunks:
        found = pc.index_in(chunk, distinct).to_numpy(zero_copy_only=False)
        codes[start : start + len(chunk)] = group_of_value[found]
        start += len(chunk)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(groups, pa.string()))


@cache
def _name_ranges(column: str, edges: tuple[float, ...]) -> tuple[str, ...]:
    """The names of the ranges, from the smallest numbers to the largest."""
    if not edges or any(low >= high for low, high in pairwise(edges)):
        raise UsageError(f"`edges` must rise, and is {list(edges)}", hint="for example `[18, 65]`")
    texts = [f"{edge:.6g}" for edge in edges]
    between = [f"{column} {low} to {high}" for low, high in pairwise(texts)]
    return (f"{column} under {texts[0]}", *between, f"{column} {texts[-1]} and over")


def _read_numbers(table: pa.Table, column: str) -> npt.NDArray[np.float64]:
    """The numbers of a column, NaN where there is none."""
    check_column(column, table.column_names)
    kind = table.schema.field(column).type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise DataError(f"the column `{column}` holds {kind}, and not numbers", hint="map another one in `columns`")
    numbers = pc.fill_null(table.column(column).cast(pa.float64(), safe=False), np.nan)
    return np.asarray(numbers.to_numpy(), dtype=np.float64)


def _to_number(value: object, column: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"the column `{column}` has {value!r:.40}, which is no number")
    return float(value)
