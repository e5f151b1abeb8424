"""Severity: how strong a perturbation is, on one scale of 1 to 5 for all of them.

A severity stands for a rate, the share of a text's spans (its words, its gaps, its marks) that are changed, of those
that can be:

| severity | geometric: accidents such as typos and homoglyphs | linear: whole texts, such as lost case and lost accents |
|---|---|---|
| 1 | 0.025 | 0.2 |
| 2 | 0.05 | 0.4 |
| 3 | 0.1 | 0.6 |
| 4 | 0.2 | 0.8 |
| 5 | 0.4 | 1 |

Where a suite gives neither, a geometric scale defaults to severity 3 and a linear one to severity 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from annotated_types import Ge, Gt, Le

from mqa_registry import UsageError

Severity: TypeAlias = Annotated[int, Ge(1), Le(5)]
Rate: TypeAlias = Annotated[float, Gt(0), Le(1)]


@dataclass(frozen=True)
class Scale:
    """The rate of each severity from 1 to 5, and the default where a suite gives neither a severity nor a rate."""

    rates: tuple[float, float, float, float, float]
    default: float


GEOMETRIC = Scale((0.025, 0.05, 0.1, 0.2, 0.4), default=0.1)
LINEAR = Scale((0.2, 0.4, 0.6, 0.8, 1.0), default=1.0)


def resolve_rate(severity: int | None, rate: float | None, scale: Scale = GEOMETRIC) -> float:
    """The rate that the options `severity` and `rate` ask for; raises a UsageError where both are given."""
    if severity is None:
        return scale.default if rate is None else rate
    equivalent = scale.rates[severity - 1]
    if rate is not None:
        raise UsageError(
            f"`severity = {severity}` and `rate = {rate}` both say how much to change",
            hint=f"give one of them; `severity = {severity}` is `rate = {equivalent}` here",
        )
    return equivalent
