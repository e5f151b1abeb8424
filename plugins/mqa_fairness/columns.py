"""Groups by what columns say."""

from __future__ import annotations

import difflib
import math
from itertools import product
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, UsageError

if TYPE_CHECKING:
    from mqa_registry import Example


def column(example: Example, *, column: str) -> str | list[str]:
    """The value of a column.

    `column` is its name, as the rows have it after mapping. A list of values puts the row in several groups. Rows with a
    missing value (null, NaN, an empty string or list) are a group of their own: `(no gender)`, where the column is
    `gender`.
    """
    names = _groups(example, column)
    return names[0] if len(names) == 1 else names


def crossed(example: Example, *, columns: list[str]) -> list[str]:
    """The values of several columns together.

    `columns` are their names, as the rows have them after mapping: the groups are `F, 30-40` and so on, a missing value
    among them as in `fairness/column`. A list of values in a column puts the row in a group for each.
    """
    if len(set(columns)) < 2:
        raise UsageError("`columns` needs two columns or more", hint="one alone is for `fairness/column`")
    return [", ".join(names) for names in product(*(_groups(example, column) for column in columns))]


def value_of(example: Example, column: str) -> Any:
    """What the row has in that column; a DataError where there is none."""
    if column not in example:
        close = difflib.get_close_matches(column, example, n=1)
        guess = f"did you mean `{close[0]}`? " if close else ""
        there = ", ".join(f"`{name}`" for name in example)
        raise DataError(f"the rows have no column `{column}`", hint=f"{guess}they have {there}")
    return example[column]


def is_missing(value: object) -> bool:
    """Whether there is nothing in a column."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _groups(example: Example, column: str) -> list[str]:
    """The groups of a row by one column, at least one."""
    value = value_of(example, column)
    values = value if isinstance(value, list | tuple) else [value]
    return [_name(each) for each in values if not is_missing(each)] or [missing(column)]


def missing(column: str) -> str:
    """The name of the group without a value."""
    return f"(no {column})"


def _name(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
