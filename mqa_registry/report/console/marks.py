"""Marks: whose verdict stands beside a number, that of its own bounds or that of the whole check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.judging.result import Result
from mqa_registry.report.console.families import worst

if TYPE_CHECKING:
    from mqa_registry.judging.result import Part, Verdict


def verdict_on(part: Part, number: str) -> Verdict:
    """What the bounds on one of a part's numbers come to; the part's verdict where no bound has decided that."""
    bound = _bound(part)
    return bound.get(number, part.verdict) if bound and worst(bound.values()) is part.verdict else part.verdict


def _bound(part: Part) -> dict[str, Verdict]:
    """The verdict on every number with bounds of its own: of a sweep, at its worst severity."""
    parts = part.series if isinstance(part, Result) and part.series else (part,)
    found: dict[str, Verdict] = {}
    for name, number in (pair for one in parts for pair in one.numbers.items()):
        if number.verdict is not None:
            found[name] = worst([number.verdict, found.get(name, number.verdict)])
    return found
