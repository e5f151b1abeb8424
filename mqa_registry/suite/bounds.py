"""The bounds of a check: its table `expect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry.options import spelled
from mqa_registry.suite import grammar
from mqa_registry.suite.merge import without
from mqa_registry.suite.model import Expect

if TYPE_CHECKING:
    from mqa_registry.suite.findings import Findings
    from mqa_registry.suite.tree import Node

BOUNDS = tuple(word for word in grammar.EXPECT.names if word != "min_rows")


def expectation(node: Node, findings: Findings) -> Expect:
    """The bounds that stand in `expect`, those that are no bounds left out."""
    numbers = [
        key for key, child in node.tables.items() if isinstance(child.value, dict) and key not in grammar.EXPECT.names
    ]
    for key in numbers:
        message = f"`expect.{key}` is a table, and a metric or comparison gives the one number `value`"
        findings.add(node.tables[key].key, message, "write its bounds into `expect` itself, as in `{ min = 0.9 }`")
    good = findings.table(without(node, numbers), grammar.EXPECT, owner="`expect`")
    if not (set(node.tables) - {"min_rows"}):
        findings.add(node.at, "`expect` bounds nothing", f"give one of {', '.join(f'`{word}`' for word in BOUNDS)}")
    values: dict[str, Any] = {
        key: child.value if key == "min_rows" else float(child.value) for key, child in good.items()
    }
    expect = Expect(**values)
    _exclusive(node, expect, findings)
    return expect


def _exclusive(node: Node, expect: Expect, findings: Findings) -> None:
    """Bounds that no number can keep."""
    if expect.min is not None and expect.max is not None and expect.min > expect.max:
        message = f"no number is at least {spelled(expect.min)} and at most {spelled(expect.max)}"
        findings.add(node.tables["max"].at, message, "`min` must not be more than `max`")
    if expect.max_drop is not None and expect.max_rise is not None and expect.max_rise < -expect.max_drop:
        message = (
            f"no difference drops by at most {spelled(expect.max_drop)} and rises by at most {spelled(expect.max_rise)}"
        )
        findings.add(node.tables["max_rise"].at, message, "both count from the reference, each in its own direction")
