"""Whether the bounds of a check lie where its number can: a share is never 85."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mqa_registry.contributions import Comparison, Metric, Probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.contributions import Contribution
    from mqa_registry.suite.question import Draft
    from mqa_registry.suite.tree import Node
    from mqa_registry.suite.world import Complaint, Rule, World

    Range = tuple[float, float]

VALUE = "value"  # a measure's main number, which is bounded in `expect` itself
WORDS = {"max_drop": "a drop of", "max_rise": "a rise of", "max_gap": "a gap of"}


def _bounds_within_the_range(draft: Draft, world: World) -> Iterator[Complaint]:
    for name, expect in (draft.expect or {}).items():
        reach = _range(draft.kind, name)
        for word, bound in expect.bounds().items():
            low, high = _limits(word, reach)
            node = _node(draft, name, word)
            if node is not None and not low <= bound <= high:
                of = f"`{draft.measured}`" if name == VALUE else f"`{name}` of `{draft.measured}`"
                yield (
                    node,
                    f"`{word}` is {bound:g}, and {_between(WORDS.get(word, ''), of, low, high)}",
                    _hint(bound, low, high),
                )


def _range(kind: Contribution | None, name: str) -> Range:
    """From where to where a number of a measure can lie."""
    if isinstance(kind, Metric | Comparison):
        return kind.range
    return kind.ranges.get(name, (-math.inf, math.inf)) if isinstance(kind, Probe) else (-math.inf, math.inf)


def _limits(word: str, reach: Range) -> Range:
    """From where to where a bound can lie; two numbers lie at most the length of the range apart."""
    low, high = reach
    if word in ("min", "max"):
        return reach
    if word in ("max_drop", "max_rise"):
        return low - high, high - low
    return (0.0, high - low) if word == "max_gap" else (-math.inf, math.inf)


def _node(draft: Draft, name: str, word: str) -> Node | None:
    expect = draft.given.get("expect")
    table = expect if expect is None or name == VALUE else expect.get(name)
    return table.get(word) if table is not None else None


def _between(what: str, of: str, low: float, high: float) -> str:
    subject = f"{what} {of}".strip()
    if math.isinf(high):
        return f"{subject} is never less than {low:g}"
    return (
        f"{subject} is never more than {high:g}" if math.isinf(low) else f"{subject} lies between {low:g} and {high:g}"
    )


def _hint(bound: float, low: float, high: float) -> str:
    if 1 < bound <= 100 and low <= bound / 100 <= high <= 1:
        return f"it is not in per cent: write {bound / 100:g}"
    return "such a bound says nothing: all numbers are on one side of it"


RANGE_RULES: tuple[Rule, ...] = (_bounds_within_the_range,)
