"""Groups by how large a number is."""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge, Le

from mqa_fairness.columns import is_missing, missing, value_of
from mqa_registry import DataError, UsageError

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Example


def ranges(example: Example, *, column: str, edges: list[float]) -> str:
    """The range that a number lies in.

    `column` is the one with the number. `edges` are where one range ends and the next begins, which has the edge: with
    `[18, 65]` they are `age under 18`, `age 18 to 65` and `age 65 and over`. Rows without a number are a group of their
    own, `(no age)`.
    """
    names = _ranges(column, tuple(edges))
    value = value_of(example, column)
    return missing(column) if is_missing(value) else names[bisect_right(edges, _number(value, column))]


def quantiles(table: pa.Table, *, column: str, count: Annotated[int, Ge(2), Le(9)] = 4) -> list[str]:
    """Which of some equally large parts of the data set a row is in, by a number.

    `column` is the one with the number, and `count` how many parts there are: `age 1/4 (18 to 31)` are the rows with the
    smallest. Equal numbers are in one part, so that parts differ where many are equal. Rows without a number are a group
    of their own, `(no age)`. The parts are of the data set as it is, undisturbed.
    """
    numbers = _column(table, column)
    known = np.isfinite(numbers)
    parts = parts_of(numbers[known], count)
    names = np.full(len(numbers), missing(column), dtype=object)
    for part in np.unique(parts):
        inside = np.flatnonzero(known)[parts == part]
        low, high = numbers[inside].min(), numbers[inside].max()
        names[inside] = f"{column} {part + 1}/{count} ({_short(low)} to {_short(high)})"
    return list(names)


def parts_of(numbers: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.int64]:
    """Per number which of so many equally large parts it is in, from 0 on; equal ones are in the same."""
    if not len(numbers):
        return np.zeros(0, dtype=np.int64)
    edges = np.quantile(numbers, np.arange(1, count) / count, method="inverted_cdf")
    return np.searchsorted(edges, numbers, side="left").astype(np.int64)


@cache
def _ranges(column: str, edges: tuple[float, ...]) -> tuple[str, ...]:
    """The names of the ranges, from the smallest numbers to the largest."""
    if not edges or any(low >= high for low, high in pairwise(edges)):
        raise UsageError(f"`edges` must rise, and is {list(edges)}", hint="for example `[18, 65]`")
    shown = [_short(edge) for edge in edges]
    between = [f"{column} {low} to {high}" for low, high in pairwise(shown)]
    return (f"{column} under {shown[0]}", *between, f"{column} {shown[-1]} and over")


def _column(table: pa.Table, column: str) -> npt.NDArray[np.float64]:
    """The numbers of a column, NaN where there is none."""
    value_of(dict.fromkeys(table.column_names), column)
    kind = table.schema.field(column).type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise DataError(f"the column `{column}` holds {kind}, and not numbers", hint="map another one in `columns`")
    numbers = pc.fill_null(table.column(column).cast(pa.float64(), safe=False), np.nan)
    return np.asarray(numbers.to_numpy(), dtype=np.float64)


def _number(value: object, column: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"the column `{column}` has {value!r:.40}, which is no number")
    return float(value)


def _short(number: float) -> str:
    return f"{number:.6g}"
