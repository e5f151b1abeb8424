"""The names of checks: the one that a check is given, else measure / perturb / by, and the shorter one in reports.

Also where a suite file has a check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry.errors import Problem
from mqa_registry.naming import did_you_mean, referenced_names, shorten_check_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mqa_registry.errors import Location
    from mqa_registry.suite.toml import Node


def check_name(check: Node) -> str:
    """The name of a check: its `name`, else measure / perturb / by; empty where these are not valid."""
    given = check.get("name")
    if given is not None:
        return given.value if isinstance(given.value, str) else ""
    return " / ".join(filter(None, (" + ".join(referenced_names(reference)) for reference in _references(check))))


def check_title(check: Node) -> str:
    """The shorter name of a check in reports."""
    return shorten_check_name(check_name(check), *_references(check))


def locate_check(check: Node) -> Location | None:
    """Where a suite file has a check; of one that the command line alters, its first key in a file.

    None where no file has it.
    """
    locations = (check.at, *(child.key for child in check.tables.values()))
    return next((location for location in locations if location.is_in_file), None)


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


def _references(check: Node) -> list[Any]:
    """What a check names as `measure`, `perturb` and `by`, without positions; None where it names nothing."""
    return [node.plain() if (node := check.get(key)) else None for key in ("measure", "perturb", "by")]
