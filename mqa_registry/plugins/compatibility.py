"""Whether a plugin fits this mqa: what its distribution requires, and the version of the hooks that it was written for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import HOOKS_VERSION
from mqa_registry.entry_points import DISTRIBUTION

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

API = "mqa_api"  # the number in a plugin's module that says which version of the hooks it was written for
UPGRADE = f"`pip install --upgrade {DISTRIBUTION}`, or an earlier version of the plugin"


class IncompatiblePluginError(Exception):
    """A plugin was written for another mqa; the message says for which, to its user."""


def check_requirement(point: EntryPoint, host_version: str) -> None:
    """Raise an IncompatiblePluginError where the distribution of an entry point requires another version of mqa.

    Whoever installed it went past pip's check, or has changed the version of mqa since.
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for line in (point.dist.requires if point.dist is not None else None) or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:  # of an old package; pip would not take it either
            continue
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        is_host = canonicalize_name(requirement.name) == DISTRIBUTION
        if is_host and applies and not requirement.specifier.contains(host_version, prereleases=True):
            raise IncompatiblePluginError(
                f"it needs {DISTRIBUTION} {requirement.specifier}, and {host_version} is installed"
            )


def read_api_version(module: object) -> int | None:
    """The version of the hooks that a plugin says it was written for; None where it says nothing.

    Raises an IncompatiblePluginError where that is a later one than this mqa has, or no version at all.
    """
    version: Any = getattr(module, API, None)
    if version is None:
        return None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise IncompatiblePluginError(f"its `{API}` is {version!r:.40}, and must be a whole number from 1 on")
    if version > HOOKS_VERSION:
        raise IncompatiblePluginError(
            f"it was written for version {version} of the hooks, and this mqa has {HOOKS_VERSION}"
        )
    return version
