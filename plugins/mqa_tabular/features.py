"""Features: which columns of a row a model reads, of which kind, and what each value becomes in an array."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from mqa_registry import DataError, RowError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind: TypeAlias = Literal["number", "integer", "boolean", "category"]
FeatureOptions: TypeAlias = "list[str] | dict[str, str | list[str]]"
Value: TypeAlias = "float | int | bool | str"

MAX_NAMES = 8  # in a hint


@dataclass(frozen=True)
class Feature:
    """One column that a model reads.

    `categories` are those that the model knows; empty where it takes any. With `has_codes` it takes a category by its
    position among them, else as text.
    """

    name: str
    kind: Kind = "number"
    categories: tuple[str, ...] = ()
    has_codes: bool = False

    def accepts(self, value: Any) -> bool:
        """Whether a value is of the kind, or missing, whatever it is."""
        if value is None:
            return True
        if self.kind == "category":
            return isinstance(value, str | int)
        if self.kind == "boolean":
            return isinstance(value, bool) or (isinstance(value, int | float) and value in {0, 1})
        if self.kind == "integer":
            return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return isinstance(value, int | float | Decimal)

    def read(self, value: Any, *, missing: str, unknown: str) -> Value:
        """What the model is fed for a value. A RowError where it has nothing for that, as for a category it never saw.

        `missing` is the category that a missing one is read as, `unknown` the one of those that the model does not know.
        """
        if self.kind == "category":
            return self._read_category(missing if value is None else str(value), unknown)
        if self.kind == "number":
            return math.nan if value is None else float(value)
        if value is None:
            raise RowError(
                self.name, f"is missing, and a model can be fed no missing {self.kind}", hint="its kind may be `number`"
            )
        return int(value) if self.kind == "integer" else bool(value)

    def _read_category(self, category: str, unknown: str) -> Value:
        if self.categories and category not in self.categories:
            if unknown not in self.categories:
                raise RowError(
                    self.name,
                    f"is `{category}`, and the model never saw such a category",
                    hint=f"{did_you_mean(category, self.categories)} it knows {_list_names(self.categories)}".strip(),
                )
            category = unknown
        return self.categories.index(category) if self.has_codes else category


def read_options(given: FeatureOptions) -> tuple[Feature, ...]:
    """The features of an option: columns of numbers, or each with its kind or its categories. A DataError for another kind."""
    if not isinstance(given, Mapping):
        return tuple(Feature(name) for name in given)
    return tuple(_read_option(name, kind) for name, kind in given.items())


def _read_option(name: str, kind: str | list[str]) -> Feature:
    if isinstance(kind, list):
        return Feature(name, "category", tuple(kind), has_codes=True)
    for known in get_args(Kind):
        if kind == known:
            return Feature(name, known)
    raise DataError(
        f"`features` gives `{name}` the kind `{kind}`",
        hint=f"{did_you_mean(kind, get_args(Kind))} kinds are {_list_names(get_args(Kind))}, or a list of categories".strip(),
    )


def find_misfit(features: Sequence[Feature], rows: Sequence[Mapping[str, Any]]) -> tuple[int, str] | None:
    """The first row with a value of another kind than its feature, and what is wrong with it; None where all fit.

    A DataError where the rows lack a column.
    """
    for feature in features:
        if rows and feature.name not in rows[0]:
            columns = list(rows[0])
            raise DataError(
                f"the data have no column `{feature.name}`, which the model reads",
                hint=f"{did_you_mean(feature.name, columns)} there are {_list_names(columns)}".strip(),
            )
    for position, row in enumerate(rows):
        for feature in features:
            if not feature.accepts(row[feature.name]):
                value = row[feature.name]
                what = "text" if isinstance(value, str) else f"a {type(value).__name__}"
                return (
                    position,
                    f"its `{feature.name}` is {what}, `{value!s:.40}`, and the model reads it as {feature.kind}",
                )
    return None


def _list_names(names: Sequence[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in names[:MAX_NAMES])
    return f"{listed} and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else listed
