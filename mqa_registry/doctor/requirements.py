"""Whether the installed packages are the ones that mqa and its plugins ask for."""

from __future__ import annotations

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from mqa_registry.findings import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def unmet(names: Iterable[str]) -> Iterator[Finding]:
    """What these distributions ask for and do not get, and what those that they get do not get in turn.

    The former is a problem; the latter a note, for it is others' to know how strict their words are.
    """
    direct = {canonicalize_name(name) for name in names}
    pending, seen = sorted((name, "") for name in direct), set[tuple[str, str]]()
    while pending:
        name, extra = pending.pop(0)
        if (name, extra) in seen or (found := _installed(name)) is None:
            continue
        seen.add((name, extra))
        for requirement in _requirements(found, extra):
            if fault := _fault(requirement):
                level: Level = "problem" if name in direct else "note"
                yield Finding(
                    level, requirement.name, f"{fault}, and {name} asks for `{_plain(requirement)}`", _fix(requirement)
                )
            pending += [(canonicalize_name(requirement.name), extra) for extra in ("", *sorted(requirement.extras))]


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _requirements(found: Distribution, extra: str) -> Iterator[Requirement]:
    """What a distribution asks for on this machine: of itself, or for one of its extras alone."""
    for line in found.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:  # of an old package; pip would not take it either
            continue
        always = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        needed = requirement.marker is not None and requirement.marker.evaluate({"extra": extra})
        if needed and not always if extra else always:
            yield requirement


def _fault(requirement: Requirement) -> str:
    """What is wrong with what is installed of it, or nothing."""
    found = _installed(requirement.name)
    if found is None:
        return "is not installed"
    try:
        fits = requirement.specifier.contains(found.version, prereleases=True)
    except InvalidVersion:  # newer releases of `packaging` say False
        fits = False
    return "" if fits else f"is {found.version}"


def _plain(requirement: Requirement) -> str:
    return f"{requirement.name}{requirement.specifier}"


def _fix(requirement: Requirement) -> str:
    return f'pip install "{_plain(requirement)}"'
