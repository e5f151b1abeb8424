"""The names of checks: the one that a check is given, else measure / perturb / by, and the shorter one in reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.errors import Problem
from mqa_registry.naming import did_you_mean, shorten_check_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mqa_registry.errors import Location
    from mqa_registry.suite.toml import Node


def check_name(check: Node) -> str:
    """The name of a check: its `name`, else measure / perturb / by; empty where these are not valid."""
    given = check.get("name")
    if given is not None:
        return given.value if isinstance(given.value, str) else ""
    names = (" + ".join(references(check.get(key))) for key in ("measure", "perturb", "by"))
    return " / ".join(filter(None, names))


def check_title(check: Node) -> str:
    """The shorter name of a check in reports."""
    parts = (node.plain() if (node := check.get(key)) else None for key in ("measure", "perturb", "by"))
    return shorten_check_name(check_name(check), *parts)


def check_titles(checks: Iterable[Node]) -> dict[str, str]:
    """The shorter names of checks in reports, by their names."""
    return {check_name(check): check_title(check) for check in checks}


def matching_checks(name: object, titles: Mapping[str, str]) -> list[str]:
    """The names of the checks that a name refers to: the check of that name, else those of that name in reports."""
    if not isinstance(name, str):
        return []
    return [name] if name in titles else [full for full, title in titles.items() if title == name]


def find_check(
    name: object, titles: Mapping[str, str], at: Location, *, noun: str = "check", missing: str, hint: str
) -> str | Problem:
    """The name of the one check that a name refers to, else a problem.

    `titles` are the names of the checks in reports by their names. `missing` is the message where there is no such
    check, `hint` the hint where no check has a similar name.
    """
    matches = matching_checks(name, titles)
    if len(matches) == 1:
        return matches[0]
    if matches:
        message = f"{len(matches)} {noun}s are called `{name}` in reports"
        return Problem(message, f"write one of {join_names(matches)}", at)
    return Problem(missing, did_you_mean(str(name), dict.fromkeys([*titles, *titles.values()])) or hint, at)


def join_names(names: Iterable[str]) -> str:
    """Names in backticks with commas between them."""
    return ", ".join(f"`{name}`" for name in names)


def references(node: Node | None) -> list[str]:
    """The contributions that a value names: by a string, a table with `use`, or an array of these."""
    if node is None:
        return []
    if node.items:
        return [name for item in node.items for name in references(item)]
    use = node.get("use") or node
    return [use.value] if isinstance(use.value, str) else []
