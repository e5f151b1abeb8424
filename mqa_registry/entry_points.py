"""Entry points: what installed distributions give under the name of a group, found without importing any of it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping, Sequence
    from importlib.metadata import EntryPoint
    from typing import TypeAlias

    EntryPoints: TypeAlias = Mapping[str, tuple[EntryPoint, ...]]

UNKNOWN = "unknown"  # a distribution without a name


def list_entry_points(group: str, name: re.Pattern[str] | None = None) -> EntryPoints:
    """The entry points of a group by their names in order: more than one where distributions claim the same name.

    With a pattern, one whose whole name does not match it is left out.
    """
    by_name: dict[str, tuple[EntryPoint, ...]] = {}
    points = (point for point in entry_points(group=group) if name is None or name.fullmatch(point.name))
    for point in sorted(points, key=lambda point: (point.name, *read_origin(point))):
        by_name[point.name] = (*by_name.get(point.name, ()), point)
    return by_name


def read_origin(point: EntryPoint) -> tuple[str, str]:
    """The name and version of the distribution that an entry point comes with; `unknown` and empty where it has none.

    So too where the metadata of the distribution is damaged.
    """
    if point.dist is None:
        return UNKNOWN, ""
    try:
        metadata = point.dist.metadata  # damaged metadata may lack either
    except (
        FileNotFoundError
    ):  # the backport of importlib.metadata, once imported, reads for all, and refuses an empty file
        return UNKNOWN, ""
    return metadata["Name"] or UNKNOWN, metadata["Version"] or ""


def describe_origins(points: Sequence[EntryPoint]) -> str:
    """The names and versions of the distributions that give entry points."""
    return " and ".join(" ".join(read_origin(point)).rstrip() for point in points)
