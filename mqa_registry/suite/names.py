"""The names of checks: the one that is given, else measure / perturb / by; and how a report shortens these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mqa_registry.suite.tree import Node


def check_name(check: Node) -> str:
    """The name of a check, as far as its table says enough; else nothing."""
    given = check.get("name")
    if given is not None:
        return given.value if isinstance(given.value, str) else ""
    return " / ".join(part for key in ("measure", "perturb", "by") if (part := _referred(check.get(key))))


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


def title(name: str, measure: Any, perturb: Any, by: Any) -> str:
    """The name as reports tell it: one made of its measure, perturbation and slices is told as `f1 macro / typos`.

    The parts are as a suite file spells them: a text, a table with `use`, or a list of either.
    """
    parts = [part for part in (measure, perturb, by) if uses(part)]
    made = " / ".join(" + ".join(uses(part)) for part in parts)
    return " / ".join(map(_short, parts)) if name == made else name


def uses(reference: Any) -> list[str]:
    """The contributions that are named: by a text, by a table with `use`, or by a list of either."""
    if isinstance(reference, Mapping):
        return uses(reference.get("use"))
    if isinstance(reference, list | tuple):
        return [use for inner in reference for use in uses(inner)]
    return [reference] if isinstance(reference, str) else []


def _short(reference: Any) -> str:
    """A contribution without its plugin, with those of its options that are words."""
    if isinstance(reference, list | tuple):
        return " + ".join(_short(inner) for inner in reference)
    options = reference.items() if isinstance(reference, Mapping) else ()
    words = [value for key, value in options if key != "use" and isinstance(value, str)]
    return " ".join([use.rpartition("/")[2] for use in uses(reference)] + words)
