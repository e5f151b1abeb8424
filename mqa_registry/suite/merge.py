"""Laying one suite over another: what `extends` and `--set` do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mqa_registry.suite.names import check_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mqa_registry.suite.tree import Node


def lay_over(under: Node, over: Node) -> Node:
    """One suite over another: tables key by key, checks name by name, anything else as the upper one has it."""
    merged = _tables(under, over)
    checks = [node.get("check") for node in (under, over)]
    if all(node is not None and isinstance(node.value, list) for node in checks):
        lower, upper = (node.items for node in checks if node is not None)
        merged.value["check"] = replace(merged.value["check"], value=_checks(lower, upper))
    return merged


def without(suite: Node, keys: Iterable[str]) -> Node:
    """A table without these keys."""
    return replace(suite, value={key: node for key, node in suite.tables.items() if key not in keys})


def _tables(under: Node, over: Node) -> Node:
    if not (isinstance(under.value, dict) and isinstance(over.value, dict)):
        return over
    both = {key: _tables(node, over.value[key]) for key, node in under.value.items() if key in over.value}
    return replace(over, value={**under.value, **over.value, **both})


def _checks(under: list[Node], over: list[Node]) -> list[Node]:
    """Every lower check with the first upper one of its name laid over it, then the other upper ones."""
    named: dict[str, Node] = {}
    others = []
    known = {check_name(check) for check in under} - {""}
    for check in over:
        name = check_name(check)
        if name in known and name not in named:
            named[name] = check
        else:
            others.append(check)
    return [_tables(check, named[name]) if (name := check_name(check)) in named else check for check in under] + others
