"""The bounds that a check can set: one row for each word of its table `expect`.

Everything else that depends on a word is read from its row: what the suite file accepts, which rows a check needs, the
claims of the judge, and the text in a report. A new word takes a row, and a field of `Expect`. A word for a quantity
between groups also takes a claim of every two groups, in `judging/claims.py`, which refuses to load without one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from annotated_types import Ge, Le

if TYPE_CHECKING:
    from collections.abc import Callable

Range: TypeAlias = tuple[float, float]
Need: TypeAlias = Literal["reference", "groups"]

ANY: Range = (-math.inf, math.inf)
MIN_ROWS = 30  # of a group, unless `min_rows` says otherwise


@dataclass(frozen=True)
class Quantity:
    """A number that a bound is on.

    `name` is its name in reports. `need` says what it needs in addition to the rows of one view: a reference view, or
    groups of the rows. The quantity rises with the measure's value where `slope` is 1, falls where it is -1, and does
    neither where it is 0. `phrase` stands in messages before the measure, and `reach` gives the range of the quantity
    from that of the measure.
    """

    name: str
    need: Need | None = None
    slope: int = 0
    phrase: str = ""
    reach: Callable[[float, float], Range] = lambda low, high: (low, high)


VALUE = Quantity("value", slope=1)
DROP = Quantity("drop", "reference", -1, "a drop of", lambda low, high: (low - high, high - low))
RISE = Quantity("rise", "reference", 1, "a rise of", lambda low, high: (low - high, high - low))
GAP = Quantity("gap", "groups", 0, "a gap of", lambda low, high: (0.0, high - low))
RATIO = Quantity("ratio", "groups", reach=lambda _low, _high: ANY)
QUANTITIES = (VALUE, DROP, RISE, GAP, RATIO)


@dataclass(frozen=True)
class Bound:
    """One word of `expect`: the quantity that it bounds, and from which side.

    `type` and `doc` are for the suite file: what it accepts, and what the word means.
    """

    word: str
    quantity: Quantity
    side: Literal["low", "high"]
    type: Any
    doc: str

    @property
    def sign(self) -> str:
        """The relation of the quantity to its bound, as reports write it."""
        return "≥" if self.side == "low" else "≤"

    @property
    def slope(self) -> int:
        """1 where the bound asks for a high value of the measure, -1 for a low one, 0 for neither."""
        return self.quantity.slope if self.side == "low" else -self.quantity.slope


BOUNDS = (
    Bound("min", VALUE, "low", float, "the estimate is at least this"),
    Bound("max", VALUE, "high", float, "the estimate is at most this"),
    Bound("max_drop", DROP, "high", float, "it lies at most this far under the reference view's"),
    Bound("max_rise", RISE, "high", float, "it lies at most this far over the reference view's"),
    Bound("max_gap", GAP, "high", Annotated[float, Ge(0)], "the groups lie at most this far apart"),
    Bound(
        "min_ratio",
        RATIO,
        "low",
        Annotated[float, Ge(0), Le(1)],
        "the smallest group's is at least this share of the largest's",
    ),
)
BY_WORD = {bound.word: bound for bound in BOUNDS}
RESERVED = frozenset({*BY_WORD, "min_rows"})  # the words of `expect`, which name no number of a probe


def words_of(*, quantity: Quantity | None = None, need: Need | None = None) -> tuple[str, ...]:
    """The words that bound a quantity, or any quantity with this need."""
    return tuple(
        bound.word
        for bound in BOUNDS
        if (quantity is not None and bound.quantity is quantity) or (need is not None and bound.quantity.need == need)
    )


@dataclass(frozen=True)
class Expect:
    """The bounds on one number of a check, None where there is none. `min_rows` is the size of a group that is judged."""

    min: float | None = None
    max: float | None = None
    max_drop: float | None = None
    max_rise: float | None = None
    max_gap: float | None = None
    min_ratio: float | None = None
    min_rows: int = MIN_ROWS

    def bounds(self) -> dict[str, float]:
        """The bounds that are set, by their words."""
        return {bound.word: limit for bound in BOUNDS if (limit := getattr(self, bound.word)) is not None}

    def limits(self, quantity: Quantity) -> Range:
        """From where to where a quantity may lie; infinite where it has no bound."""
        low, high = ANY
        for word, limit in self.bounds().items():
            bound = BY_WORD[word]
            if bound.quantity is quantity:
                low, high = (limit, high) if bound.side == "low" else (low, limit)
        return low, high

    def has(self, quantity: Quantity) -> bool:
        """Whether a quantity is bounded."""
        return any(BY_WORD[word].quantity is quantity for word in self.bounds())

    def needs(self, need: Need) -> bool:
        """Whether some bound needs a reference view, or groups."""
        return any(BY_WORD[word].quantity.need == need for word in self.bounds())

    def without(self, need: Need) -> Expect:
        """The other bounds: those that do not need a reference view, or groups."""
        removed: dict[str, Any] = dict.fromkeys(words_of(need=need))
        return replace(self, **removed)

    @property
    def slope(self) -> int:
        """1 where the bounds ask for a high value of the measure, -1 for a low one, 0 where they do neither or both."""
        slopes = {BY_WORD[word].slope for word in self.bounds()} - {0}
        return slopes.pop() if len(slopes) == 1 else 0


assert {field.name for field in fields(Expect)} == RESERVED  # each word has a row and a field
