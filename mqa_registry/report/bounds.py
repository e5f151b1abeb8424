"""What a check expects, in the words of a report: `≥ 0.78`, `drop ≤ 0.05`, `each ≥ 0.70`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mqa_registry.bounds import BY_WORD, QUANTITIES
from mqa_registry.bounds import VALUE as MAIN
from mqa_registry.report.numbers import level

VALUE = MAIN.name  # the measure's main number

_BETWEEN_GROUPS = frozenset(quantity.name for quantity in QUANTITIES if quantity.need == "groups")


@dataclass(frozen=True)
class Bound:
    """One number of a check and what it is held against.

    `better` says which way is good, where the bound tells: not for a gap, which may lie either way. `limits` are the
    bare numbers.
    """

    number: str
    text: str
    limits: tuple[float, ...]
    better: Literal["high", "low"] | None

    @property
    def between_groups(self) -> bool:
        """Whether it is about how far groups lie apart, and not about each of them."""
        return self.number in _BETWEEN_GROUPS


def bounds(expect: Mapping[str, Any], *, grouped: bool) -> tuple[Bound, ...]:
    """The bounds of a check, one for every number that is judged; `grouped` where they are on every group."""
    found: dict[str, Bound] = {}
    for name, word, limit in _limits(expect):
        row = BY_WORD[word]
        bound = _bound(name or row.quantity.name, row.quantity.name, row.sign, limit, grouped=grouped)
        earlier = found.get(bound.number)
        found[bound.number] = bound if earlier is None else _both(earlier, bound)
    return tuple(found.values())


def _limits(expect: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    """Every limit as (name of a probe's number or nothing, word, limit); `min_rows` is none."""
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


def _bound(name: str, number: str, sign: str, limit: float, *, grouped: bool) -> Bound:
    between = number in _BETWEEN_GROUPS
    subject = [word for word in (name, number) if word != VALUE]
    words = ["each"] * (grouped and not between) + list(dict.fromkeys(subject)) + [sign, level(limit)]
    better: Literal["high", "low"] = "high" if sign == "≥" else "low"
    return Bound(name, " ".join(words), (limit,), None if between else better)


def _both(one: Bound, other: Bound) -> Bound:
    better = one.better if one.better == other.better else None
    return Bound(one.number, f"{one.text}, {other.text.removeprefix('each ')}", one.limits + other.limits, better)
