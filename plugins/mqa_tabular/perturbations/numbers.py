"""Numbers that are wrong: in another unit, in another column, shifted, scaled or noisy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from annotated_types import Ge, Gt

from mqa_registry import DataError
from mqa_tabular.perturbations.changes import change_tables, fit_type, is_number, select_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from mqa_registry import Example

    Changed: TypeAlias = dict[str, dict[str, Any]] | None

Factor: TypeAlias = Annotated[float, Gt(0)]


def unit_errors(
    example: Example, rng: np.random.Generator, *, severity: Factor = 10.0, columns: list[str] | None = None
) -> Changed:
    """A number in another unit.

    `severity` is the factor between the units: 1000 of metres for kilometres, 2.54 of centimetres for inches, 0.1 of a point
    that slipped. `columns` are those that are all in the other unit; left out, it is one number of the row, drawn at random.
    A row without such a number other than 0 is declined.
    """

    def multiply(table: Mapping[str, Any]) -> dict[str, Any] | None:
        names = select_columns(table, columns, lambda value: is_number(value) and value != 0)
        if not names:
            return None
        chosen = names if columns is not None else [names[rng.integers(len(names))]]
        return {name: fit_type(table[name] * severity, table[name]) for name in chosen}

    return change_tables(example, multiply)


def swapped_columns(example: Example, rng: np.random.Generator, *, first: str, second: str) -> Changed:
    """The values of two columns in each other's place, as where an export mixes up its columns.

    `first` and `second` are the columns, both of numbers or both of text. A row in which one is missing, or that has the same
    in both, is declined.
    """

    def swap(table: Mapping[str, Any]) -> dict[str, Any] | None:
        select_columns(table, [first, second])
        one, other = table[first], table[second]
        if one is None or other is None or one == other:
            return None
        if is_number(one) is not is_number(other):
            raise DataError(f"`{first}` and `{second}` hold values of different kinds", hint="swap columns of one kind")
        return (
            {first: fit_type(other, one), second: fit_type(one, other)}
            if is_number(one)
            else {first: other, second: one}
        )

    return change_tables(example, swap)


def shift(
    example: Example, rng: np.random.Generator, *, deviations: dict[str, Factor], severity: float = 0.5
) -> Changed:
    """Numbers of a population that has moved: all are larger, or smaller, by the same.

    `severity` is by how many standard deviations. `deviations` are the columns that move, each with its standard deviation, as
    in `{ age = 13.6 }`. A row without such a number is declined.
    """
    return _change_numbers(example, list(deviations), lambda name, value: value + severity * deviations[name])


def scaling(
    example: Example, rng: np.random.Generator, *, severity: Factor = 1.1, columns: list[str] | None = None
) -> Changed:
    """Numbers that have all grown, or shrunk, by the same factor, as prices do.

    `severity` is the factor. `columns` are those that it applies to; left out, it is all that have a number. A row without
    one is declined.
    """
    return _change_numbers(example, columns, lambda _, value: value * severity)


def noise(
    example: Example,
    rng: np.random.Generator,
    *,
    deviations: dict[str, Factor],
    severity: Annotated[float, Ge(0)] = 0.1,
) -> Changed:
    """Numbers that are measured less well: a normal error is added.

    `severity` is its standard deviation, in those of the column. `deviations` are the columns, each with its standard deviation,
    as in `{ age = 13.6 }`. A row without such a number is declined.
    """
    draws = dict(zip(deviations, rng.standard_normal(len(deviations)), strict=True))
    return _change_numbers(
        example, list(deviations), lambda name, value: value + severity * deviations[name] * float(draws[name])
    )


def _change_numbers(example: Example, columns: list[str] | None, change: Callable[[str, float], float]) -> Changed:
    """The example with every number of these columns changed; None where it has none."""

    def apply(table: Mapping[str, Any]) -> dict[str, Any] | None:
        names = select_columns(table, columns, is_number)
        return {name: fit_type(change(name, table[name]), table[name]) for name in names} or None

    return change_tables(example, apply)
