"""Entry points: what installed distributions give under the name of a group, found without importing any of it."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import importlib.metadata
    import re
    from collections.abc import Mapping, Sequence
    from importlib.metadata import EntryPoint
    from typing import TypeAlias

    EntryPoints: TypeAlias = Mapping[str, tuple[EntryPoint, ...]]

DISTRIBUTION = "mqa-registry"  # whose names nobody else can take
UNKNOWN = "unknown"  # a distribution without a name


def list_entry_points(group: str, name: re.Pattern[str] | None = None) -> EntryPoints:
    """The entry points of a group by their names in order: more than one where distributions claim the same name.

    A name that mqa's own distribution gives is its own, whoever else claims it: see `list_refused_claims`. With a pattern,
    one whose whole name does not match it is left out.
    """
    claims = _list_claims(group, name)
    return {each: points if len(points) == 1 else _settle(points) for each, points in claims.items()}


def list_refused_claims(group: str) -> EntryPoints:
    """The entry points that claim a name of mqa's own distribution, which are never loaded, by that name."""
    several = {name: points for name, points in _list_claims(group, None).items() if len(points) > 1}
    refused = {
        # Two entry points are equal where their names and modules are, whatever their distributions.
        name: tuple(
            point for point in sorted(points, key=read_origin) if not any(point is one for one in _settle(points))
        )
        for name, points in several.items()
    }
    return {name: points for name, points in refused.items() if points}


def _list_claims(group: str, name: re.Pattern[str] | None) -> EntryPoints:
    """All entry points of a group by their names in order. The metadata of a distribution is read by who needs it."""
    by_name: dict[str, tuple[EntryPoint, ...]] = {}
    for point in sorted(_scan(_path_state()).select(group=group), key=lambda point: point.name):
        if name is None or name.fullmatch(point.name):
            by_name[point.name] = (*by_name.get(point.name, ()), point)
    return by_name


@lru_cache(maxsize=1)
def _scan(_state: tuple[tuple[str, int], ...]) -> importlib.metadata.EntryPoints:
    """All entry points that are installed: found once for all groups, since that opens a file of each distribution."""
    found: Any = entry_points()  # in Python 3.11 of a class of its own
    return cast("importlib.metadata.EntryPoints", found)


def _path_state() -> tuple[tuple[str, int], ...]:
    """The folders that modules are imported from, each with the time of its last change, as of an installation."""
    return tuple((folder, _changed_at(folder or ".")) for folder in sys.path)


def _changed_at(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116 - called for every folder of a long path
    except OSError:
        return 0


def _settle(points: tuple[EntryPoint, ...]) -> tuple[EntryPoint, ...]:
    """Those of several claims to a name that count: mqa's own, else all, in the order of their distributions."""
    own = tuple(point for point in points if read_origin(point)[0] == DISTRIBUTION)
    return own or tuple(sorted(points, key=read_origin))


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
