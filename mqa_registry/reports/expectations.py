"""What a check expects, as a report says it (`≥ 0.78`, `drop ≤ 0.05`, `each ≥ 0.70`), and what came of each number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mqa_registry.expect import BY_WORD, QUANTITIES
from mqa_registry.expect import VALUE as VALUE_QUANTITY
from mqa_registry.judging.result import Result
from mqa_registry.reports.number_format import format_as_in_suite
from mqa_registry.reports.report import worst_verdict

if TYPE_CHECKING:
    from mqa_registry.judging.result import Part, Verdict

VALUE = VALUE_QUANTITY.name  # the measure's main number

_BETWEEN_GROUPS = frozenset(quantity.name for quantity in QUANTITIES if quantity.need == "groups")


@dataclass(frozen=True)
class NumberBounds:
    """The bounds that a check sets on one of its numbers.

    `number` is its name, `text` says the bounds, and `limits` are their bare values. `better` says which way is good; it
    is None for a gap and for a number with bounds on both sides.
    """

    number: str
    text: str
    limits: tuple[float, ...]
    better: Literal["high", "low"] | None

    @property
    def is_between_groups(self) -> bool:
        """Whether the number says how far groups lie apart, rather than being a number of each of them."""
        return self.number in _BETWEEN_GROUPS


UNBOUNDED_VALUE = NumberBounds(VALUE, "", (), None)


def describe_bounds(expect: Mapping[str, Any], *, grouped: bool) -> tuple[NumberBounds, ...]:
    """The bounds of a check, one record for every number that is judged; `grouped` where every group is judged."""
    by_number: dict[str, NumberBounds] = {}
    for name, word, limit in _list_limits(expect):
        bounds = _describe_limit(name, word, limit, grouped=grouped)
        earlier = by_number.get(bounds.number)
        by_number[bounds.number] = bounds if earlier is None else _combine(earlier, bounds)
    return tuple(by_number.values())


def verdict_on(part: Part, number: str) -> Verdict:
    """What the bounds on one of a part's numbers come to; the part's verdict where something else decided that."""
    verdicts = _verdicts_by_number(part)
    is_decided_by_bounds = bool(verdicts) and worst_verdict(verdicts.values()) is part.verdict
    return verdicts.get(number, part.verdict) if is_decided_by_bounds else part.verdict


def _list_limits(expect: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    """Every limit as (number that a probe names, or nothing; word; limit). `min_rows` is no limit of a number."""
    flat = [("", word, limit) for word, limit in expect.items()]
    named = [
        (name, word, limit)
        for name, inner in expect.items()
        if isinstance(inner, Mapping)
        for word, limit in inner.items()
    ]
    return [
        (name, word, float(limit)) for name, word, limit in (*flat, *named) if word in BY_WORD and _is_number(limit)
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _describe_limit(name: str, word: str, limit: float, *, grouped: bool) -> NumberBounds:
    bound = BY_WORD[word]
    quantity = bound.quantity.name
    is_between_groups = quantity in _BETWEEN_GROUPS
    subject = dict.fromkeys(part for part in (name, quantity) if part and part != VALUE)
    words = [*(["each"] if grouped and not is_between_groups else []), *subject, bound.sign, format_as_in_suite(limit)]
    better: Literal["high", "low"] = "high" if bound.side == "low" else "low"
    return NumberBounds(name or quantity, " ".join(words), (limit,), None if is_between_groups else better)


def _combine(one: NumberBounds, other: NumberBounds) -> NumberBounds:
    better = one.better if one.better == other.better else None
    text = f"{one.text}, {other.text.removeprefix('each ')}"
    return NumberBounds(one.number, text, one.limits + other.limits, better)


def _verdicts_by_number(part: Part) -> dict[str, Verdict]:
    """The verdict on every number with bounds: of a sweep, at the severity where it is worst."""
    parts = part.series if isinstance(part, Result) and part.series else (part,)
    verdicts: dict[str, Verdict] = {}
    for name, number in (pair for one in parts for pair in one.numbers.items()):
        if number.verdict is not None:
            verdicts[name] = worst_verdict([number.verdict, verdicts.get(name, number.verdict)])
    return verdicts
