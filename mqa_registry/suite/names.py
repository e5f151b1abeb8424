"""The names of checks: the one that is given, else measure / perturb / by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.naming import title

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.suite.tree import Node


def check_name(check: Node) -> str:
    """The name of a check, as far as its table says enough; else nothing."""
    given = check.get("name")
    if given is not None:
        return given.value if isinstance(given.value, str) else ""
    return " / ".join(part for key in ("measure", "perturb", "by") if (part := _referred(check.get(key))))


def check_title(check: Node) -> str:
    """The name of a check as reports tell it, as far as its table says enough."""
    parts = (node.plain() if (node := check.get(key)) else None for key in ("measure", "perturb", "by"))
    return title(check_name(check), *parts)


def checks_meant(name: object, titles: Mapping[str, str]) -> list[str]:
    """The names of the checks that somebody means by a name: the one of that name, else those that reports call so.

    `titles` are the titles of the checks by their names.
    """
    return [str(name)] if name in titles else [full for full, title in titles.items() if title == name]


def references(node: Node | None) -> list[str]:
    """The contributions that a value refers to: by a string, a table with `use`, or an array of these."""
    if node is None:
        return []
    if node.items:
        return [name for item in node.items for name in references(item)]
    use = node.get("use") or node
    return [use.value] if isinstance(use.value, str) else []


def _referred(node: Node | None) -> str:
    return " + ".join(references(node))
