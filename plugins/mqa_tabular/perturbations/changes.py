"""Changes of columns: which of a row are meant, and the row after some of them changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from annotated_types import Ge, Le

from mqa_registry import DataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mqa_registry import Example

Share: TypeAlias = Annotated[float, Ge(0), Le(1)]
Columns: TypeAlias = "Sequence[str] | None"

LARGEST_INTEGER = 2**63 - 1


def change_tables(
    example: Example, change: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
) -> dict[str, dict[str, Any]] | None:
    """Every table of columns of an example with what `change` gives for some of its columns; None where that is None."""
    changed = {}
    for field, table in example.items():
        values = change(table)
        if values is None:
            return None
        changed[field] = {**table, **values}
    return changed


def select_columns(
    table: Mapping[str, Any], columns: Columns, accepts: Callable[[Any], bool] | None = None
) -> list[str]:
    """The columns that are meant, or all, as far as `accepts` takes their values, if it is given. A DataError for one that is not there."""
    for name in columns or ():
        if name not in table:
            raise DataError(f"the rows have no column `{name}`", hint=did_you_mean(name, list(table)))
    return [name for name in (table if columns is None else columns) if accepts is None or accepts(table[name])]


def is_number(value: Any) -> bool:
    """Whether a value is a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def fit_type(value: float, before: float) -> float:
    """A number as its column can have it: rounded where that has integers, and as it was where it would be too large."""
    if isinstance(before, int):
        rounded = round(value)
        return rounded if abs(rounded) <= LARGEST_INTEGER else before
    return value
