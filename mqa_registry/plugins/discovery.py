"""Which plugins are installed, without importing any."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from mqa_registry.hookspecs import GROUP

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint
    from typing import TypeAlias

    Found: TypeAlias = Mapping[str, tuple[EntryPoint, ...]]


def scan() -> Found:
    """Every entry point of the group `mqa` by its name: more than one where distributions claim the same."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, origin(point))):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


@cache
def installed() -> Found:
    """What `scan` finds, looked up once per process."""
    return scan()


def origin(point: EntryPoint) -> tuple[str, str]:
    """The name and version of the distribution that an entry point comes with."""
    if point.dist is None:
        return "unknown", ""
    # Damaged metadata may lack either.
    return point.dist.metadata["Name"] or "unknown", point.dist.metadata["Version"] or ""
