"""Groups by what a column says."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError

if TYPE_CHECKING:
    from mqa_registry import Example


def column(example: Example, *, column: str) -> str | list[str] | None:
    """The value of a column.

    `column` is its name, as the rows have it after mapping. A list of values puts the row in several groups. A missing
    value (null, NaN, an empty string) puts it in none.
    """
    value = value_of(example, column)
    if isinstance(value, list | tuple):
        return [name for name in map(_name, value) if name is not None] or None
    return _name(value)


def value_of(example: Example, column: str) -> Any:
    """What the row has in that column; a DataError where there is none."""
    if column not in example:
        close = difflib.get_close_matches(column, example, n=1)
        guess = f"did you mean `{close[0]}`? " if close else ""
        there = ", ".join(f"`{name}`" for name in example)
        raise DataError(f"the rows have no column `{column}`", hint=f"{guess}they have {there}")
    return example[column]


def _name(value: object) -> str | None:
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
